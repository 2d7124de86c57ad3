"""Peers that count and time what they are asked, and clocks for their hours."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise, repeat
from pathlib import Path
from typing import Any

from batchfind.capture.records import Verdict
from batchfind.execution.hours import Clock
from batchfind.job.hours import interval
from batchfind.job.model import OutsideHours, PeerLimits, RetryPolicy
from batchfind.job.units import Rate
from batchfind.plan.model import Plan, PlannedPeer
from tests.execution.plans import peer, plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Seen
from tests.peers.scripted import ScriptedPeer, Step

#: 100 ms from one to the next.
QUICK = Rate(10, "s")
EVENING = (interval("Mon 20:00-22:00"),)
#: In Europe/Berlin, the plan's time zone, 20:00 on a Monday.
OPENS = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
BEFORE, AFTER = OPENS - timedelta(hours=1), OPENS + timedelta(hours=2)
AGAIN = RetryPolicy(attempts=3, backoff=0.01, max_backoff=0.01)
WAIT = {"outside_hours": OutsideHours.WAIT}


class Timed:
    """A peer that notes when it was sent each C-FIND."""

    def __init__(self, start: StartPeer, *answer: Step, **options: Any) -> None:
        self.times: list[float] = []
        self._answer = answer or (steps.final(),)
        self.peer: ScriptedPeer = start(script=self._script, **options)

    def _script(self, _: Seen) -> Sequence[Step]:
        self.times.append(time.monotonic())
        return self._answer

    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(sorted(self.times))]


def evenly(gaps: list[float], interval: float) -> bool:
    """Whether each is as long, as far as a peer that is noting them late can tell.

    One that is noted late makes the next gap shorter: they are true on the whole.
    """
    return sum(gaps) >= (len(gaps) - 1) * interval and min(gaps) >= interval / 5


def at(scripted: ScriptedPeer, name: str = "pacs", **limits: Any) -> PlannedPeer:
    return peer(name, scripted.port, limits=PeerLimits(**limits))


def asking(
    folder: Path, peers: Sequence[PlannedPeer], count: int, **policy: Any
) -> Plan:
    """So many requests to each peer, in turn."""
    names = [one.name for _ in range(count) for one in peers]
    requests = [request(f"0.{number}", name) for number, name in enumerate(names)]
    return plan(folder, peers, requests, policy=policy)


def clock_of(*times: datetime) -> Clock:
    """Tells one time after the other, then goes on telling the last."""
    told = chain(times, repeat(times[-1]))
    return lambda: next(told)


def verdicts(asked: Any) -> set[Verdict]:
    return {each.verdict for each in asked.verdicts.values()}


def ticking(start: datetime) -> Clock:
    """A clock that begins at a time when it is first read, and goes as clocks do."""
    began: list[float] = []

    def clock() -> datetime:
        now = time.monotonic()
        began.append(now)
        return start + timedelta(seconds=now - began[0])

    return clock
