"""TLS as a findscu command line asks for it.

findscu never compares the peer's certificate with its name, knows no trust store but
the files and folders given, and sends no server name unless told to. A folder counts
with every certificate in it, not only those under OpenSSL's hash names.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from batchfind.errors import InputError
from batchfind.execution.credentials import Credentials
from batchfind.execution.secret_sources import read_bytes
from batchfind.execution.tls_files import Named, TlsFiles, read_certificates
from batchfind.findscu.call import Password, TlsCall
from batchfind.findscu.logs import Log
from batchfind.job.transport_model import CrlCheck, FileFormat, Tls
from batchfind.net.tls import TlsClient
from batchfind.net.tls_material import MaterialError, private_key

_QUESTION: Final = "Enter PEM pass phrase:"

Ask = Callable[[str], str]


def prepare_tls(call: TlsCall, log: Log, ask: Ask) -> TlsClient:
    """The TLS client of a command line; blocks, also for a person.

    Args:
        call: the TLS options.
        log: told of trust that cannot be loaded, which is no reason to stop.
        ask: asks for the password of an encrypted key.

    Raises:
        InputError: key, certificate, password, list, profile or cipher cannot be
            used.
    """
    form = FileFormat.DER if call.der else FileFormat.PEM
    tls = Tls(
        name="findscu",
        profile=call.profile,
        key=call.key,
        certificate=call.certificate,
        format=form,
        system_ca=False,
        crl_check=CrlCheck(call.crl_check),
        ciphers=call.ciphers,
        verify=call.verify,
    )
    key = _bytes_of(call.key)
    files = TlsFiles(
        tls=tls,
        source="TLS",
        key=key,
        certificate=_bytes_of(call.certificate),
        password=None if key is None else _password(call, key, ask),
        cas=_trusted(call, form, log),
        crls=tuple((str(path), read_bytes(str(path))) for path in call.crls),
    )
    if call.seed is not None:
        # Worth nothing by itself: the system's generator needs no help.
        ssl.RAND_add(read_bytes(str(call.seed)), 0.0)
    return TlsClient.prepare(files.settings()).towards(None, call.sni)


def write_seed(call: TlsCall, log: Log) -> None:
    """Writes random bytes to the file of `+ws` or `+wf`, at the very end."""
    if call.write_seed is not None:
        for problem in Credentials(seeds=[call.write_seed]).write_seeds():
            log.warn(problem)


def _bytes_of(path: Path | None) -> bytes | None:
    return None if path is None else read_bytes(str(path))


def _password(call: TlsCall, key: bytes, ask: Ask) -> bytes | None:
    """The password of the key; None when it needs none."""
    try:
        if not private_key(key, der=call.der).encrypted:
            return None
    except MaterialError:
        return None  # preparing says it better
    if call.password is not Password.PROMPT:
        return call.given.encode()
    try:
        return ask(_QUESTION).encode()
    except EOFError:
        message = f"no password for the encrypted key {call.key}; give it with +pw"
        raise InputError(message) from None


def _trusted(call: TlsCall, form: FileFormat, log: Log) -> tuple[Named, ...]:
    found: list[Named] = []
    for path in call.ca_files:
        try:
            found.append((str(path), read_bytes(str(path))))
        except InputError as error:
            log.warn(f"unable to load certificate file '{path}', ignoring: {error}")
    for folder in call.ca_dirs:
        try:
            found.extend(read_certificates(folder, form))
        except InputError as error:
            log.warn(
                f"unable to load certificates from directory '{folder}', ignoring:"
                f" {error}"
            )
    return tuple(found)
