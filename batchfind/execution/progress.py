"""What an observer of a run is told, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

from batchfind.capture.records import AttemptFacts, Cause, RequestVerdict
from batchfind.dimse.messages import Matches
from batchfind.execution.results import OutputReport, RunResult
from batchfind.plan.model import Plan, Request


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run directory exists.

    Attributes:
        requests: ids of those that will be asked now.
        born: requests that the plan does not list, made earlier in the same run.
    """

    plan: Plan
    run_dir: str
    requests: tuple[str, ...]
    born: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A C-FIND-RQ is about to be sent; told for every try."""

    request: str
    query: str
    peer: str


@dataclass(frozen=True, slots=True)
class ResponsesArrived:
    """At most a few a second for each request: `responses` so far in the attempt."""

    request: str
    query: str
    peer: str
    responses: int


@dataclass(frozen=True, slots=True)
class RequestEnded:
    """A request has its provisional verdict."""

    query: str
    peer: str
    verdict: RequestVerdict


@dataclass(frozen=True, slots=True)
class RequestRetried:
    """A request is going to be asked again, after a pause; what came does not count.

    Attributes:
        cause: how the try ended.
        seconds: until it is put into line again.
    """

    request: str
    query: str
    peer: str
    cause: Cause
    seconds: float


@dataclass(frozen=True, slots=True)
class RequestSplit:
    """A request is cut into pieces, which are asked now.

    It stands in place of `RequestEnded`, or takes an earlier one back.

    Attributes:
        pieces: ids of the new requests.
        why: one sentence, what made its answer doubtful.
        responses: its answer had.
    """

    request: str
    query: str
    peer: str
    pieces: tuple[str, ...]
    why: str
    responses: int = 0


@dataclass(frozen=True, slots=True)
class RequestsGrown:
    """Requests of a query were made, for rows of another or to prove something.

    Attributes:
        requests: ids of the new requests, which are asked now.
    """

    query: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeerTrouble:
    """An association could not be opened or was lost."""

    peer: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class PeerWaits:
    """A peer is asked nothing until its hours begin; what is under way goes on.

    Attributes:
        until: when they begin, in the peer's time zone.
    """

    peer: str
    until: datetime


@dataclass(frozen=True, slots=True)
class PlaceAwaited:
    """Other processes on this host have all associations a peer bears; told once."""

    peer: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run was interrupted, or stops because of `on_failure: stop`."""

    reason: str


@dataclass(frozen=True, slots=True)
class FinishingStarted:
    """The network is done; tables are rendered.

    Attributes:
        responses: that stand; what came more than once is counted once.
    """

    query: str
    responses: int


@dataclass(frozen=True, slots=True)
class OutputReady:
    """An output was published or withheld."""

    output: OutputReport


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The last event of a run."""

    result: RunResult


Event: TypeAlias = (
    RunStarted
    | RequestStarted
    | ResponsesArrived
    | RequestEnded
    | RequestRetried
    | RequestSplit
    | RequestsGrown
    | PeerTrouble
    | PlaceAwaited
    | PeerWaits
    | Stopping
    | FinishingStarted
    | OutputReady
    | RunEnded
)


class Observer(Protocol):
    """Called on the event loop; must return quickly and must not raise."""

    def __call__(self, event: Event, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A set of responses as it came, once the capture has it.

    Attributes:
        request: what they answer; its query and peer say how to read them.
        first: number of the first of them within the attempt, from 1.
        matches: their Identifiers and statuses.
        facts: of the attempt, with the transfer syntax of the Identifiers.
    """

    request: Request
    first: int
    matches: Matches
    facts: AttemptFacts


@runtime_checkable
class ResponseObserver(Observer, Protocol):
    """An observer that is shown every response as well.

    Its request reads no further response while it is waited for, so that nothing
    piles up behind a slow reader; deadlines of the peer do not count that time.
    """

    async def responses(self, received: Received) -> None:
        """Takes a set of responses; must not raise."""
        ...
