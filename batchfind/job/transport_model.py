"""What a job says about TLS, secrets, user identity and extended negotiation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from batchfind.errors import Mark


class SecretKind(Enum):
    """Where a secret comes from when a command needs it."""

    ENV = "env"
    FILE = "file"
    PROMPT = "prompt"
    EMPTY = "empty"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to a secret; the secret itself is read when it is needed.

    Attributes:
        name: of the environment variable, or absolute path of the file; empty for
            the other kinds.
        plain: the secret itself, only for PLAIN, which `--allow-plain-secrets`
            permits; it is stored nowhere and shown nowhere.
    """

    kind: SecretKind
    name: str = ""
    plain: str = field(default="", repr=False)


class FileFormat(Enum):
    """Encoding of keys, certificates and revocation lists."""

    PEM = "pem"
    DER = "der"


class CrlCheck(Enum):
    """Which certificates a revocation list must not name."""

    NONE = "none"
    LEAF = "leaf"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """One entry of `tls`, or the mapping of a peer's own; hashable.

    Attributes:
        name: in the job, or the peer's name for a mapping of its own.
        profile: name in the table of `dicom.tls`.
        key, certificate: our own, or both None: no certificate is shown.
        password: of an encrypted key, or None when the key is not encrypted.
        ca, ca_dirs: trusted certificates: files, and directories of which every
            certificate counts.
        system_ca: the machine's own trust store is used too.
        crl: revocation lists.
        ciphers: IANA names added to the profile's.
        verify: the peer's certificate must lead to a trusted one.
        verify_hostname: True: it must name `host`; a text: it must name that;
            False: any name.
        sni: the name sent as server name indication; None: the peer's host, an
            empty text: none.
        seed: file whose bytes go into the random generator, or None.
        seed_write_back: file new random bytes are written to at the end, or None.
    """

    name: str
    profile: str = "bcp195-rfc8996"
    key: Path | None = None
    certificate: Path | None = None
    password: Secret | None = None
    format: FileFormat = FileFormat.PEM
    ca: tuple[Path, ...] = ()
    ca_dirs: tuple[Path, ...] = ()
    system_ca: bool = True
    crl: tuple[Path, ...] = ()
    crl_check: CrlCheck = CrlCheck.NONE
    ciphers: tuple[str, ...] = ()
    verify: bool = True
    verify_hostname: bool | str = True
    sni: str | None = None
    seed: Path | None = None
    seed_write_back: Path | None = None


class IdentityType(Enum):
    """How an SCU says who its user is. Source: PS3.7 Table D.3-14."""

    USERNAME = "username"
    USERNAME_PASSWORD = "username-password"  # noqa: S105 (the name of a type)
    KERBEROS = "kerberos"
    SAML = "saml"
    JWT = "jwt"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserIdentity:
    """Who the user is towards a peer; hashable.

    Attributes:
        username: for the first two types, else empty.
        password: for username-password.
        token: Kerberos ticket (base64 or raw file bytes), SAML assertion or JWT.
        response: a positive server response is asked for, and its absence is an
            error (`identity-unconfirmed`).
        insecure_ok: it may go over a connection without TLS, or to a peer that is
            not verified.
    """

    type: IdentityType
    username: str = ""
    password: Secret | None = None
    token: Secret | None = None
    response: bool = False
    insecure_ok: bool = False


class Asked(Enum):
    """How much a negotiated option matters."""

    OFF = "off"
    PREFER = "prefer"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation:
    """What is asked beyond the baseline of an association.

    Attributes:
        options: name in `dicom.extended.OPTIONS` to how much it matters; an option
            that is not named is off.
        async_operations: C-FINDs that may be in flight on one association, 1 or
            more; more than 1 is proposed as asynchronous operations window.
    """

    options: Mapping[str, Asked] = field(default_factory=dict)
    async_operations: int = 1


@dataclass(frozen=True, slots=True)
class Material:
    """A file that a connection needs, and where the job names it.

    Attributes:
        path: absolute.
        place: dotted, such as `tls.hospital.key`.
        folder: it is a folder of files.
    """

    path: Path
    mark: Mark
    place: str
    folder: bool = False
