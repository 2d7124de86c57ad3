"""Which cipher suites the TLS library of this machine would really offer."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batchfind.dicom.tls import PROFILES, SUITES, TlsProfile, TlsSuite, TlsVersion

#: Name and version of the TLS library.
LIBRARY = ssl.OPENSSL_VERSION

#: What OpenSSL calls 112 bits: RSA of 2048 bits, no SHA-1 in signatures.
_MODERN_LEVEL = 2
_LOWEST_LEVEL = 0
_WIDEST = "null"
_NOT_A_SUITE = 0x00FF
#: Record header, handshake header, version and random of a ClientHello, in bytes.
_BEFORE_SESSION_ID = 5 + 4 + 2 + 32


@dataclass(frozen=True, slots=True)
class Offered:
    """A suite and what stands in its way on this machine.

    Attributes:
        problem: why the library would not offer it, or empty: it would.
    """

    suite: TlsSuite
    problem: str = ""


def security_level(profile: TlsProfile) -> int:
    """The OpenSSL security level a profile needs, as high as it can be.

    Retired profiles need the lowest: TLS 1.0, NULL, and the SHA-1 signatures and
    short keys of the peers that still use them are shut off above it.
    """
    return _LOWEST_LEVEL if profile.retired else _MODERN_LEVEL


def restrict(
    context: ssl.SSLContext, profile: TlsProfile, suites: Iterable[TlsSuite]
) -> None:
    """Makes a context offer the versions of a profile and these suites, no others.

    Raises:
        ssl.SSLError: the library knows none of the suites.
    """
    names = [suite.openssl for suite in suites if suite.openssl]
    context.set_ciphers(f"{':'.join(names)}:@SECLEVEL={security_level(profile)}")
    with warnings.catch_warnings():
        # Retired profiles need retired versions; whoever chose one knows.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = _version(profile.highest)
        context.minimum_version = _version(profile.lowest)


def examine(profile: TlsProfile, suites: Sequence[TlsSuite]) -> tuple[Offered, ...]:
    """What this machine makes of suites under a profile, in their order.

    A suite counts as offered when it stands in the ClientHello that the library
    writes: `get_ciphers` also lists suites that the security level shuts off.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    try:
        restrict(context, profile, suites)
    except ssl.SSLError:
        return tuple(Offered(suite, _absence(suite)) for suite in suites)
    known = {entry["id"] & 0xFFFF for entry in context.get_ciphers()}
    sent = _client_hello_suites(context)
    return tuple(
        Offered(suite, "" if suite.code in sent else _absence(suite, known))
        for suite in suites
    )


def usable(profile: TlsProfile) -> bool:
    """Whether this machine has one of the mandatory suites of a profile."""
    return any(not each.problem for each in examine(profile, profile.mandatory))


def every_suite() -> tuple[Offered, ...]:
    """What this machine makes of every suite there is, under the widest profile."""
    return examine(PROFILES[_WIDEST], tuple(SUITES.values()))


def modern() -> tuple[str, ...]:
    """The suites of TLS 1.3 that the library offers, in its order."""
    entries = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).get_ciphers()
    return tuple(
        entry["name"] for entry in entries if entry["protocol"] == TlsVersion.V1_3.value
    )


def iana_name(openssl: str) -> str:
    """The IANA name of a suite that OpenSSL names; those of TLS 1.3 are the same."""
    for suite in SUITES.values():
        if suite.openssl == openssl:
            return suite.name
    return openssl


def _absence(suite: TlsSuite, known: Iterable[int] = ()) -> str:
    if not suite.openssl:
        return "OpenSSL does not implement it"
    if suite.code in known:
        return "the configuration of this OpenSSL shuts it off"
    return "this OpenSSL was built without it"


def _client_hello_suites(context: ssl.SSLContext) -> frozenset[int]:
    """Codes in the ClientHello of a context. Source: RFC 8446 Section 4.1.2."""
    written = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), written)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    except ssl.SSLError:  # nothing it could offer
        return frozenset()
    hello = written.read()
    at = _BEFORE_SESSION_ID
    at += 1 + hello[at]
    end = at + 2 + int.from_bytes(hello[at : at + 2], "big")
    codes = {
        int.from_bytes(hello[begin : begin + 2], "big")
        for begin in range(at + 2, end, 2)
    }
    return frozenset(codes - {_NOT_A_SUITE})


def _version(version: TlsVersion) -> ssl.TLSVersion:
    return ssl.TLSVersion[version.value.replace(".", "_")]
