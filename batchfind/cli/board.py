"""The state of a run as a screen shows it: one line for each query and peer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from batchfind.capture.records import Verdict
from batchfind.cli.text import clean, count
from batchfind.cli.trees import Tree, Trees
from batchfind.execution.progress import (
    Event,
    FinishingStarted,
    PeerTrouble,
    PeerWaits,
    PlaceAwaited,
    RequestEnded,
    RequestRetried,
    RequestsGrown,
    RequestSplit,
    RequestStarted,
    ResponsesArrived,
    RunStarted,
    Stopping,
)
from batchfind.job.hours import day_and_time

Times: TypeAlias = Mapping[tuple[str, str], float]
"""Seconds of each query and peer, from the first request to the last end."""

GOOD = frozenset({Verdict.COMPLETE, Verdict.LIMITED})

#: Seconds that nobody would call a pause.
_AT_ONCE = 0.05


@dataclass(slots=True)
class Group:
    """All requests of one query at one peer.

    Requests that were cut from others are part of these, and counted apart.

    Attributes:
        total: requests to ask in this execution.
        pieces: requests that were cut from them.
        arriving: request id to responses so far, for requests in flight.
        arrived: responses of ended requests.
        began: clock at its first request, or None.
        ended: clock at its latest end.
    """

    query: str
    peer: str
    total: int = 0
    pieces: int = 0
    arriving: dict[str, int] = field(default_factory=dict)
    arrived: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    began: float | None = None
    ended: float = 0.0

    @property
    def done(self) -> int:
        """Requests with a verdict, those that were cut with all their pieces."""
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
        notice: the latest sentence about a request that is cut or asked again, or about
            a peer that waits.
    """

    job: str = ""
    run_dir: str = ""
    phase: str = "asking"
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
    notice: str = ""
    trees: Trees = field(default_factory=Trees)

    def observe(self, event: Event, now: float) -> None:
        """Take one event, at a reading of a monotonic clock in seconds."""
        match event:
            case RunStarted():
                self._start(event)
            case RequestStarted():
                self._begin(event, now)
            case ResponsesArrived():
                group = self._group(event.query, event.peer)
                group.arriving[event.request] = event.responses
            case RequestEnded():
                self._end(event, now)
            case RequestRetried():
                self._group(event.query, event.peer).arriving.pop(event.request, None)
                self.notice = retry_sentence(event)
            case RequestSplit():
                self._split(event, now)
            case RequestsGrown():
                self._grow(event)
            case _:
                self._observe_whole(event)

    def _observe_whole(self, event: Event) -> None:
        """What concerns no single request."""
        match event:
            case PeerTrouble():
                sentence = clean(event.cause.message)
                if sentence not in self.troubles:
                    self.troubles = (*self.troubles[-2:], sentence)
            case PeerWaits() | PlaceAwaited():
                self.notice = waits_sentence(event)
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
        groups: dict[tuple[str, str], Group] = {}
        for tree in self.trees.start(event):
            key = (tree.query, tree.peer)
            group = groups.setdefault(key, Group(*key))
            group.total += 1
        self.groups = groups

    def _begin(self, event: RequestStarted, now: float) -> None:
        group = self._group(event.query, event.peer)
        group.began = now if group.began is None else group.began
        group.arriving[event.request] = 0

    def _end(self, event: RequestEnded, now: float) -> None:
        group = self._group(event.query, event.peer)
        identity, verdict = event.verdict.request, event.verdict
        group.arriving.pop(identity, None)
        group.arrived += verdict.responses
        group.ended = now
        if (tree := self.trees.get(identity)) is None:
            tree = self._announce(identity, event.query, event.peer)
        tree.waiting.discard(identity)
        tree.ended[identity] = verdict.verdict
        _settle(group, tree)

    def _split(self, event: RequestSplit, now: float) -> None:
        group = self._group(event.query, event.peer)
        arriving = group.arriving.pop(event.request, None)
        if arriving is not None:  # else its end was told before
            group.arrived += max(arriving, event.responses)
        group.ended = now
        tree = self.trees.cut(event.request)
        for piece in event.pieces:
            self._announce(piece, event.query, event.peer)
        if tree is not None:
            _settle(group, tree)
        self.notice = split_sentence(event)

    def _grow(self, event: RequestsGrown) -> None:
        for identity in event.requests:
            self._announce(identity, event.query)

    def _announce(self, identity: str, query: str, peer: str = "") -> Tree:
        """A request that is asked from now on has its place on the screen."""
        tree = self.trees.add(identity, query, peer)
        group = self._group(tree.query, tree.peer)
        if tree.root == identity:
            group.total += 1
        else:
            group.pieces += 1
            _settle(group, tree)
        return tree

    def _group(self, query: str, peer: str) -> Group:
        """A group that RunStarted did not announce gets a line all the same."""
        key = (query, peer)
        if key not in self.groups:
            self.groups = {**self.groups, key: Group(query, peer)}
        return self.groups[key]


def retry_sentence(event: RequestRetried) -> str:
    """What is asked again, why and when."""
    where = f"{event.query} at {event.peer}"
    soon = event.seconds < _AT_ONCE
    when = "at once" if soon else f"in {event.seconds:.1f} s"
    return clean(f"{where}: {event.cause.code}: again {when}")


def waits_sentence(event: PeerWaits | PlaceAwaited) -> str:
    """Who is asked nothing, until when or because of whom."""
    if isinstance(event, PlaceAwaited):
        what = "waits for a place, other batchfind processes have them all"
    else:
        until = f"{day_and_time(event.until)} {event.until.tzinfo}"
        what = f"waits until {until} (hours)"
    return clean(f"{event.peer}: {what}")


def split_sentence(event: RequestSplit) -> str:
    """What was cut, and why."""
    pieces = count(len(event.pieces), "piece")
    where, why = f"{event.query} at {event.peer}", event.why.rstrip(".")
    if why.startswith(f"{event.peer} ("):  # with its address, which is known by now
        why = why.partition("): ")[2] or why
    return clean(f"{where}: {why}: cut into {pieces}")


def _settle(group: Group, tree: Tree) -> None:
    """Counts a tree by the verdict it has now."""
    if tree.settled is not None:
        group.verdicts -= Counter([tree.settled])
    tree.settled = tree.verdict
    if tree.settled is not None:
        group.verdicts[tree.settled] += 1
