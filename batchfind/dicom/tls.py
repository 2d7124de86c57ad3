"""Security profiles of TLS: versions, cipher suites, and what may be added to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from batchfind.dicom.tls_suites import SUITES, TLS_1_3_SUITES, TlsSuite

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "SUITES",
    "TLS_1_3_SUITES",
    "Additions",
    "TlsProfile",
    "TlsSuite",
    "TlsVersion",
    "cautions",
    "refusal",
]


class TlsVersion(Enum):
    """A version of the protocol, by the name OpenSSL reports it under."""

    V1_0 = "TLSv1"
    V1_1 = "TLSv1.1"
    V1_2 = "TLSv1.2"
    V1_3 = "TLSv1.3"

    @property
    def title(self) -> str:
        """For people: `TLS 1.2`."""
        return f"TLS 1.{self.name[-1]}"


class Additions(Enum):
    """Which suites a job may add to those of a profile."""

    NONE = "no suite"
    MODERN = "suites without SHA-1 that encrypt"
    ENCRYPTING = "suites that encrypt"
    ANY = "any suite"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsProfile:
    """One way to use TLS.

    Attributes:
        name: in jobs.
        title: in the standard.
        section: of PS3.15, or empty when the standard never held it.
        retired: whether the standard dropped it.
        lowest, highest: versions offered.
        offered: IANA names of the suites of TLS 1.2 and earlier, in order.
        optional: those of them that may be missing without a word.
        additions: suites that a job may add.
        rsa_bits: least length of an RSA key in a certificate, 0: any.
        ec_bits: least length of an elliptic curve key in a certificate, 0: any.

    Source: PS3.15 Annex B.
    """

    name: str
    title: str
    section: str
    retired: bool
    lowest: TlsVersion
    highest: TlsVersion
    offered: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    additions: Additions = Additions.ENCRYPTING
    rsa_bits: int = 0
    ec_bits: int = 0

    @property
    def suites(self) -> tuple[TlsSuite, ...]:
        """Mandatory and optional suites in the order offered."""
        return tuple(SUITES[name] for name in self.offered)

    @property
    def mandatory(self) -> tuple[TlsSuite, ...]:
        """Suites of which one at least must be available."""
        return tuple(each for each in self.suites if each.name not in self.optional)


def refusal(profile: TlsProfile, suite: str) -> str | None:
    """Why a suite cannot be added to a profile, or None when it can.

    Args:
        profile: what the job says.
        suite: IANA name, exactly as in the registry.
    """
    if suite in TLS_1_3_SUITES:
        return f"{suite} belongs to TLS 1.3, which OpenSSL offers by itself; remove it"
    if "_anon_" in suite:
        return f"{suite} would let anybody answer for the peer; remove it"
    if suite not in SUITES:
        return (
            f"{suite} is no cipher suite that can be used here; "
            "batchfind tls ciphers lists them by IANA name"
        )
    if profile.additions is Additions.NONE:
        return f"the profile {profile.name} allows no other cipher suites; remove it"
    if SUITES[suite].null and profile.additions is not Additions.ANY:
        return f"{suite} does not encrypt; only the profile null may use it"
    if SUITES[suite].sha1 and profile.additions is Additions.MODERN:
        return f"{suite} relies on SHA-1, which the profile {profile.name} excludes"
    return None


def cautions(profile: TlsProfile, suite: str) -> Iterator[str]:
    """What BCP 195 says against a suite that may nevertheless be added.

    Source: RFC 9325 Section 4.1 and 4.2.
    """
    if profile.additions is not Additions.MODERN or suite not in SUITES:
        return
    found = SUITES[suite]
    if found.static_rsa:
        yield f"{suite} has no forward secrecy"
    if found.finite_field:
        yield f"{suite} leaves the Diffie-Hellman group to the server"
    if found.cbc:
        yield f"{suite} uses CBC, which BCP 195 advises against"


_RSA_128_GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
_RSA_256_GCM = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
_ECDSA_128_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
_ECDSA_256_GCM = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
_AES_CBC = "TLS_RSA_WITH_AES_128_CBC_SHA"
_TRIPLE_DES = "TLS_RSA_WITH_3DES_EDE_CBC_SHA"
_CAMELLIA_128 = (
    "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CAMELLIA_128_GCM_SHA256",
)
_CAMELLIA_256 = (
    "TLS_ECDHE_RSA_WITH_CAMELLIA_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CAMELLIA_256_GCM_SHA384",
)
_BCP195 = (
    _RSA_128_GCM,
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    _RSA_256_GCM,
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
)

_PROFILES = (
    TlsProfile(
        name="bcp195-rfc8996",
        title="BCP 195 RFC 8996 TLS Secure Transport Connection Profile",
        section="B.12",
        retired=False,
        lowest=TlsVersion.V1_2,
        highest=TlsVersion.V1_3,
        offered=(_RSA_128_GCM, _ECDSA_128_GCM, _RSA_256_GCM, _ECDSA_256_GCM),
        additions=Additions.MODERN,
        rsa_bits=2048,
    ),
    TlsProfile(
        name="bcp195-modified",
        title="Modified BCP 195 RFC 8996 TLS Secure Transport Connection Profile",
        section="B.13",
        retired=False,
        lowest=TlsVersion.V1_2,
        highest=TlsVersion.V1_3,
        offered=(
            *_CAMELLIA_128,
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
            _RSA_128_GCM,
            _ECDSA_128_GCM,
            *_CAMELLIA_256,
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
            _RSA_256_GCM,
            _ECDSA_256_GCM,
        ),
        optional=frozenset({*_CAMELLIA_128, *_CAMELLIA_256}),
        additions=Additions.NONE,
        rsa_bits=2048,
        ec_bits=256,
    ),
    TlsProfile(
        name="bcp195-nd",
        title="Non-Downgrading BCP 195 TLS Secure Transport Connection Profile",
        section="B.10",
        retired=True,
        lowest=TlsVersion.V1_2,
        highest=TlsVersion.V1_3,
        offered=_BCP195,
    ),
    TlsProfile(
        name="bcp195-ex",
        title="Extended BCP 195 TLS Secure Transport Connection Profile",
        section="B.11",
        retired=True,
        lowest=TlsVersion.V1_2,
        highest=TlsVersion.V1_2,
        offered=(*_BCP195, _ECDSA_256_GCM, _ECDSA_128_GCM),
        additions=Additions.NONE,
    ),
    TlsProfile(
        name="bcp195",
        title="BCP 195 TLS Secure Transport Connection Profile",
        section="B.9",
        retired=True,
        lowest=TlsVersion.V1_0,
        highest=TlsVersion.V1_3,
        offered=(*_BCP195, _AES_CBC, _TRIPLE_DES),
        optional=frozenset({_TRIPLE_DES}),
    ),
    TlsProfile(
        name="aes",
        title="AES TLS Secure Transport Connection Profile",
        section="B.3",
        retired=True,
        lowest=TlsVersion.V1_0,
        highest=TlsVersion.V1_2,
        offered=(_AES_CBC, _TRIPLE_DES),
        optional=frozenset({_TRIPLE_DES}),
    ),
    TlsProfile(
        name="basic",
        title="Basic TLS Secure Transport Connection Profile",
        section="B.1",
        retired=True,
        lowest=TlsVersion.V1_0,
        highest=TlsVersion.V1_2,
        offered=(_TRIPLE_DES,),
    ),
    TlsProfile(
        name="null",
        title="Authenticated but unencrypted, once an option of IHE ATNA",
        section="",
        retired=True,
        lowest=TlsVersion.V1_0,
        highest=TlsVersion.V1_2,
        offered=("TLS_RSA_WITH_NULL_SHA",),
        additions=Additions.ANY,
    ),
)

#: Profiles by name, the strictest first.
PROFILES: Mapping[str, TlsProfile] = MappingProxyType(
    {profile.name: profile for profile in _PROFILES}
)
DEFAULT_PROFILE = _PROFILES[0].name
