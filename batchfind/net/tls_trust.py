"""Whom we trust, and how we show who we are: files into a context of `ssl`."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from batchfind.dicom.tls import TlsProfile
from batchfind.errors import InputError
from batchfind.net.der import DerError
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_material import (
    MaterialError,
    PrivateKey,
    certificates,
    certificates_pem,
    nameless_file,
    private_key,
    revocation_lists,
    revocation_lists_pem,
)
from batchfind.net.tls_verdicts import too_short
from batchfind.net.x509 import Certificate

_CHECKS = {
    "none": ssl.VerifyFlags.VERIFY_DEFAULT,
    "leaf": ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF,
    "chain": ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN,
}
_MISMATCHES = frozenset(
    {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}
)
_WEAKNESSES = {
    "EE_KEY_TOO_SMALL": "its key is too short",
    "CA_KEY_TOO_SMALL": "a key of its chain is too short",
    "CA_MD_TOO_WEAK": "it is signed with a weak digest",
}


def load_trust(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Trusted certificates, revocation lists, and what is checked by them.

    Raises:
        InputError: naming the file that cannot be used, or what is missing.
    """
    if not settings.verify:
        context.verify_mode = ssl.CERT_NONE
        return
    if not settings.cas and not settings.system_ca:
        raise InputError(
            f"{settings.source}: nobody is trusted; name certificates in ca or "
            "ca_dirs, or set system_ca: true"
        )
    for name, data in settings.cas:
        _load_ca(context, name, data, settings)
    if settings.system_ca:
        context.load_default_certs()
    for name, data in settings.crls:
        _load_crl(context, name, data, settings)
    if settings.crl_check != "none" and not settings.crls:
        raise InputError(
            f"{settings.source}.crl_check: there is no revocation list to check "
            "against; name one in crl"
        )
    context.verify_flags |= _CHECKS[settings.crl_check]


def load_own(
    context: ssl.SSLContext, settings: TlsSettings, profile: TlsProfile
) -> None:
    """Our certificate and its key.

    Raises:
        InputError: naming the file that cannot be used, and why.
    """
    chain = _own_chain(settings, profile)
    key = _own_key(settings)
    if key.encrypted and settings.password is None:
        raise InputError(
            f"{settings.source}.key: {settings.key_name} is encrypted; set password"
        )
    try:
        with (
            nameless_file(certificates_pem(chain)) as chain_path,
            nameless_file(key.pem) as key_path,
        ):
            # A function, lest OpenSSL ask at the terminal.
            context.load_cert_chain(
                chain_path, key_path, password=lambda: settings.password or b""
            )
    except (OSError, ValueError) as error:
        raise InputError(_own_fault(error, key, settings)) from None


def _own_chain(settings: TlsSettings, profile: TlsProfile) -> tuple[bytes, ...]:
    where = f"{settings.source}.certificate: {settings.certificate_name}"
    try:
        chain = certificates(settings.certificate or b"", der=settings.der)
        leaf = Certificate.parse(chain[0])
    except (DerError, MaterialError) as error:
        raise InputError(f"{where} {error}") from None
    now = datetime.now(UTC)
    if leaf.ends < now:
        raise InputError(
            f"{where} holds {leaf}, which expired on {leaf.ends:%Y-%m-%d}; renew it"
        )
    if leaf.begins > now:
        raise InputError(
            f"{where} holds {leaf}, which is not valid before {leaf.begins:%Y-%m-%d}"
        )
    if shortage := too_short(leaf, profile):
        raise InputError(f"{where}: {shortage}; use another certificate or profile")
    return chain


def _own_key(settings: TlsSettings) -> PrivateKey:
    try:
        return private_key(settings.key or b"", der=settings.der)
    except MaterialError as error:
        raise InputError(
            f"{settings.source}.key: {settings.key_name} {error}"
        ) from None


def _own_fault(error: Exception, key: PrivateKey, settings: TlsSettings) -> str:
    code = error.reason if isinstance(error, ssl.SSLError) else None
    if code in _MISMATCHES:
        return (
            f"{settings.source}: the key in {settings.key_name} does not belong to "
            f"the first certificate in {settings.certificate_name}"
        )
    if code in _WEAKNESSES:
        return (
            f"{settings.source}.certificate: {settings.certificate_name} cannot be "
            f"used with the profile {settings.profile}: {_WEAKNESSES[code]}"
        )
    if key.encrypted:
        return (
            f"{settings.source}.password: the password does not open the key in "
            f"{settings.key_name}"
        )
    return f"{settings.source}.key: the key in {settings.key_name} is damaged"


def _load_ca(
    context: ssl.SSLContext, name: str, data: bytes, settings: TlsSettings
) -> None:
    try:
        found = certificates(data, der=settings.der)
        context.load_verify_locations(cadata=b"".join(found))
    except MaterialError as error:
        raise InputError(f"{settings.source}.ca: {name} {error}") from None
    except ssl.SSLError:
        raise InputError(
            f"{settings.source}.ca: {name} holds a damaged certificate"
        ) from None


def _load_crl(
    context: ssl.SSLContext, name: str, data: bytes, settings: TlsSettings
) -> None:
    try:
        found = revocation_lists(data, der=settings.der)
        with nameless_file(revocation_lists_pem(found)) as path:
            context.load_verify_locations(cafile=path)
    except MaterialError as error:
        raise InputError(f"{settings.source}.crl: {name} {error}") from None
    except ssl.SSLError:
        raise InputError(
            f"{settings.source}.crl: {name} holds a damaged revocation list"
        ) from None
