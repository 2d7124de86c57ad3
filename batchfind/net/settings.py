"""How to reach one SCP, what to propose to it, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A remote application entity and the AE title we use towards it.

    Attributes:
        host: name or address.
        port: 1 to 65535.
        called_ae: AE title of the SCP, 1 to 16 characters.
        calling_ae: our AE title, 1 to 16 characters.
    """

    host: str
    port: int
    called_ae: str
    calling_ae: str

    def __str__(self) -> str:
        return f"{self.calling_ae} -> {self.called_ae} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an association proposes.

    Attributes:
        abstract_syntaxes: SOP Class UIDs, one presentation context each.
        transfer_syntaxes: UIDs, in the order proposed in every context.
        max_pdu: longest P-DATA-TF we want to receive, in bytes.

    Source: PS3.8 Section 9.3.2.
    """

    abstract_syntaxes: tuple[str, ...]
    transfer_syntaxes: tuple[str, ...]
    max_pdu: int = 16384


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
