"""A partition is replaced whole, so a window must not cover a part of one."""

from __future__ import annotations

from datetime import date

import pytest

from batchfind.plan.partitions import _joined
from batchfind.plan.windows import Interval
from tests.plan.planning import Planner

JOB = """
queries:
  q:
    model: study
    level: STUDY
    keys: {{StudyInstanceUID: "", SeriesDate: "", StudyID: ""}}
    window: {{key: StudyDate, {window}}}
outputs:
  - {{format: parquet, path: {path}, overwrite: {overwrite}, partition_by: {by}}}
"""


def job(
    window: str,
    by: str = "{key: StudyDate, by: month}",
    *,
    overwrite: str = "partitions",
    path: str = "x",
) -> str:
    return JOB.format(window=window, by=by, overwrite=overwrite, path=path)


WHOLE = [
    ("from: 2026-01-01, to: 2026-02-28", "{key: StudyDate, by: month}"),
    ("from: 2024-02-01, to: 2024-02-29, step: 7d", "{key: StudyDate, by: month}"),
    ("from: 2025-01-01, to: 2026-12-31, step: 90d", "{key: StudyDate, by: year}"),
    ("from: 2026-01-10, to: 2026-01-20", "{key: StudyDate, by: day}"),
    ("from: 2026-01-10, to: 2026-01-20", "StudyDate"),
    ("to: 2026-01-31", "{key: StudyDate, by: month}"),
    ("from: 2026-01-01", "{key: StudyDate, by: month}"),
    ("from: 2026-01-01, to: 2026-01-31", "[bf_peer, {key: StudyDate, by: month}]"),
]


@pytest.mark.parametrize(("window", "by"), WHOLE)
def test_a_window_of_whole_partitions_may_replace_them(
    planner: Planner, window: str, by: str
) -> None:
    assert planner.plan(job(window, by)).outputs


@pytest.mark.parametrize(
    ("window", "by", "messages"),
    [
        (
            "from: 2026-01-02, to: 2026-01-31",
            "{key: StudyDate, by: month}",
            ["begins on 2026-01-02, inside a month of StudyDate"],
        ),
        (
            "from: 2026-01-01, to: 2026-02-27, step: 10d",
            "{key: StudyDate, by: month}",
            ["ends on 2026-02-27, inside a month of StudyDate"],
        ),
        (
            "from: 2026-02-01, to: 2026-11-30",
            "{key: StudyDate, by: year}",
            ["begins on 2026-02-01", "ends on 2026-11-30"],
        ),
        ("from: 2026-01-05", "{key: StudyDate, by: month}", ["begins on 2026-01-05"]),
        (
            "from: 2026-01-01, to: 2026-01-31",
            "bf_peer",
            ["a window of StudyDate covers partitions only in part"],
        ),
        (
            "from: 2026-01-01, to: 2026-01-31",
            "{key: SeriesDate, by: month}",
            ["a window of StudyDate covers partitions only in part"],
        ),
    ],
)
def test_a_window_of_parts_is_refused(
    planner: Planner, window: str, by: str, messages: list[str]
) -> None:
    problems = planner.problems(job(window, by))
    assert {one.path for one in problems} == {"outputs[0].overwrite"}
    assert len(problems) == len(messages)
    for problem, message in zip(problems, messages, strict=True):
        assert message in problem.message


def test_each_path_is_judged_by_its_own_pieces(planner: Planner) -> None:
    window = "from: 2026-01-01, to: 2026-01-31, step: 7d"
    path = '"{{ window.start }}"'
    problems = planner.problems(job(window, path=path))
    assert "begins on 2026-01-08" in " ".join(one.message for one in problems)
    assert planner.plan(job(window, "StudyDate", path=path)).outputs


def test_a_window_that_a_template_writes_counts_as_well(planner: Planner) -> None:
    text = job("from: 2026-01-02, to: 2026-01-31").replace(
        "key: StudyDate, from", "from"
    )
    text = text.replace('StudyID: ""', 'StudyDate: "{{ window }}"')
    (problem,) = planner.problems(text)
    assert "begins on 2026-01-02" in problem.message


def test_a_renamed_column_is_still_the_window_s_key(planner: Planner) -> None:
    text = job("from: 2026-01-01, to: 2026-01-31", "{key: day, by: month}").replace(
        "overwrite", "columns: [StudyID, {from: StudyDate, as: day}], overwrite"
    )
    assert planner.plan(text).outputs


@pytest.mark.parametrize("overwrite", ["replace", "append", "fail"])
def test_what_replaces_no_partition_may_cover_any_days(
    planner: Planner, overwrite: str
) -> None:
    window = "from: 2026-01-02, to: 2026-01-03"
    assert planner.plan(job(window, overwrite=overwrite)).outputs


def test_a_query_without_a_window_may_replace_partitions(planner: Planner) -> None:
    text = job("").replace("    window: {key: StudyDate, }\n", "")
    assert planner.plan(text.replace("SeriesDate", "StudyDate")).outputs


def test_pieces_that_do_not_touch_are_spans_of_their_own() -> None:
    days = [date(2026, 1, day) for day in (1, 2, 3, 5, 6)]
    pieces = [Interval(day, day) for day in days]
    assert list(_joined(pieces)) == [
        Interval(days[0], days[2]),
        Interval(days[3], days[4]),
    ]
    assert list(_joined([])) == []
    assert list(_joined([Interval(None, days[0]), Interval(days[1], None)])) == [
        Interval(None, None)
    ]
