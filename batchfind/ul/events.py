"""What goes into an association as commands and comes out as events.

Commands: Associate, Data, Release, ReleaseResponse, Abort.
Events: Accepted, Rejected, Burst, ReleaseRequested, Released, Aborted, Closed,
Tolerated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from batchfind.ul.contexts import NegotiatedContext, RefusedContext
from batchfind.ul.framing import Burst
from batchfind.ul.states import State

#: PS3.8 Table 9-21: (source, reason) of a rejection.
_REJECTIONS = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognized",
    (1, 7): "called AE title not recognized",
    (2, 1): "no reason given (ACSE)",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}
#: PS3.8 Table 9-26: reason of an abort whose source is the service provider.
_ABORTS = {
    0: "reason not specified",
    1: "unrecognized PDU",
    2: "unexpected PDU",
    4: "unrecognized PDU parameter",
    5: "unexpected PDU parameter",
    6: "invalid PDU parameter value",
}
_SERVICE_USER = 0
_SERVICE_PROVIDER = 2
_TRANSIENT = 2


@dataclass(frozen=True, slots=True)
class Associate:
    """Ask for the association; the transport connection is open."""


@dataclass(frozen=True, slots=True)
class Data:
    """Send one DIMSE message.

    Attributes:
        context_id: of a negotiated presentation context.
        command: encoded command set, not empty.
        data_set: encoded data set, or None when the command announces none.
    """

    context_id: int
    command: bytes
    data_set: bytes | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Ask to release the association."""


@dataclass(frozen=True, slots=True)
class ReleaseResponse:
    """Agree to the peer's wish to release."""


@dataclass(frozen=True, slots=True)
class Abort:
    """End the association at once, as its service user.

    The standard gives a service user neither a choice of source nor a reason; the
    A-ABORT of a service provider is the engine's own, after a broken PDU.
    """


Command: TypeAlias = Associate | Data | Release | ReleaseResponse | Abort


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The peer accepted the association, perhaps without any usable context.

    Attributes:
        contexts: usable presentation contexts by ascending ID; may be empty.
        refused: every other proposed context by ascending ID.
        max_pdu: longest P-DATA-TF the peer receives, in bytes; 0 is unlimited.
        implementation_uid: (52H) of the peer, empty if it gave none.
        implementation_version: (55H) of the peer, empty if it gave none.
        warnings: what it did against the standard, one sentence each.
        extended: service class application information by SOP Class UID (56H), for
            those that were asked.
        operations: how many operations we may have in flight (53H): the lesser of
            what was offered and what was granted; 1 when the peer did not answer.
        identity_response: server response to the user identity (59H), often empty;
            None when the peer gave none or none was asked for.
    """

    contexts: tuple[NegotiatedContext, ...]
    refused: tuple[RefusedContext, ...]
    max_pdu: int
    implementation_uid: str
    implementation_version: str
    warnings: tuple[str, ...]
    extended: Mapping[str, bytes] = field(default_factory=dict)
    operations: int = 1
    identity_response: bytes | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The peer rejected the association; the connection is to be closed.

    Attributes:
        result: 1 permanent, 2 transient; other numbers as received.
        source: 1 service user, 2 ACSE, 3 presentation; others as received.
        reason: code within the source.

    Source: PS3.8 Table 9-21.
    """

    result: int
    source: int
    reason: int

    @property
    def transient(self) -> bool:
        """Whether asking later can help."""
        return self.result == _TRANSIENT

    @property
    def words(self) -> str:
        """The reason in the standard's words, with the raw numbers."""
        words = _REJECTIONS.get((self.source, self.reason), "unknown reason")
        return f"{words} ({self.result}/{self.source}/{self.reason})"


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """The peer wants to release; answer with ReleaseResponse.

    Attributes:
        collision: our own request was under way. After our response the peer's
            is still to come.
    """

    collision: bool


@dataclass(frozen=True, slots=True)
class Released:
    """Our release was agreed to; the connection is to be closed."""


@dataclass(frozen=True, slots=True)
class Aborted:
    """The peer ended the association at once; the connection is to be closed.

    Attributes:
        source: 0 service user, 2 service provider; None if the A-ABORT had a
            wrong length and was not read.
        reason: code that counts only for the service provider; None as above.

    Source: PS3.8 Table 9-26.
    """

    source: int | None
    reason: int | None

    @property
    def words(self) -> str:
        """Who aborted and why, with the raw numbers."""
        if self.source is None or self.reason is None:
            return "A-ABORT of a wrong length"
        if self.source == _SERVICE_USER:
            words = "the peer's application aborted"
        elif self.source == _SERVICE_PROVIDER:
            words = _ABORTS.get(self.reason, "unknown reason")
        else:
            words = "unknown source"
        return f"{words} ({self.source}/{self.reason})"


@dataclass(frozen=True, slots=True)
class Closed:
    """The transport connection ended.

    Attributes:
        state: where the association was.
        received: bytes of a PDU that was not complete; 0 for a clean cut.
        announced: length of that PDU with its header, or None if not known.
    """

    state: State
    received: int = 0
    announced: int | None = None

    @property
    def words(self) -> str:
        """How the connection ended, in words."""
        if not self.received:
            return "the connection was closed"
        if self.announced is None:
            return f"the connection was closed after {self.received} bytes of a PDU"
        return (
            f"the connection was closed after {self.received} of"
            f" {self.announced} bytes of a PDU"
        )


@dataclass(frozen=True, slots=True)
class Tolerated:
    """Something against PS3.8 that does no harm.

    Attributes:
        text: one sentence.
    """

    text: str


Event: TypeAlias = (
    Accepted
    | Rejected
    | Burst
    | ReleaseRequested
    | Released
    | Aborted
    | Closed
    | Tolerated
)
