"""Every exception batchfind raises on purpose.

BatchfindError
├── InputError               the user can mend it: exit 2
│   ├── JobError             problems of a job file and its inputs, all at once
│   └── UsageError           the command line
├── StateError               a lock or a conflicting run directory: exit 6
├── StorageError             capture or output cannot be written: exit 7
├── PeerError                one attempt at one peer ended without its answer
│   ├── DnsNotFound · DnsTemporary · Refused · Unreachable · ConnectTimeout
│   ├── DescriptorsExhausted       of this machine, not of the peer
│   ├── TlsVerify · TlsHandshake · TlsCutOff · NotNegotiated · IdentityUnconfirmed
│   ├── NotDicom · AssociateTimeout · BadAccept · NoContext
│   ├── RejectedPermanent · RejectedTransient
│   ├── PeerAborted · PeerClosed · PeerReset · PeerReleased
│   ├── ResponseTimeout · LimitReached · Interrupted
│   └── RemoteProtocolError  the peer broke PS3.8 or PS3.7
│       ├── PduError · DimseError
├── IdentifierDefect         one response cannot be decoded; the others can
└── LocalProtocolError       we broke the rules: a bug of ours
Any other exception type that leaves batchfind is a bug, reported as `internal`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Retry(Enum):
    """Whether asking again can help after this cause."""

    NEVER = "never"
    ONCE = "once"
    BACKOFF = "backoff"


class Severity(Enum):
    """Whether a problem stops the job or only warns."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """Where a value stands: file as given, line and column from 1.

    Line 0 means the whole file, column 0 the whole line.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.column:
            return f"{self.file}:{self.line}"
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a job or its inputs.

    Attributes:
        mark: where it stands.
        path: dotted place in the job, such as `queries.ct.keys.PatientID`.
        message: one sentence: what, why, and what to do next.
        severity: an error stops the job, a warning does not.
    """

    mark: Mark
    path: str
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.mark}: {self.path}: " if self.path else f"{self.mark}: "
        kind = "warning: " if self.severity is Severity.WARNING else ""
        return f"{where}{kind}{self.message}"


class BatchfindError(Exception):
    """Base of all; `cause` is the code on screen, in JSON and in the capture.

    Attributes:
        hint: what to do next, or an empty string.
    """

    cause: ClassVar[str] = "internal"
    retry: ClassVar[Retry] = Retry.NEVER
    hint: str = ""


class InputError(BatchfindError):
    """Something the user wrote is wrong."""

    cause = "input"


class JobError(InputError):
    """A job, or a file it names, has problems.

    Attributes:
        problems: every problem found, errors and warnings, in file order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(InputError):
    """The command line asks for something that cannot be."""


class StateError(BatchfindError):
    """A run directory is locked, missing, or belongs to another plan.

    Attributes:
        locked: another process holds it, so that trying later can help.
    """

    cause = "state"

    def __init__(self, message: str, *, locked: bool = False) -> None:
        self.locked = locked
        super().__init__(message)


class StorageError(BatchfindError):
    """The capture or an output cannot be written or read.

    Attributes:
        lasting: somebody has to decide something first: the same command fails again.
    """

    cause = "output"

    def __init__(self, message: str = "", *, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(message)


class PeerError(BatchfindError):
    """An attempt at a peer ended without a complete answer.

    Attributes:
        message_id: of the operation whose answer broke the rules, where several may
            be in flight and it is known.
    """

    message_id: int | None = None


class DnsNotFound(PeerError):
    """The resolver says the name does not exist."""

    cause = "dns"
    hint = "check the peer's host name"


class DnsTemporary(PeerError):
    """The resolver could not answer now."""

    cause = "dns"
    retry = Retry.BACKOFF
    hint = "check the resolver of this machine"


class Refused(PeerError):
    """The peer's machine answered, but nothing listens on the port."""

    cause = "refused"
    retry = Retry.BACKOFF
    hint = "check the port, and that the peer's DICOM service is running"


class Unreachable(PeerError):
    """No route to the peer's machine."""

    cause = "unreachable"
    retry = Retry.BACKOFF
    hint = "check the address, the route and the firewall"


class ConnectTimeout(PeerError):
    """No TCP connection within timeouts.connect."""

    cause = "connect-timeout"
    retry = Retry.BACKOFF
    hint = "check host and port, and firewalls that drop packets silently"


class NotDicom(PeerError):
    """What listens there does not speak DICOM."""

    cause = "not-dicom"
    hint = "check the port: another service, or a TLS port, answers there"


class DescriptorsExhausted(PeerError):
    """This machine allows the process no further open file or socket."""

    cause = "limit"
    retry = Retry.BACKOFF
    hint = "raise the limit of open files (ulimit -n), or lower run.concurrency"


class TlsVerify(PeerError):
    """A certificate was refused: the peer's by us, or ours by the peer."""

    cause = "tls-verify"
    hint = "check the certificates, tls.ca and the names they are issued for"


class TlsHandshake(PeerError):
    """The two sides found no common way to speak TLS; no byte of a query was sent."""

    cause = "tls-handshake"
    hint = "check that the port speaks TLS, and that both sides share a profile"


class TlsCutOff(TlsHandshake):
    """The TLS handshake was reset, closed, or not finished in time."""

    retry = Retry.BACKOFF


class NotNegotiated(PeerError):
    """The peer refused an option that the query needs; no C-FIND was sent."""

    cause = "not-negotiated"
    hint = "remove the keys that need it, or set the option to prefer"


class IdentityUnconfirmed(PeerError):
    """The peer accepted the association without confirming the user identity."""

    cause = "identity-unconfirmed"
    hint = "set user_identity.response: false if the peer never confirms"


class AssociateTimeout(PeerError):
    """No answer to A-ASSOCIATE-RQ within timeouts.acse."""

    cause = "associate-timeout"
    retry = Retry.BACKOFF
    hint = "the peer may ignore unknown calling AE titles; ask its administrator"


class BadAccept(PeerError):
    """The A-ASSOCIATE-AC breaks PS3.8 and cannot be used."""

    cause = "bad-accept"
    hint = "report this to the peer's vendor"


class NoContext(PeerError):
    """The peer accepted the association, but not our information model."""

    cause = "no-context"
    hint = "the peer may not offer this model or transfer syntax; try another model"


_BUSY = "the peer is busy: lower limits.associations, or run later"
_NO_REASON = (
    "check both AE titles; a peer that gives no reason may also not accept "
    "this model, or our address"
)


class RejectedPermanent(PeerError):
    """A-ASSOCIATE-RJ, permanent.

    Attributes:
        source: 1 service user, 2 ACSE, 3 presentation layer.
        reason: the code of PS3.8 Table 9-21.
    """

    cause = "rejected-permanent"
    hint = "check called and calling AE title, and that the peer knows both"
    hints: ClassVar[Mapping[tuple[int, int], str]] = {
        (1, 1): _NO_REASON,
        (1, 3): "the peer's administrator has to enter our calling_ae",
        (1, 7): "check called_ae: the peer goes by another AE title",
        (2, 1): _NO_REASON,
        (3, 1): _BUSY,
        (3, 2): _BUSY,
    }
    """More exact hints by source and reason."""

    def __init__(self, message: str, *, source: int = 0, reason: int = 0) -> None:
        self.source = source
        self.reason = reason
        self.hint = self.hints.get((source, reason), self.hint)
        super().__init__(message)


class RejectedTransient(RejectedPermanent):
    """A-ASSOCIATE-RJ, transient: asking later can help."""

    cause = "rejected-transient"
    retry = Retry.BACKOFF
    hint = _BUSY
    hints: ClassVar[Mapping[tuple[int, int], str]] = {}


class PeerAborted(PeerError):
    """A-ABORT or A-P-ABORT from the peer."""

    cause = "peer-abort"
    retry = Retry.BACKOFF
    hint = "look at the peer's log; a narrower query may help"


class PeerClosed(PeerError):
    """The peer closed the TCP connection in the middle of its answer."""

    cause = "peer-closed"
    retry = Retry.BACKOFF
    hint = "look at the peer's log"


class PeerReset(PeerError):
    """The TCP connection was reset."""

    cause = "peer-reset"
    retry = Retry.BACKOFF
    hint = "the peer's access list may drop unknown addresses; look at its log"


class PeerReleased(PeerError):
    """The peer released the association in the middle of its answer."""

    cause = "peer-released"
    retry = Retry.BACKOFF
    hint = "look at the peer's log"


class ResponseTimeout(PeerError):
    """No complete message from the peer within timeouts.response."""

    cause = "response-timeout"
    retry = Retry.ONCE
    hint = "raise timeouts.response, or narrow the query"


class LimitReached(PeerError):
    """One of our own limits stopped a peer that sends without end."""

    cause = "limit"
    hint = "raise run.per_request if the answer is really this large"


class Interrupted(PeerError):
    """The run was interrupted before this request ended."""

    cause = "interrupted"
    hint = "batchfind resume asks again"


class RemoteProtocolError(PeerError):
    """The peer broke the protocol; the association was aborted."""

    hint = "report this to the peer's vendor"


class PduError(RemoteProtocolError):
    """The peer broke PS3.8."""

    cause = "protocol-pdu"


class DimseError(RemoteProtocolError):
    """The peer broke PS3.7."""

    cause = "protocol-dimse"


class IdentifierDefect(BatchfindError):
    """One response's Identifier cannot be decoded.

    Attributes:
        kind: malformed, depth, limit or inflate.
        offset: byte offset in the data set where decoding stopped, from 0.
    """

    def __init__(self, kind: str, offset: int, message: str) -> None:
        self.kind = kind
        self.offset = offset
        super().__init__(f"{kind} at byte {offset}: {message}")


class LocalProtocolError(BatchfindError):
    """Our own code called the engine out of order."""
