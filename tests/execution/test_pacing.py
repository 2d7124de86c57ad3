"""`limits.rate`: one C-FIND evenly after the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.execution.pacing import Pace, pace_of
from batchfind.job.model import PeerLimits
from batchfind.job.units import Rate
from tests.execution.plans import peer


class TestThePace:
    def test_lets_the_first_in_at_once(self) -> None:
        assert Pace(2.0).ahead(100.0) == 0.0

    def test_lets_the_next_in_after_the_interval(self) -> None:
        pace = Pace(2.0)
        pace.let_in(100.0)
        assert pace.ahead(100.5) == 1.5
        assert pace.ahead(102.0) == 0.0

    def test_saves_nothing_up(self) -> None:
        pace = Pace(2.0)
        pace.let_in(100.0)
        pace.sent(100.0)
        pace.let_in(500.0)
        assert pace.ahead(500.0) == 2.0

    def test_counts_from_when_a_c_find_is_really_sent(self) -> None:
        pace = Pace(2.0)
        pace.let_in(100.0)
        pace.sent(101.5)
        assert pace.ahead(102.0) == 1.5
        assert pace.gap(102.0) == 1.5

    def test_does_not_count_what_got_no_association(self) -> None:
        pace = Pace(3600.0)
        pace.let_in(100.0)
        pace.came_to_nothing()
        assert pace.ahead(101.0) == 0.0

    def test_makes_up_for_further_pages(self) -> None:
        pace = Pace(2.0)
        pace.sent(100.0)
        pace.sent(101.0, 3)
        assert pace.gap(101.0) == 7.0

    def test_without_a_rate_is_no_bound(self) -> None:
        pace = Pace()
        pace.let_in(1.0)
        pace.sent(1.0, 5)
        assert (pace.ahead(1.0), pace.gap(1.0)) == (0.0, 0.0)

    @given(
        interval=st.floats(0.01, 100.0),
        comings=st.lists(st.tuples(st.floats(0.0, 50.0), st.floats(0.0, 50.0))),
    )
    def test_never_sends_two_within_an_interval(
        self, interval: float, comings: list[tuple[float, float]]
    ) -> None:
        pace, now, ready = Pace(interval), 0.0, []
        for idle, connecting in comings:
            now += idle + pace.ahead(now + idle)
            pace.let_in(now)
            ready.append(now + connecting)
        sent: list[float] = []
        for time in sorted(ready):
            sent.append(time + pace.gap(time))
            pace.sent(sent[-1])
        gaps = [later - earlier for earlier, later in pairwise(sent)]
        assert all(gap >= interval * (1 - 1e-9) for gap in gaps)


@pytest.mark.parametrize(
    ("rates", "interval"),
    [
        ([None], 0.0),
        ([Rate(2, "s"), None], 0.5),
        ([Rate(2, "s"), Rate(60, "m"), Rate(3600, "s")], 1.0),
    ],
)
def test_the_slowest_peer_of_a_group_counts(
    rates: list[Rate | None], interval: float
) -> None:
    peers = [peer(str(rate), 104, limits=PeerLimits(rate=rate)) for rate in rates]
    assert pace_of(peers).ahead(0.0) == 0.0
    pace = pace_of(peers)
    pace.let_in(0.0)
    assert pace.ahead(0.0) == interval
