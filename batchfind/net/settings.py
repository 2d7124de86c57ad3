"""How to reach one SCP, what to propose to it, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchfind.ul.proposal import UserIdentity

__all__ = [
    "Endpoint",
    "Limits",
    "Offer",
    "Timeouts",
    "TlsSettings",
    "UserIdentity",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A remote application entity and the AE title we use towards it.

    Attributes:
        host: name or address.
        port: 1 to 65535.
        called_ae: AE title of the SCP, 1 to 16 characters.
        calling_ae: our AE title, 1 to 16 characters.
        ip_version: 4, 6, or None for either.
        bind: local address to connect from, or None.
    """

    host: str
    port: int
    called_ae: str
    calling_ae: str
    ip_version: int | None = None
    bind: str | None = None

    def __str__(self) -> str:
        return f"{self.calling_ae} -> {self.called_ae} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an association proposes.

    Attributes:
        abstract_syntaxes: SOP Class UIDs, one presentation context each.
        transfer_syntaxes: UIDs, in the order proposed in every context.
        max_pdu: longest P-DATA-TF we want to receive, in bytes.
        extended: abstract syntax UID and the service class application information
            proposed for it, at most one each.
        operations: C-FINDs we want to have in flight, 1 or more; above 1 it is
            proposed as asynchronous operations window.

    Source: PS3.8 Section 9.3.2, PS3.7 Annex D.3.3.
    """

    abstract_syntaxes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]
    max_pdu: int = 16384
    extended: tuple[tuple[str, bytes], ...] = ()
    operations: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsSettings:
    """TLS towards one peer with all files read; holds secrets, so they have no repr.

    Attributes:
        profile: name in the table of `dicom.tls`.
        key, certificate: our own in the encoding `der` says, or both None; a PEM
            certificate may be followed by its chain.
        key_name, certificate_name: of their files, for messages.
        password: of the key; None: it must not be encrypted.
        der: key, certificate, cas and crls are DER, else PEM.
        cas: trusted certificates, name of the file (for messages) and bytes; a file
            may hold several.
        system_ca: the machine's trust store counts too.
        crls: revocation lists, name and bytes.
        crl_check: `none`, `leaf` or `chain`.
        ciphers: IANA names added to the profile's.
        verify: the chain must lead to a trusted certificate.
        verify_name: the name the certificate must hold, or None for any.
        sni: server name indication, or None.
        source: where the settings stand, for messages: `tls.hospital`.
    """

    profile: str
    key: bytes | None = field(default=None, repr=False)
    certificate: bytes | None = None
    key_name: str = "key"
    certificate_name: str = "certificate"
    password: bytes | None = field(default=None, repr=False)
    der: bool = False
    cas: tuple[tuple[str, bytes], ...] = ()
    system_ca: bool = True
    crls: tuple[tuple[str, bytes], ...] = ()
    crl_check: str = "none"
    ciphers: tuple[str, ...] = ()
    verify: bool = True
    verify_name: str | None = None
    sni: str | None = None
    source: str = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Deadlines in seconds; None waits for ever.

    Attributes:
        connect: for the TCP connection, name resolution included.
        acse: from A-ASSOCIATE-RQ to its answer.
        response: from one complete message of the peer to the next.
        cancel: from C-CANCEL to the final response.
        release: from A-RELEASE-RQ to its answer.
        idle: how long an unused association is kept.
    """

    connect: float | None = 15.0
    acse: float | None = 30.0
    response: float | None = 300.0
    cancel: float | None = 10.0
    release: float | None = 5.0
    idle: float | None = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Caps on what one request may bring; the first that is reached ends it.

    Attributes:
        responses: pending responses.
        bytes: Identifier bytes.
        seconds: wall time since the request was sent.
    """

    responses: int = 1_000_000
    bytes: int = 1 << 30
    seconds: float | None = 3600.0
