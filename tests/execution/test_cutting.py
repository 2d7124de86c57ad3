"""When cutting once more cannot bring anything that is not there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.execution.cutting import in_vain_without
from batchfind.plan.model import Extent, Piecing
from tests.execution.born import each_once
from tests.execution.growing_run import run, splitting_plan
from tests.execution.simulation import STUDY_DATE, STUDY_TIME, splitting, window
from tests.peers.capped import CappedArchive, Empty, Study, Style
from tests.peers.plugin import StartPeer

DAY = "20240105"
DATE, TIME, THEN = Piecing.DATE, Piecing.TIME, Piecing.THEN


def day(by: Piecing | None, low: str = "") -> Extent:
    return Extent(first=DAY, last=DAY, low=low, by=by)


class TestCuttingIsInVain:
    def test_without_a_value_of_the_key_that_it_goes_on_with(self) -> None:
        cut = in_vain_without(day(TIME, "120000"), day(TIME, "180000"), splitting())
        assert cut == STUDY_TIME
        days = Extent(first="20240101", last="20240109", by=DATE)
        assert in_vain_without(days, days, splitting()) == STUDY_DATE

    @pytest.mark.parametrize(
        ("extent", "piece"),
        [
            (day(None), day(TIME)),  # the first cut by time
            (day(DATE), day(TIME)),
            (day(TIME), day(TIME)),  # open below
            (Extent(first="", last="20240109", by=DATE), day(DATE)),
            (day(TIME, "120000"), day(THEN, "120000")),  # a further key
            (None, day(TIME)),
        ],
    )
    def test_never_where_pieces_may_tell_rows_apart(
        self, extent: Extent | None, piece: Extent
    ) -> None:
        assert in_vain_without(extent, piece, splitting()) is None

    def test_never_by_moments(self) -> None:
        moment = day(TIME, "120000")
        assert in_vain_without(moment, moment, splitting(time=None)) is None
        assert in_vain_without(moment, moment, None) is None


def archive(unset: int, empty: Empty, timed: int = 40) -> CappedArchive:
    """Studies of one day of which some have no time; caps at 20, and says so."""
    without = [Study(f"1.2.3.{n}", DAY, "") for n in range(unset)]
    clocks = [f"{1 + n % 23:02d}{n:02d}00" for n in range(timed)]
    others = [Study(f"1.2.4.{n}", DAY, clock) for n, clock in enumerate(clocks)]
    return CappedArchive(
        studies=without + others, cap=20, style=Style.OUT_OF_RESOURCES, empty=empty
    )


class TestADayWithMoreRowsWithoutATimeThanTheCap:
    def test_is_given_up_where_each_range_returns_them(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(script=archive(25, Empty.EVERY).answer)
        given = splitting_plan(tmp_path, scripted.port, [window(DAY, DAY)])
        found = run(given, tmp_path / "run.db")
        # Down the pieces that are open below, one other beside each of them.
        assert len(found.requests) < 50
        each_once(found)
        verdict = found.judged["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "status-a700"
        number = len(scripted.seen.requests)
        run(given, tmp_path / "run.db")
        assert len(scripted.seen.requests) <= 2 * number

    def test_goes_on_where_only_ranges_open_below_return_them(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        kept = archive(25, Empty.LOWER_OPEN)
        scripted = scripted_peer(script=kept.answer)
        given = splitting_plan(tmp_path, scripted.port, [window(DAY, DAY)])
        found = run(given, tmp_path / "run.db")
        timed = {study.uid for study in kept.studies if study.time}
        assert timed <= found.uids

    def test_goes_on_below_the_cap(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        kept = archive(15, Empty.EVERY)
        scripted = scripted_peer(script=kept.answer)
        given = splitting_plan(tmp_path, scripted.port, [window(DAY, DAY)])
        found = run(given, tmp_path / "run.db")
        assert found.uids == {study.uid for study in kept.studies}
        assert found.judged["0.0"].verdict is Verdict.COMPLETE
