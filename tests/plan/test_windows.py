"""Pieces of a window are disjoint and cover it. Source: PS3.4 C.2.2.2.5."""

from __future__ import annotations

import doctest
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.plan import windows
from batchfind.plan.windows import DAY, Interval, Piece, count, cut
from tests.plan.planning import Planner, value_of, values_of

STEPS_OF_A_DAY = [step for step in range(60, DAY) if DAY % step == 0]
JOB = """
queries:
  q:
    model: study
    level: STUDY
    keys: {{StudyInstanceUID: ""{keys}}}
    window: {{{window}}}
"""


def window_job(window: str, keys: str = "") -> str:
    return JOB.format(window=window, keys=keys)


def test_the_examples_of_the_module() -> None:
    assert doctest.testmod(windows).failed == 0


class TestDays:
    @settings(deadline=None)
    @given(
        st.dates(date(1, 1, 1), date(9999, 12, 31)),
        st.integers(0, 400),
        st.integers(1, 50),
    )
    def test_pieces_partition_any_range(self, end: date, days: int, step: int) -> None:
        start = date.fromordinal(max(1, end.toordinal() - days))
        interval = Interval(start, end)
        pieces = list(cut(interval, step * DAY))
        asked = [day for piece in pieces for day in _days(piece)]
        assert asked == [
            start + timedelta(days=offset) for offset in range((end - start).days + 1)
        ]
        assert len(pieces) == count(interval, step * DAY)

    @settings(deadline=None)
    @given(st.dates(), st.integers(0, 40), st.integers(1, 9))
    def test_one_day_is_a_single_value_and_more_a_range(
        self, start: date, days: int, step: int
    ) -> None:
        end = date.fromordinal(min(date.max.toordinal(), start.toordinal() + days))
        for piece in cut(Interval(start, end), step * DAY):
            low, dash, high = piece.da.partition("-")
            assert (low != high) == bool(dash) or not dash
            assert len(low) == 8

    @pytest.mark.parametrize(
        ("interval", "da", "dt"),
        [
            (
                Interval(date(2026, 1, 1), date(2026, 1, 1)),
                "20260101",
                "20260101000000-20260101235959.999999",
            ),
            (Interval(None, date(2026, 1, 1)), "-20260101", "-20260101235959.999999"),
            (Interval(date(2026, 1, 1), None), "20260101-", "20260101000000-"),
        ],
    )
    def test_open_ends_and_date_times(
        self, interval: Interval, da: str, dt: str
    ) -> None:
        (piece,) = cut(interval, None)
        assert (piece.da, piece.dt, count(interval, None)) == (da, dt, 1)


class TestTimes:
    @given(st.sampled_from(STEPS_OF_A_DAY), st.integers(1, 3))
    @settings(deadline=None, max_examples=50)
    def test_every_time_is_in_a_piece_whatever_order_the_peer_compares_in(
        self, step: int, days: int
    ) -> None:
        first = date(2026, 3, 28)
        interval = Interval(first, first + timedelta(days=days - 1))
        pieces = list(cut(interval, step))
        assert len(pieces) == count(interval, step) == days * (DAY // step)
        for day in range(days):
            of_day = pieces[day * (DAY // step) : (day + 1) * (DAY // step)]
            ranges = [piece.tm.split("-") for piece in of_day]
            assert {piece.da for piece in of_day} == {of_day[0].da}
            assert ranges[0][0] == "" == ranges[-1][1]
            inner = [(high, low) for (_, high), (low, _) in pairwise(ranges)]
            assert all(high == low and len(high) == 6 for high, low in inner)

    def test_a_step_under_a_day_writes_both_keys_and_proves_nothing(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(
            window_job("key: StudyDate, from: 2026-01-01, to: 2026-01-02, step: 12h")
        )
        assert (
            values_of(plan.requests, "StudyDate") == ["20260101"] * 2 + ["20260102"] * 2
        )
        assert values_of(plan.requests, "StudyTime") == ["-120000", "120000-"] * 2
        assert {one.assumption for one in plan.requests} == {"unset-time-unproven"}
        assert plan.requests[0].bindings["window"] == "20260101 -120000"
        (warning,) = plan.warnings
        assert "rows without a time" in warning.message
        assert "step: 1d" in warning.message
        assert plan.queries["q"].added == (
            "QueryRetrieveLevel",
            "StudyDate",
            "StudyTime",
        )

    def test_whole_days_assume_nothing(self, planner: Planner) -> None:
        plan = planner.plan(
            window_job("key: StudyDate, from: 2026-01-01, to: 2026-01-02, step: 1d")
        )
        assert values_of(plan.requests, "StudyDate") == ["20260101", "20260102"]
        assert {one.assumption for one in plan.requests} == {None}
        assert plan.warnings == ()

    def test_the_job_may_name_the_time(self, planner: Planner) -> None:
        plan = planner.plan(
            window_job(
                "key: StudyDate, time_key: AcquisitionTime, from: 20260101,"
                " to: 20260101, step: 12h"
            )
        )
        times = values_of(plan.requests, "AcquisitionTime")
        assert times == ["-120000", "120000-"]

    def test_without_a_key_there_is_no_time_to_ask_by(self, planner: Planner) -> None:
        problem = planner.problem(
            window_job(
                "from: 2026-01-01, to: 2026-01-02, step: 12h",
                ', StudyDate: "{{ window }}"',
            )
        )
        assert "needs a date key and its time_key" in problem.message
        problem = planner.problem(
            window_job(
                "key: AcquisitionDateTime, time_key: StudyTime, from: 2026-01-01,"
                " to: 2026-01-02, step: 12h"
            )
        )
        assert "needs a date key and its time_key" in problem.message

    def test_a_matrix_without_combinations_has_no_windows(
        self, planner: Planner
    ) -> None:
        text = window_job("key: StudyDate, from: 2026-01-01")
        text += "    matrix: {x: [a]}\n    carry: all\n    exclude: [{x: a}]\n"
        assert planner.plan(text).requests == ()


class TestKeys:
    def test_without_step_the_window_is_one_piece(self, planner: Planner) -> None:
        plan = planner.plan(
            window_job('key: StudyDate, from: "{{ today - days(7) }}", to: 2026-03-30')
        )
        assert value_of(plan.requests[0], "StudyDate") == "20260324-20260330"

    @pytest.mark.parametrize(
        ("window", "value"),
        [("to: 2026-01-07", "-20260107"), ("from: 2026-01-07", "20260107-")],
    )
    def test_an_end_may_be_open(
        self, planner: Planner, window: str, value: str
    ) -> None:
        plan = planner.plan(window_job(f"key: StudyDate, {window}"))
        assert value_of(plan.requests[0], "StudyDate") == value

    def test_the_key_is_added_last(self, planner: Planner) -> None:
        plan = planner.plan(window_job("key: StudyDate, from: 2026-01-07"))
        assert [str(path) for path in plan.queries["q"].columns] == [
            "StudyInstanceUID",
            "StudyDate",
        ]

    def test_a_key_written_empty_keeps_its_place(self, planner: Planner) -> None:
        plan = planner.plan(
            window_job(
                "key: StudyDate, from: 2026-01-07", ', StudyDate: "", StudyID: ""'
            )
        )
        columns = [str(path) for path in plan.queries["q"].columns]
        assert columns == ["StudyInstanceUID", "StudyDate", "StudyID"]
        assert plan.queries["q"].added == ("QueryRetrieveLevel",)

    def test_a_value_of_the_key_is_replaced_with_a_warning(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(
            window_job("key: StudyDate, from: 2026-01-07", ", StudyDate: 2020-01-01")
        )
        assert value_of(plan.requests[0], "StudyDate") == "20260107-"
        assert "the window replaces this value" in plan.warnings[0].message

    def test_window_in_a_template_writes_the_range(self, planner: Planner) -> None:
        plan = planner.plan(
            window_job(
                "from: 2026-01-01, to: 2026-01-03, step: 2d",
                ', SeriesDate: "{{ window }}", AcquisitionDateTime: "{{ window }}"',
            )
        )
        assert values_of(plan.requests, "SeriesDate") == [
            "20260101-20260102",
            "20260103",
        ]
        assert value_of(plan.requests[1], "AcquisitionDateTime") == (
            "20260103000000-20260103235959.999999"
        )

    def test_a_date_time_key_is_asked_by_full_date_times(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(
            window_job("key: AcquisitionDateTime, from: 2026-01-01, to: 2026-01-02")
        )
        assert value_of(plan.requests[0], "AcquisitionDateTime") == (
            "20260101000000-20260102235959.999999"
        )

    def test_a_key_and_window_in_a_template_exclude_each_other(
        self, planner: Planner
    ) -> None:
        found = planner.problems(
            window_job(
                "key: StudyDate, from: 2026-01-01", ', SeriesDate: "{{ window }}"'
            )
        )
        assert "the window writes StudyDate itself" in found[0].message

    def test_somebody_must_use_the_window(self, planner: Planner) -> None:
        problem = planner.problem(window_job("from: 2026-01-01"))
        assert "nothing uses the window" in problem.message

    def test_says_of_both_bounds_what_is_wrong(self, planner: Planner) -> None:
        text = window_job("key: StudyDate, from: 2026-13-01, to: soon")
        assert [one.path.rpartition(".")[2] for one in planner.problems(text)] == [
            *("from", "to"),
        ]

    @pytest.mark.parametrize(
        ("window", "why"),
        [
            ("from: 2026-01-02, to: 2026-01-01", "is before from"),
            ("from: soon", "'soon' is no day"),
            ('from: "{{ now }}"', "is no day"),
            ('from: 2026-01-01, to: "{{ typo }}"', "typo is not known"),
        ],
    )
    def test_bounds_are_days_in_order(
        self, planner: Planner, window: str, why: str
    ) -> None:
        problem = planner.problem(
            "queries:\n  q:\n    model: study\n    level: STUDY\n"
            '    keys: {StudyInstanceUID: ""}\n'
            "    matrix: {x: [a, b]}\n    carry: [x]\n"
            f"    window: {{key: StudyDate, {window}}}\n"
        )
        assert why in problem.message

    def test_bounds_may_read_the_matrix(self, planner: Planner) -> None:
        plan = planner.plan("""
        queries:
          q:
            model: study
            level: STUDY
            matrix: {year: ["2024", "2025"], x: [a, b]}
            keys: {StudyInstanceUID: "", StudyID: "{{ x }}"}
            window: {key: StudyDate, from: "{{ year }}0101", to: "{{ year }}-12-31"}
        """)
        assert values_of(plan.requests, "StudyDate") == [
            "20240101-20241231",
            "20240101-20241231",
            "20250101-20251231",
            "20250101-20251231",
        ]


class TestTimeZones:
    def test_a_day_is_a_day_of_the_peer(self, planner: Planner) -> None:
        head = """\
version: 1
name: test
timezone: Europe/Berlin
peers:
  east: {host: a.example.org, port: 104, timezone: Asia/Tokyo}
  west: {host: b.example.org, port: 104, timezone: America/Los_Angeles}
  here: {host: c.example.org, port: 104}
"""
        plan = planner.plan(
            """
            queries:
              q:
                model: study
                level: STUDY
                peers: [east, west, here]
                keys: {StudyInstanceUID: "", StudyDate: "{{ today }}"}
            """,
            head=head,
            clock=datetime.fromisoformat("2026-03-31T20:00:00+00:00"),
        )
        assert values_of(plan.requests, "StudyDate") == [
            "20260401",
            "20260331",
            "20260331",
        ]
        assert plan.clock == "2026-03-31T22:00:00+02:00"

    @pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
    def test_a_day_of_23_or_25_hours_is_one_day(
        self, planner: Planner, day: str
    ) -> None:
        plan = planner.plan(
            window_job(
                'key: StudyDate, from: "{{ today - days(1) }}",'
                ' to: "{{ tomorrow }}", step: 1d'
            ),
            clock=datetime.fromisoformat(f"{day}T10:00:00+00:00"),
        )
        middle = date.fromisoformat(day)
        assert values_of(plan.requests, "StudyDate") == [
            (middle + timedelta(days=offset)).strftime("%Y%m%d")
            for offset in (-1, 0, 1)
        ]


def _days(piece: Piece) -> list[date]:
    start, end = piece.days.start, piece.days.end
    assert start is not None
    assert end is not None
    return [start + timedelta(days=n) for n in range((end - start).days + 1)]
