"""Aims of every kind, and the words and tables they become."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from benchmarks.aims import Aim, Bound, Growth, Ratio
from benchmarks.cases import CASES, Case
from benchmarks.measure import Comparison, Figure, Medians
from benchmarks.report import not_measured, section


def medians(wall: float, peak: float = 100.0) -> Medians:
    return {Figure.WALL: wall, Figure.CPU: wall, Figure.PEAK: peak, Figure.THREADS: 7}


def case(*aims: Aim, note: str = "") -> Case:
    return Case(title="T", serve=lambda _: nullcontext({}), aims=aims, note=note)


BOTH = {"batchfind": medians(1.0), "findscu": medians(4.0, 160.0)}


class TestAims:
    @pytest.mark.parametrize(
        ("aim", "reached"),
        [
            (Ratio("findscu", 0.25), True),
            (Ratio("findscu", 0.24), False),
            (Bound("batchfind", Figure.THREADS, 7), True),
            (Bound("batchfind", Figure.WALL, 0.9), False),
            (Growth("batchfind", "findscu", Figure.PEAK, 60), True),
            (Growth("batchfind", "findscu", Figure.PEAK, 59), False),
        ],
    )
    def test_reached_up_to_the_very_figure(self, aim: Aim, reached: bool) -> None:
        verdict = aim.judge(BOTH)
        assert verdict is not None
        assert verdict.reached is reached

    @pytest.mark.parametrize(
        "aim",
        [
            Ratio("nobody", 1),
            Bound("nobody", Figure.WALL, 1),
            Growth("batchfind", "nobody", Figure.PEAK, 1),
        ],
    )
    def test_no_verdict_without_a_contender(self, aim: Aim) -> None:
        assert aim.judge(BOTH) is None

    def test_a_figure_that_is_not_a_number_is_a_miss(self) -> None:
        found = {"batchfind": {Figure.LAG_NETWORK: float("nan")}}
        verdict = Bound("batchfind", Figure.LAG_NETWORK, 5).judge(found)
        assert verdict is not None
        assert not verdict.reached


class TestSection:
    def test_a_ratio_stands_in_the_row_of_the_rival(self) -> None:
        text = section(case(Ratio("findscu", 0.2)), Comparison(BOTH))
        assert "| findscu | 4.00 | 4.00 | 160 | 0.25 x | <= 0.2 x, missed |" in text
        assert "| batchfind | 1.00 | 1.00 | 100 |  |  |" in text

    def test_other_aims_stand_below_the_table(self) -> None:
        text = section(case(Bound("batchfind", Figure.WALL, 1.5)), Comparison(BOTH))
        assert "| program | wall s | CPU s | peak MB |" in text
        assert "- Aim: batchfind: wall s <= 1.5. Measured: 1, reached." in text

    def test_who_was_absent_is_said_once(self) -> None:
        absent = ("Without findscu: it is not on this machine.",)
        found = Comparison({"batchfind": medians(1.0)}, absent)
        text = section(case(Ratio("findscu", 0.2), note="A note."), found)
        assert text.endswith("|\n\nA note. Without findscu: it is not on this machine.")

    def test_what_could_not_be_measured_is_one_sentence(self) -> None:
        assert (
            not_measured(case(), "X is missing")
            == "### T\n\nNot measured: X is missing."
        )


class TestCases:
    def test_every_figure_that_is_judged_is_shown(self) -> None:
        for name, one in CASES.items():
            for aim in one.aims:
                figure = getattr(aim, "figure", Figure.WALL)
                assert figure in one.figures, name
