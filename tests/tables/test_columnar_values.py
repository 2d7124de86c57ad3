"""Whole columns of text as values: the same as one text at a time, or left alone."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.tables import typed, usual

DATES = (
    st.from_regex(r"[0-9]{8}", fullmatch=True)
    | st.dates().map(lambda day: day.strftime("%Y%m%d").zfill(8))
    | st.builds(
        "{:04}{:02}{:02}".format, st.integers(0, 9999), *[st.integers(0, 32)] * 2
    )
)
NUMBERS = st.from_regex(r"[0-9.]{1,20}", fullmatch=True)
OTHERS = st.text("0123456789.+-eE \u0663é", max_size=12)
CELLS = st.lists(st.none() | DATES | NUMBERS | OTHERS, max_size=8)


def readable(vr: str, text: str) -> bool:
    return typed._fitting(typed.BY_VR[vr], text) is not None


class TestUsualForms:
    @settings(deadline=None, max_examples=300)
    @given(st.sampled_from(["DA", "IS", "DS"]), CELLS, st.integers(0, 2))
    def test_are_read_as_one_at_a_time(
        self, vr: str, cells: list[str | None], skipped: int
    ) -> None:
        kind = typed.BY_VR[vr]
        text = pa.array(cells, pa.string())[skipped:]
        array, usual_ones = usual.PARSERS[kind.arrow](text)
        array.validate(full=True)
        assert array.type == kind.arrow
        for cell, value, is_usual in zip(
            text.to_pylist(), array.to_pylist(), usual_ones.tolist(), strict=True
        ):
            expected = typed._fitting(kind, cell) if is_usual else None
            assert (value is not None) == is_usual
            assert value == expected

    @pytest.mark.parametrize("vr", ["IS", "DS"])
    @given(number=st.integers(0, 10**18 - 1))
    def test_hold_every_number_of_digits_alone(self, vr: str, number: int) -> None:
        kind = typed.BY_VR[vr].arrow
        array, _ = usual.PARSERS[kind](pa.array([str(number)]))
        assert array.to_pylist() == [number if vr == "IS" else float(number)]

    @given(st.dates())
    def test_hold_every_date(self, day: dt.date) -> None:
        text = f"{day.year:04}{day.month:02}{day.day:02}"
        assert usual.dates(pa.array([text]))[0].to_pylist() == [day]

    def test_leave_no_date_that_can_be_read_in_eight_digits(self) -> None:
        days = [
            f"{year}{at:04}" for year in (1900, 2000, 2023, 2024) for at in range(1400)
        ]
        _, usual_ones = usual.dates(pa.array(days))
        assert usual_ones.tolist() == [readable("DA", day) for day in days]

    @pytest.mark.parametrize("text", [".", "1.2.3", "-1", "+1", "1e5", " 1", "1 ", "x"])
    def test_are_digits_with_one_point_at_most(self, text: str) -> None:
        _, usual_ones = usual.decimals(pa.array([text, "1.5", ".5", "1.", None, ""]))
        assert usual_ones.tolist() == [False, True, True, True, False, False]
