"""Why a certificate was refused, in one sentence that names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from batchfind.dicom.tls import PROFILES, TlsProfile
from batchfind.net.der import DerError
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_material import (
    MaterialError,
    certificates,
    revocation_lists,
)
from batchfind.net.x509 import Certificate, RevocationList

# Results of OpenSSL's verification. Source: openssl/x509_vfy.h.
_NO_REVOCATION_LIST = 3
_NOT_YET_VALID, _EXPIRED = 9, 10
_LIST_NOT_YET_VALID, _LIST_EXPIRED = 11, 12
_SELF_SIGNED = 18
_NO_ISSUER = frozenset({2, 19, 20, 21})
_REVOKED = 23
_NAMES = frozenset({62, 64})
_KEY_TOO_SHORT = frozenset({66, 67})
_WEAK_SIGNATURE = 68
_MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class Refusal:
    """A verification that failed.

    Attributes:
        code: OpenSSL's number.
        words: OpenSSL's own.
        chain: certificates the peer sent, its own first; empty when not known.
    """

    code: int
    words: str
    chain: tuple[Certificate, ...]


def reason(refusal: Refusal, settings: TlsSettings) -> str:
    """What is wrong with which certificate, and what would help.

    Args:
        refusal: what OpenSSL said.
        settings: under which the connection was tried.
    """
    code, chain = refusal.code, refusal.chain
    if code in (_NOT_YET_VALID, _EXPIRED):
        return _out_of_date(chain, expired=code == _EXPIRED)
    if code in _NO_ISSUER or code == _SELF_SIGNED:
        return _untrusted(chain, settings)
    if code == _REVOKED:
        return f"{_place(chain, _revoked(chain, settings))} is revoked"
    if code in (_NO_REVOCATION_LIST, _LIST_EXPIRED, _LIST_NOT_YET_VALID):
        return _no_list(refusal, settings)
    if code in _NAMES:
        return wrong_name(chain[:1], settings)
    if code in _KEY_TOO_SHORT:
        return _shortest(chain, settings)
    if code == _WEAK_SIGNATURE:
        return (
            f"the chain of {_place(chain, 0)} is signed with a digest that the "
            f"profile {settings.profile} does not allow"
        )
    return f"{_place(chain, 0)} was refused with the words {refusal.words!r}"


def wrong_name(chain: Sequence[Certificate], settings: TlsSettings) -> str:
    """That the peer's certificate is issued for others than the one wanted."""
    wanted = settings.verify_name or "any name"
    if not chain:
        return f"it is not issued for {wanted}"
    names = [_harmless(name) for name in chain[0].names[:_MOST_NAMES]]
    if len(chain[0].names) > _MOST_NAMES:
        names.append("others")
    issued = ", ".join(names) or "no DNS name and no address"
    remedy = f"name one of these in {settings.source}.verify_hostname"
    if not names:
        remedy = f"have it renewed with one, or set {settings.source}.verify_hostname: "
        remedy += "false"
    return (
        f"{_place(chain, 0)} is issued for {issued}, not for {wanted}; if it is right, "
        f"{remedy}"
    )


def _out_of_date(chain: Sequence[Certificate], *, expired: bool) -> str:
    now = datetime.now(UTC)
    if expired:
        at = _position(chain, lambda each: each.ends < now)
        when = "" if at is None else f" on {chain[at].ends:%Y-%m-%d}"
        return f"{_place(chain, at)} expired{when}"
    at = _position(chain, lambda each: each.begins > now)
    when = "" if at is None else f" before {chain[at].begins:%Y-%m-%d}"
    return f"{_place(chain, at)} is not valid{when}"


def _untrusted(chain: Sequence[Certificate], settings: TlsSettings) -> str:
    remedy = f"if it is right, add it to {settings.source}.ca"
    if not chain:
        return "no trusted certificate leads to it"
    if len(chain) == 1 and chain[0].self_issued:
        return f"{chain[0].subject} is self-signed and not trusted; {remedy}"
    last = chain[-1]
    if not last.self_issued and (between := _between(last, settings)):
        return (
            f"{_place(chain, 0)} leads to {between.subject}, which is trusted only "
            f"together with its issuer, {between.issuer}; if that is right, add it to "
            f"{settings.source}.ca"
        )
    root = last.subject if last.self_issued else last.issuer
    return f"{_place(chain, 0)} leads to {root}, which is not trusted; {remedy}"


def _between(below: Certificate, settings: TlsSettings) -> Certificate | None:
    """The last certificate among ours on the way up that is no end of a chain."""
    ours = {each.subject_der: each for each in _authorities(settings)}
    found = None
    while (above := ours.pop(below.issuer_der, None)) and not above.self_issued:
        found = below = above
    return found


def _authorities(settings: TlsSettings) -> Iterator[Certificate]:
    for _, data in settings.cas:
        try:
            for each in certificates(data, der=settings.der):
                yield Certificate.parse(each)
        except (DerError, MaterialError):  # OpenSSL could read it: only words are lost
            continue


def _no_list(refusal: Refusal, settings: TlsSettings) -> str:
    if refusal.code != _NO_REVOCATION_LIST:
        state = "has expired" if refusal.code == _LIST_EXPIRED else "is not valid yet"
        return f"a revocation list for {_place(refusal.chain, 0)} {state}"
    issuers = {each.issuer_der for each in _lists(settings)}
    at = _position(refusal.chain, lambda each: each.issuer_der not in issuers)
    missing = (
        "a certificate of the chain" if at is None else f"{refusal.chain[at].issuer}"
    )
    return f"there is no revocation list of {missing}; add it to {settings.source}.crl"


def _revoked(chain: Sequence[Certificate], settings: TlsSettings) -> int | None:
    if settings.crl_check == "leaf":
        return 0
    lists = tuple(_lists(settings))
    return _position(
        chain,
        lambda each: any(
            each.issuer_der == one.issuer_der and each.serial in one.serials
            for one in lists
        ),
    )


def _lists(settings: TlsSettings) -> Iterator[RevocationList]:
    for _, data in settings.crls:
        try:
            for each in revocation_lists(data, der=settings.der):
                yield RevocationList.parse(each)
        except (DerError, MaterialError):  # OpenSSL could read it: only words are lost
            continue


def too_short(certificate: Certificate, profile: TlsProfile) -> str:
    """That the key of a certificate is shorter than a profile allows, or empty."""
    least = {"RSA": profile.rsa_bits, "EC": profile.ec_bits}.get(certificate.key, 0)
    if certificate.bits >= least or not certificate.bits:
        return ""
    return (
        f"the {certificate.key} key of {certificate} has {certificate.bits} bits, "
        f"fewer than the {least} of the profile {profile.name}"
    )


def _shortest(chain: Sequence[Certificate], settings: TlsSettings) -> str:
    profile = PROFILES[settings.profile]
    for each in chain:
        if shortage := too_short(each, profile):
            return shortage
    return f"a key of the chain is too short for the profile {profile.name}"


def _position(
    chain: Sequence[Certificate], matches: Callable[[Certificate], bool]
) -> int | None:
    return next((at for at, each in enumerate(chain) if matches(each)), None)


def _place(chain: Sequence[Certificate], at: int | None) -> str:
    """A certificate by its name, its issuer, and where in the chain it stands."""
    if at is None or at >= len(chain):
        return "a certificate of the chain" if at is None else "it"
    if len(chain) == 1:
        return str(chain[at])
    return f"{chain[at]}, certificate {at + 1} of {len(chain)},"


def _harmless(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)[:100]
