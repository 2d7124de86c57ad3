"""Reads the keys, certificates and revocation lists that a job names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from batchfind.errors import InputError
from batchfind.execution.secret_sources import MOST_BYTES, read_bytes
from batchfind.job.transport_model import FileFormat, Tls
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_material import MaterialError, certificates
from batchfind.net.tls_names import is_address

Named = tuple[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The content of every file one entry of `tls` names.

    Attributes:
        password: of the key; None when the job gives none.
        cas, crls: name of the file and its bytes.
    """

    tls: Tls
    source: str
    password: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = None
    cas: tuple[Named, ...] = ()
    crls: tuple[Named, ...] = ()

    def settings(self) -> TlsSettings:
        """The settings for any host: without names."""
        tls = self.tls
        return TlsSettings(
            profile=tls.profile,
            key=self.key,
            certificate=self.certificate,
            key_name=str(tls.key),
            certificate_name=str(tls.certificate),
            password=self.password,
            der=tls.format is FileFormat.DER,
            cas=self.cas,
            system_ca=tls.system_ca,
            crls=self.crls,
            crl_check=tls.crl_check.value,
            ciphers=tls.ciphers,
            verify=tls.verify,
            source=self.source,
        )


def read_certificates(folder: Path, form: FileFormat) -> tuple[Named, ...]:
    """Every certificate file of a folder, whatever its name; folders within are not.

    Args:
        folder: of `tls.ca_dirs`.
        form: how its certificates are encoded; other files are passed over.

    Raises:
        InputError: the folder cannot be read, or holds no certificate.
    """
    found: dict[bytes, str] = {}
    for path in _files(folder):
        data = read_bytes(str(path))
        if _is_certificate(data, form):
            # Folders made for OpenSSL hold each certificate under a second name.
            found.setdefault(data, str(path))
    if not found:
        raise InputError(f"{folder} holds no certificate in {form.value.upper()}")
    return tuple((name, data) for data, name in found.items())


def _files(folder: Path) -> list[Path]:
    try:
        return [
            path
            for path in sorted(folder.iterdir())
            if path.is_file() and path.stat().st_size <= MOST_BYTES
        ]
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from None


def _is_certificate(data: bytes, form: FileFormat) -> bool:
    try:
        certificates(data, der=form is FileFormat.DER)
    except MaterialError:
        return False
    return True


def name_to_verify(tls: Tls, host: str) -> str | None:
    """The name the peer's certificate has to hold; None for any."""
    if not tls.verify or tls.verify_hostname is False:
        return None
    return host if tls.verify_hostname is True else tls.verify_hostname


def server_name(tls: Tls, host: str) -> str | None:
    """The server name indication; an address is never one.

    Source: RFC 6066 Section 3.
    """
    if tls.sni is not None:
        return tls.sni or None
    return None if is_address(host) else host
