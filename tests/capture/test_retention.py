"""Which runs stay: exactly what the bounds say, by the time in their names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.capture.job_folder import StoredRun, started_of
from batchfind.capture.retention import beyond
from batchfind.job.model import Keep
from tests.capture.stored import MIDNIGHT, name_of

NOW = MIDNIGHT


def run(age: timedelta, *, pinned: bool = False) -> StoredRun:
    return StoredRun(name_of(NOW - age), NOW - age, pinned)


def days(*ages: float) -> list[StoredRun]:
    return [run(timedelta(days=age)) for age in ages]


def ages(runs: Sequence[StoredRun]) -> list[float]:
    return [(NOW - one.started) / timedelta(days=1) for one in runs]


class TestAName:
    def test_tells_when_the_run_began_in_utc(self) -> None:
        berlin = datetime(2026, 1, 31, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=1)))
        assert name_of(berlin) == "20260131T000203.000004Z-1a2b3c4d"
        assert started_of(name_of(berlin)) == berlin
        assert started_of(name_of(berlin)) == datetime(
            2026, 1, 31, 0, 2, 3, 4, tzinfo=UTC
        )

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "job.lock",
            "20260131T000000.000000Z",
            "20260131T000000.000000Z-1a2b3c4",
            "20260131T000000.000000Z-1A2B3C4D",
            "20260131T000000.000000Z-1a2b3c4d.old",
            " 20260131T000000.000000Z-1a2b3c4d",
            "20260131T000000.000000Z-1a2b3c4d\n",
            "20260132T000000.000000Z-1a2b3c4d",
            "20260131T250000.000000Z-1a2b3c4d",
            "00000101T000000.000000Z-1a2b3c4d",
            "\u0662\u0660260131T000000.000000Z-1a2b3c4d",
            ".pruned-20260131T000000.000000Z-1a2b3c4d",
        ],
    )
    def test_that_is_not_ours_is_none(self, name: str) -> None:
        assert started_of(name) is None


class TestBounds:
    def test_without_any_nothing_goes(self) -> None:
        assert beyond(days(0, 5000, 9999), Keep(), NOW) == ()

    def test_a_job_without_runs_has_none_to_lose(self) -> None:
        assert beyond([], Keep(runs=1, days=1), NOW) == ()

    def test_runs_keeps_so_many_of_the_newest(self) -> None:
        assert ages(beyond(days(3, 1, 4, 2), Keep(runs=2), NOW)) == [4, 3]

    def test_days_keeps_what_began_within_them(self) -> None:
        assert ages(beyond(days(0, 29, 30, 31, 90), Keep(days=30), NOW)) == [90, 31]

    def test_days_are_24_hours_to_the_microsecond(self) -> None:
        exact, later = timedelta(days=30), timedelta(days=30, microseconds=1)
        runs = [run(timedelta(0)), run(exact), run(later)]
        assert beyond(runs, Keep(days=30), NOW) == (runs[2],)

    def test_of_both_every_bound_has_to_let_a_run_go(self) -> None:
        runs = days(0, 1, 2, 40, 50)
        assert ages(beyond(runs, Keep(runs=4, days=30), NOW)) == [50]
        assert ages(beyond(runs, Keep(runs=1, days=30), NOW)) == [50, 40]
        assert ages(beyond(runs, Keep(runs=1, days=45), NOW)) == [50]

    def test_the_newest_run_never_goes(self) -> None:
        assert beyond(days(400), Keep(days=1), NOW) == ()
        assert ages(beyond(days(400, 500), Keep(runs=1, days=1), NOW)) == [500]

    def test_a_pinned_run_stays_and_is_not_counted(self) -> None:
        pinned = run(timedelta(days=2), pinned=True)
        runs = [*days(1, 3, 4), pinned]
        assert ages(beyond(runs, Keep(runs=2), NOW)) == [4]

    def test_a_run_that_is_spared_stays_and_is_counted(self) -> None:
        runs = days(1, 2, 3)
        assert ages(beyond(runs, Keep(runs=1), NOW, runs[1].name)) == [3]

    def test_a_run_from_the_future_is_young(self) -> None:
        assert ages(beyond(days(-5, -2, 2), Keep(days=1), NOW)) == [2]

    def test_bounds_may_be_as_large_as_a_job_can_say(self) -> None:
        most = 1_000_000_000
        assert beyond(days(0, 9999), Keep(runs=most, days=most), NOW) == ()


class TestAnyRuns:
    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(-10, 60 * 24), st.booleans()),
            unique_by=lambda one: one[0],
            max_size=20,
        ),
        st.none() | st.integers(1, 12),
        st.none() | st.integers(1, 60),
        st.integers(0, 19),
    )
    def test_what_stays_is_exactly_what_the_bounds_say(
        self,
        made: list[tuple[int, bool]],
        most: int | None,
        oldest: int | None,
        spared: int,
    ) -> None:
        runs = [run(timedelta(hours=age), pinned=pinned) for age, pinned in made]
        spare = runs[spared].name if spared < len(runs) else ""
        gone = beyond(runs, Keep(runs=most, days=oldest), NOW, spare)
        newest = max(runs, key=lambda one: one.started, default=None)
        for one in runs:
            newer = [
                other
                for other in runs
                if not other.pinned and other.started > one.started
            ]
            stays = (
                one is newest
                or one.pinned
                or one.name == spare
                or (most is None and oldest is None)
                or (most is not None and len(newer) < most)
                or (oldest is not None and NOW - one.started <= timedelta(days=oldest))
            )
            assert stays == (one not in gone)
        assert list(gone) == sorted(gone, key=lambda one: one.started)
