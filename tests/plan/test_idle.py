"""A query that asks nothing says so."""

from __future__ import annotations

import pytest

from tests.plan.planning import Planner

ROWS = """
queries:
  q:
    model: study
    level: STUDY
    rows: {from: patients.csv, on_empty: skip}
    keys: {StudyInstanceUID: "", PatientID: "{{ mrn[1:] }}"}
"""


@pytest.mark.parametrize(
    ("table", "skipped", "why"),
    [
        ("mrn,x", 0, "its table has no rows"),
        ("mrn,x\n,1\n,2", 2, "every row was skipped"),
        ("mrn,x\n1,1", 1, "every row was skipped"),  # what is left of it is empty
    ],
)
def test_a_table_may_be_why(
    planner: Planner, table: str, skipped: int, why: str
) -> None:
    plan = planner.plan(ROWS, tables={"q": table})
    (warning,) = plan.warnings
    assert plan.requests == ()
    assert len(plan.skipped) == skipped
    assert warning.path == "queries.q"
    assert warning.message == f"this query makes no request: {why}"


def test_the_exclusions_may_be_why(planner: Planner) -> None:
    plan = planner.plan("""
    queries:
      q:
        model: study
        level: STUDY
        matrix: {m: [a, b]}
        exclude: [{m: a}, {m: b}]
        keys: {StudyInstanceUID: "", PatientID: "{{ m }}"}
    """)
    (warning,) = plan.warnings
    assert warning.message.endswith("exclude takes out every combination of the matrix")


def test_a_query_with_a_request_is_not_idle(planner: Planner) -> None:
    assert planner.plan(ROWS, tables={"q": "mrn,x\n12,1\n,2"}).warnings == ()
