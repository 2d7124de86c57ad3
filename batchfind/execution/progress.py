"""What an observer of a run is told, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from batchfind.capture.records import Cause, RequestVerdict
from batchfind.execution.results import OutputReport, RunResult
from batchfind.plan.model import Plan


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run directory exists; `requests` of the plan's will be asked now."""

    plan: Plan
    run_dir: str
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestStarted:
    """A C-FIND-RQ is about to be sent."""

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
class PeerTrouble:
    """An association could not be opened or was lost."""

    peer: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run was interrupted, or stops because of `on_failure: stop`."""

    reason: str


@dataclass(frozen=True, slots=True)
class FinishingStarted:
    """The network is done; tables are rendered."""

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
    | PeerTrouble
    | Stopping
    | FinishingStarted
    | OutputReady
    | RunEnded
)


class Observer(Protocol):
    """Called on the event loop; must return quickly and must not raise."""

    def __call__(self, event: Event, /) -> None: ...
