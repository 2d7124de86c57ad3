"""Waiting for hours and rate, by clocks that tests set: nothing here takes time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from batchfind.execution.admission import LONGEST_NAP, Admission
from batchfind.execution.circuit import Circuit
from batchfind.execution.halt import Halt
from batchfind.execution.hours import Opening
from batchfind.execution.outcomes import Stop
from batchfind.execution.pacing import Pace
from batchfind.execution.progress import Event, PeerWaits
from batchfind.execution.queues import Line
from batchfind.job.hours import interval
from tests.execution.plans import request

OPENS = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
ASKED = request("0.0", "pacs")
HOURS = (((interval("Mon 20:00-22:00"),), "UTC"),)


class Sleeper(Halt):
    """Lets no time pass but on a clock of its own; `jumps` are added to its naps."""

    def __init__(self, start: datetime, *jumps: timedelta) -> None:
        self.events: list[Event] = []
        super().__init__(self.events.append, lambda _: None)
        self.now = start
        self.naps: list[float] = []
        self._jumps = list(jumps)

    async def pause(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += timedelta(seconds=seconds)
        if self._jumps:
            self.now += self._jumps.pop(0)


class Settled:
    """Notes which lines had their idle associations released."""

    def __init__(self) -> None:
        self.groups: list[str] = []

    async def __call__(self, line: Line) -> None:
        self.groups.append(line.group)


def wait(sleeper: Sleeper, line: Line, settled: Settled | None = None) -> bool:
    admission = Admission(sleeper, sleeper.events.append, settled or Settled())
    return asyncio.run(admission.wait(line, ASKED))


def line_of(sleeper: Sleeper, *, waits: bool = True) -> Line:
    opening = Opening(HOURS, waits=waits, clock=lambda: sleeper.now)
    return Line("h:1", 2, Circuit(2), opening=opening)


class TestTheWall:
    def test_is_looked_at_every_minute(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(hours=2, seconds=30))
        assert wait(sleeper, line_of(sleeper))
        assert sleeper.now == OPENS
        assert len(sleeper.naps) == 121
        assert max(sleeper.naps) == LONGEST_NAP == 60.0

    def test_that_went_on_while_the_machine_slept_ends_the_wait(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(hours=9), timedelta(hours=9))
        wait(sleeper, line_of(sleeper))
        assert sleeper.naps == [60.0]

    def test_that_was_set_back_makes_it_longer(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(minutes=2), timedelta(minutes=-5))
        wait(sleeper, line_of(sleeper))
        assert sleeper.naps == [60.0] * 7

    def test_within_hours_is_no_wait(self) -> None:
        sleeper = Sleeper(OPENS)
        assert not wait(sleeper, line_of(sleeper))
        assert sleeper.naps == []

    def test_is_no_wait_for_those_that_are_skipped(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(hours=2))
        assert not wait(sleeper, line_of(sleeper, waits=False))
        assert sleeper.naps == []


class TestAWait:
    def test_is_told_once_and_releases_what_is_idle(self) -> None:
        sleeper, settled = Sleeper(OPENS - timedelta(minutes=3)), Settled()
        wait(sleeper, line_of(sleeper), settled)
        assert sleeper.events == [PeerWaits("pacs", OPENS)]
        assert settled.groups == ["h:1"]

    def test_of_several_is_told_once(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(minutes=3))
        settled = Settled()
        admission = Admission(sleeper, sleeper.events.append, settled)
        line = line_of(sleeper)

        async def two() -> None:
            await asyncio.gather(*(admission.wait(line, ASKED) for _ in range(2)))

        asyncio.run(two())
        assert sleeper.events == [PeerWaits("pacs", OPENS)]

    def test_ends_with_the_run(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(hours=2))
        sleeper.reason = Stop.INTERRUPTED
        assert not wait(sleeper, line_of(sleeper))

    def test_ends_when_its_peer_is_given_up(self) -> None:
        sleeper = Sleeper(OPENS - timedelta(hours=2))
        line = line_of(sleeper)
        for _ in range(5):
            line.circuit.failed(0.0, probe=False, hopeless=True)
        assert line.circuit.given_up
        assert not wait(sleeper, line)


class TestTheDoor:
    def test_is_shut_until_the_next_c_find_may_be_sent(self) -> None:
        async def twice() -> list[float]:
            sleeper = Sleeper(OPENS)
            admission = Admission(sleeper, sleeper.events.append, Settled())
            line = Line("h:1", 2, Circuit(2), pace=Pace(3600.0))
            first = admission.ahead(line, ASKED)
            line.pace.let_in(asyncio.get_running_loop().time())
            return [first, admission.ahead(line, ASKED)]

        first, second = asyncio.run(twice())
        assert first == 0.0
        assert 3000.0 < second <= 3600.0

    def test_is_open_to_those_that_are_refused(self) -> None:
        async def once() -> float:
            sleeper = Sleeper(OPENS)
            admission = Admission(sleeper, sleeper.events.append, Settled())
            line = Line("h:1", 2, Circuit(0), pace=Pace(3600.0))
            line.pace.let_in(asyncio.get_running_loop().time())
            for _ in range(5):
                line.circuit.failed(0.0, probe=False, hopeless=True)
            return admission.ahead(line, ASKED)

        assert asyncio.run(once()) == 0.0

    def test_is_shut_outside_hours(self) -> None:
        async def once() -> float:
            sleeper = Sleeper(OPENS - timedelta(seconds=1))
            admission = Admission(sleeper, sleeper.events.append, Settled())
            return admission.ahead(line_of(sleeper), ASKED)

        assert asyncio.run(once()) == 1.0
