"""The state of a run as a screen shows it: one line for each query and peer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from batchfind.capture.records import Verdict
from batchfind.cli.text import clean
from batchfind.execution.progress import (
    Event,
    FinishingStarted,
    PeerTrouble,
    RequestEnded,
    RequestStarted,
    ResponsesArrived,
    RunStarted,
    Stopping,
)

Times: TypeAlias = Mapping[tuple[str, str], float]
"""Seconds of each query and peer, from the first request to the last end."""

GOOD = frozenset({Verdict.COMPLETE, Verdict.LIMITED})


@dataclass(slots=True)
class Group:
    """All requests of one query at one peer.

    Attributes:
        total: requests to ask in this execution.
        arriving: request id to responses so far, for requests in flight.
        arrived: responses of ended requests.
        began: clock at its first request, or None.
        ended: clock at its latest end.
    """

    query: str
    peer: str
    total: int = 0
    arriving: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    began: float | None = None
    ended: float = 0.0

    @property
    def done(self) -> int:
        """Requests with a verdict."""
        return self.verdicts.total()

    @property
    def bad(self) -> int:
        """Requests whose verdict is neither complete nor limited as asked."""
        return sum(n for verdict, n in self.verdicts.items() if verdict not in GOOD)

    @property
    def responses(self) -> int:
        """Responses so far."""
        return self.arrived + sum(tuple(self.arriving.values()))

    def elapsed(self, now: float) -> float:
        """Seconds from its first request to its last end, or to now."""
        if self.began is None:
            return 0.0
        return (self.ended if self.done >= self.total else now) - self.began


@dataclass(slots=True)
class Board:
    """Everything a display needs, fed with the events of one run.

    Attributes:
        groups: query and peer to their group, in plan order; fixed by RunStarted.
        phase: what the run does as a whole.
        troubles: the latest sentences about peers, newest last.
    """

    job: str = ""
    run_dir: str = ""
    phase: str = "asking"
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()

    def observe(self, event: Event, now: float) -> None:
        """Take one event, at a reading of a monotonic clock in seconds."""
        match event:
            case RunStarted():
                self._start(event)
            case RequestStarted():
                group = self._group(event.query, event.peer)
                group.began = now if group.began is None else group.began
                group.arriving[event.request] = 0
            case ResponsesArrived():
                group = self._group(event.query, event.peer)
                group.arriving[event.request] = event.responses
            case RequestEnded():
                self._end(event, now)
            case PeerTrouble():
                sentence = clean(event.cause.message)
                if sentence not in self.troubles:
                    self.troubles = (*self.troubles[-2:], sentence)
            case Stopping():
                self.phase = f"stopping: {clean(event.reason)}"
            case FinishingStarted():
                self.phase = f"writing {clean(event.query)}"
            case _:
                pass

    def times(self) -> Times:
        """How long each group took that had a request."""
        return {
            key: max(0.0, group.ended - group.began)
            for key, group in self.groups.items()
            if group.began is not None and group.done
        }

    def _start(self, event: RunStarted) -> None:
        self.job = clean(event.plan.job)
        self.run_dir = event.run_dir
        asked = frozenset(event.requests)
        groups: dict[tuple[str, str], Group] = {}
        for request in event.plan.requests:
            if request.id in asked:
                key = (request.query, request.peer)
                group = groups.setdefault(key, Group(*key))
                group.total += 1
        self.groups = groups

    def _end(self, event: RequestEnded, now: float) -> None:
        group = self._group(event.query, event.peer)
        group.arriving.pop(event.verdict.request, None)
        group.arrived += event.verdict.responses
        group.verdicts[event.verdict.verdict] += 1
        group.ended = now

    def _group(self, query: str, peer: str) -> Group:
        """A group RunStarted did not announce gets a line all the same."""
        key = (query, peer)
        if key not in self.groups:
            self.groups = {**self.groups, key: Group(query, peer, total=1)}
        return self.groups[key]
