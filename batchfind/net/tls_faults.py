"""From how a TLS connection ended to the error its caller gets."""

from __future__ import annotations

import re
import ssl

from batchfind.dicom.tls import PROFILES
from batchfind.errors import (
    PeerClosed,
    PeerError,
    TlsCutOff,
    TlsHandshake,
    TlsVerify,
)
from batchfind.net.der import DerError
from batchfind.net.tls_names import matches
from batchfind.net.tls_session import TlsSession
from batchfind.net.tls_verdicts import Refusal, reason, too_short, wrong_name
from batchfind.net.x509 import Certificate

_ALERT = re.compile(r"(?:(?:SSLV3|TLSV1|TLSV13)_ALERT|TLSV1)_(\w+)")
#: Alerts that Python has no word for. Source: RFC 8446 Section 6.
_NUMBERS = {116: "CERTIFICATE_REQUIRED", 120: "NO_APPLICATION_PROTOCOL"}
#: Alerts about the certificate we showed, or did not. Source: RFC 8446 Section 6.2.
_ABOUT_OURS = {
    "CERTIFICATE_REQUIRED": "it demands one",
    "NO_CERTIFICATE": "it demands one",
    "BAD_CERTIFICATE": "it is damaged, or of the wrong kind",
    "UNSUPPORTED_CERTIFICATE": "its kind is not supported",
    "CERTIFICATE_REVOKED": "it is revoked",
    "CERTIFICATE_EXPIRED": "it has expired",
    "CERTIFICATE_UNKNOWN": "it is not acceptable",
    "UNKNOWN_CA": "its issuer is not trusted there",
    "ACCESS_DENIED": "it gives no access",
}
_ALERTS = {
    "HANDSHAKE_FAILURE": "it finds no cipher suite or signature in common",
    "PROTOCOL_VERSION": "it finds no TLS version in common",
    "INSUFFICIENT_SECURITY": "it wants more security than the profile offers",
    "UNRECOGNIZED_NAME": "it does not know the server name that sni sends",
    "NO_APPLICATION_PROTOCOL": "it does not speak the application protocol dicom",
}
_OUTSIDE = "it answers with a {} that the profile {} does not hold"
_OURS = {
    "UNSUPPORTED_PROTOCOL": _OUTSIDE.format("TLS version", "{}"),
    "WRONG_SSL_VERSION": _OUTSIDE.format("TLS version", "{}"),
    "WRONG_CIPHER_RETURNED": _OUTSIDE.format("cipher suite", "{}"),
    "UNKNOWN_CIPHER_RETURNED": _OUTSIDE.format("cipher suite", "{}"),
    "DH_KEY_TOO_SMALL": "its Diffie-Hellman group is too small for the profile {}",
    "EE_KEY_TOO_SMALL": "its key is too short for the profile {}",
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": "it lacks secure renegotiation (RFC 5746)",
}
_SHOW_ONE = "set key and certificate in tls, or ask the peer's administrator for them"
_TRUST_OURS = (
    "have the peer's administrator trust the issuer of our certificate, or show "
    "another one"
)
_PLAIN = "take tls off this peer, or use the port where it speaks TLS"
#: Types of PDU. Source: PS3.8 Table 9-11 and following.
_PDU_TYPES = frozenset(range(0x01, 0x08))


def handshake_fault(session: TlsSession) -> PeerError:
    """Why no TLS connection came about."""
    error = session.error
    if isinstance(error, ssl.SSLCertVerificationError):
        refusal = Refusal(error.verify_code, error.verify_message, session.chain)
        return _refused(reason(refusal, session.settings))
    if session.foreign is not None:
        return _foreign(session.foreign)
    if error is None or error.reason == "UNEXPECTED_EOF_WHILE_READING":
        return _cut_off(session)
    return _about_ours(session) or TlsHandshake(f"no TLS connection: {_words(session)}")


def distrust(session: TlsSession) -> TlsVerify | None:
    """What OpenSSL did not check of an accepted certificate: name and key length."""
    settings = session.settings
    if not settings.verify:
        return None
    try:
        leaf = Certificate.parse(session.certificate())
    except DerError as error:
        return _refused(str(error))
    wanted = settings.verify_name
    if wanted is not None and not matches(wanted, session.alternative_names()):
        return _refused(wrong_name((leaf,), settings))
    if shortage := too_short(leaf, PROFILES[settings.profile]):
        return _refused(shortage)
    return None


def late_fault(session: TlsSession | None) -> PeerError | None:
    """What TLS has to do with the end of an established connection, or None.

    In TLS 1.3 the client is done before the peer has looked at its certificate: a
    refusal arrives where the first answer is awaited, as an alert or, when our own
    first bytes cross it, as a mere end of the connection.
    """
    if session is None or not session.established:
        return None
    if session.error is not None:
        refused = None if session.heard else _about_ours(session)
        return refused or PeerClosed(f"the TLS connection broke: {_words(session)}")
    witness = session.witness
    if session.heard or session.version != "TLSv1.3":
        return None
    if witness.ticket or not witness.asked:
        return None
    if session.settings.certificate is None:
        why = "it asked for one, and ended the connection without it"
        return _ours_refused(session, why)
    return _ours_refused(session, "it ended the connection after reading it")


def _about_ours(session: TlsSession) -> TlsVerify | None:
    """The peer's refusal of our certificate, if that is what its alert says."""
    alert = _alert(session)
    if alert in _ABOUT_OURS:
        return _ours_refused(session, _ABOUT_OURS[alert])
    lacking = session.witness.asked and session.settings.certificate is None
    if alert == "HANDSHAKE_FAILURE" and lacking and session.chain:
        # TLS 1.2 has no alert of its own for a certificate that is missing
        return _ours_refused(session, _ABOUT_OURS["CERTIFICATE_REQUIRED"])
    return None


def _refused(why: str) -> TlsVerify:
    return TlsVerify(f"the peer's certificate was refused: {why}")


def _ours_refused(session: TlsSession, why: str) -> TlsVerify:
    error = TlsVerify(f"the peer did not accept our certificate: {why}")
    error.hint = _SHOW_ONE if session.settings.certificate is None else _TRUST_OURS
    return error


def _foreign(first: int) -> TlsHandshake:
    what = "in DICOM without TLS" if first in _PDU_TYPES else "in something else"
    error = TlsHandshake(f"the peer does not answer in TLS but {what}")
    error.hint = _PLAIN
    return error


def _cut_off(session: TlsSession) -> TlsCutOff:
    if session.answered:
        return TlsCutOff("the connection ended in the middle of the TLS handshake")
    error = TlsCutOff("the peer ended the connection instead of answering in TLS")
    error.hint = f"the port may expect DICOM without TLS: {_PLAIN}"
    return error


def _alert(session: TlsSession) -> str:
    """The name of the alert that the peer sent, or empty."""
    found = _ALERT.fullmatch(_code(session))
    number = session.witness.alert
    if found is None and number is not None:
        return _NUMBERS.get(number, f"number {number}")
    return found[1] if found else ""


def _words(session: TlsSession) -> str:
    alert, code = _alert(session), _code(session)
    if alert in _ALERTS:
        return f"the peer ends it: {_ALERTS[alert]}"
    if alert:
        return f"the peer ends it with the alert {_lower(alert)}"
    if code in _OURS:
        return f"we end it: {_OURS[code].format(session.settings.profile)}"
    return f"OpenSSL says {_lower(code) or 'no reason'}"


def _lower(code: str) -> str:
    return code.lower().replace("_", " ")


def _code(session: TlsSession) -> str:
    return (session.error.reason or "") if session.error is not None else ""
