"""Requests in line for each SCP: what may be asked next, and what no longer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from batchfind.capture.records import Ending, StoredAttempt
from batchfind.execution.allowance import Allowance
from batchfind.execution.circuit import Circuit
from batchfind.execution.hours import Clock, Opening, opening_of, wall_clock
from batchfind.execution.pacing import Pace, pace_of
from batchfind.execution.retrying import Reserve
from batchfind.execution.wiring import Wiring
from batchfind.job.model import OutsideHours
from batchfind.plan.model import Origin, Plan, PlannedPeer, Request


class Turn:
    """A request in line, and its repetitions, which follow it in order.

    Attributes:
        left: those that have no verdict yet, the next one first.
        series: what they share; empty for a request without repetitions.
        tries: at the next one so far, oldest first.
        counted: how those ended that its retries are counted by.
        durable: done once no crash can take the last of them back.
    """

    def __init__(self, requests: Iterable[Request]) -> None:
        """Not asked yet."""
        self.left = deque(requests)
        self.series = self.left[0].id if len(self.left) > 1 else ""
        self.tries: list[StoredAttempt] = []
        self.counted: list[Ending] = []
        self.durable: asyncio.Future[None] | None = None
        self._begun: float | None = None
        self._advanced = False

    @property
    def request(self) -> Request:
        """The next one."""
        return self.left[0]

    def ahead(self, now: float) -> float:
        """Seconds until the next one is due; the first was due when this was asked."""
        if self._begun is None:
            self._begun = now
        if self.tries or self.request.origin is Origin.SPLIT:
            return 0.0
        return self._begun + self.request.not_before - now

    def put_off(self) -> None:
        """It could not be asked; repetitions keep their distance from the first."""
        if not self.tries and not self._advanced:
            self._begun = None

    def advance(self) -> None:
        """The next one has its verdict."""
        self._advanced = True
        self.left.popleft()
        self.tries, self.counted, self.durable = [], [], None


@dataclass(slots=True)
class Line:
    """The requests for one group of peers, mostly one host and port.

    Attributes:
        group: its name.
        associations: how many it bears at once.
        circuit: whether it is asked at all.
        operations: requests in flight on each, as far as is known.
        workers: how many turns are worked on.
        turns: requests that wait, the next first.
        awaited: endings that may give rise to more requests for it.
        seated: requests that have an association.
        reviving: somebody sees to it that it is tried again.
        allowance: how many associations it bears just now.
        reserve: how often its requests may be asked again.
        pace: when it may be sent the next C-FIND.
        opening: when it may be asked at all.
    """

    group: str
    associations: int
    circuit: Circuit
    operations: int = 1
    workers: int = 0
    turns: deque[Turn] = field(default_factory=deque)
    awaited: int = 0
    seated: int = 0
    reviving: bool = False
    allowance: Allowance = field(default_factory=Allowance)
    reserve: Reserve = field(default_factory=Reserve)
    pace: Pace = field(default_factory=Pace)
    opening: Opening = field(default_factory=Opening)

    def room(self, now: float) -> int:
        """How many workers find room at the SCP."""
        return self.allowance.at(now, self.associations) * self.operations

    def wanted(self, now: float) -> int:
        """How many more workers find work, and room at the SCP."""
        return max(0, min(self.room(now) - self.workers, len(self.turns)))

    def rejected(self, now: float, began: float) -> None:
        """The SCP bears no more associations than it has.

        Args:
            now: on the loop's clock.
            began: when the association was asked for.
        """
        standing = -(-self.seated // self.operations)
        self.allowance.lower(now, began=began, standing=standing)


def turns(requests: Iterable[Request]) -> Iterator[Turn]:
    """Requests in plan order, a request with all its repetitions in one turn.

    Pieces of a repetition are not repetitions of each other.
    """
    chain: list[Request] = []
    for request in requests:
        if chain and not _follows(request, chain[-1]):
            yield Turn(chain)
            chain = []
        chain.append(request)
    if chain:
        yield Turn(chain)


def _follows(request: Request, other: Request) -> bool:
    """Whether a request repeats another, as far as a part of a plan shows it."""
    return (
        request.repetition > other.repetition
        and request.origin is not Origin.SPLIT
        and (request.query, request.peer) == (other.query, other.peer)
    )


class Lines:
    """A line for each group of peers that is asked anything."""

    def __init__(
        self, plan: Plan, wiring: Wiring, probes: int, clock: Clock = wall_clock
    ) -> None:
        """Without any.

        Args:
            plan: whose peers are asked.
            wiring: knows where peers are, and what they bear together.
            probes: how often a peer in trouble is tried before it is given up.
            clock: tells the time of day.
        """
        self._clock = clock
        self._plan = plan
        self._wiring = wiring
        self._probes = probes
        self._known: dict[str, Line] = {}

    def put(self, requests: Iterable[Request]) -> list[Line]:
        """Puts requests into line behind others; says which lines got any."""
        found: dict[int, Line] = {}
        for turn in turns(requests):
            line = self._line(self._plan.peers[turn.request.peer])
            line.turns.append(turn)
            found[id(line)] = line
        return list(found.values())

    def _line(self, peer: PlannedPeer) -> Line:
        group = self._wiring.group(peer)
        line = self._known.get(group)
        if line is None:
            line = self._known[group] = self._new_line(group, peer)
        return line

    def _new_line(self, group: str, peer: PlannedPeer) -> Line:
        plan = self._plan
        peers = [one for one in plan.peers.values() if self._wiring.group(one) == group]
        waits = plan.policy.outside_hours is OutsideHours.WAIT
        return Line(
            group,
            self._wiring.associations(peer),
            Circuit(self._probes),
            pace=pace_of(peers),
            opening=opening_of(peers, plan.timezone, waits=waits, clock=self._clock),
        )
