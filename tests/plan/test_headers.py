"""Headers that templates cannot read are never lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from batchfind.errors import Mark
from batchfind.job.inputs import Inputs
from batchfind.job.loader import load_job
from batchfind.plan.expand import expand
from batchfind.plan.model import Plan
from tests.plan.planning import HEAD, NOON, Planner, values_of

QUERY = """
queries:
  q:
    model: study
    level: STUDY
    matrix: {m: [a]}
    rows: {from: rows.csv%s}
    carry: %s
    keys: {StudyInstanceUID: "", PatientID: "%s", AccessionNumber: "{{ m }}"}
"""


class TestAHeaderThatMeansSomethingElse:
    @pytest.mark.parametrize(
        ("header", "meaning"),
        [
            ("peer", "means something else in templates"),
            ("today", "means something else in templates"),
            ("m", "is an axis of the matrix, too"),
        ],
    )
    def test_must_not_be_read(
        self, planner: Planner, header: str, meaning: str
    ) -> None:
        text = QUERY % ("", "[]", f"{{{{ id }}}}{{{{ {header} }}}}")
        problem = planner.problem(text, tables={"q": f"id,{header}\n1,2"})
        assert problem.mark == Mark(str(planner.folder / "q.csv"), 1)
        assert problem.message == (
            f"the header '{header}' {meaning}; name this column under columns"
        )

    def test_is_no_mistake_by_itself(self, planner: Planner) -> None:
        text = QUERY % ("", "[]", "{{ id }}")
        plan = planner.plan(text, tables={"q": "id,peer,today\n1,2,3"})
        assert values_of(plan.requests, "PatientID") == ["1"]

    def test_can_be_renamed(self, planner: Planner) -> None:
        text = QUERY % (", columns: {who: peer}", "[]", "{{ who }}-{{ peer }}")
        plan = planner.plan(text, tables={"q": "id,peer\n1,2"})
        assert values_of(plan.requests, "PatientID") == ["2-pacs"]

    def test_of_an_axis_is_not_carried_in_its_place(self, planner: Planner) -> None:
        text = QUERY % ("", "[m]", "{{ id }}")
        problem = planner.problem(text, tables={"q": "id,m\n1,2"})
        assert "the header 'm' is an axis of the matrix, too" in problem.message


class TestCarryAll:
    def test_names_what_it_leaves_out(self, planner: Planner) -> None:
        text = QUERY % ("", "all", "{{ id }}")
        plan = planner.plan(text, tables={"q": "id,case no,peer,x\n1,2,3,4"})
        (warning,) = plan.warnings
        assert plan.queries["q"].carry == ("m", "id", "x")
        assert warning.mark == Mark(str(planner.folder / "q.csv"), 1)
        assert warning.path == "queries.q.carry"
        assert "leaves out 'case no', 'peer', which cannot be" in warning.message

    def test_names_the_first_of_many(self, planner: Planner) -> None:
        headers = ",".join(f"{number}" for number in range(20))
        text = QUERY % ("", "all", "{{ id }}")
        table = f"id,{headers}\n1,{headers}"
        (warning,) = planner.plan(text, tables={"q": table}).warnings
        assert "'6', '7' and 12 more, which" in warning.message

    def test_of_named_columns_leaves_out_nothing(self, planner: Planner) -> None:
        text = QUERY % (", columns: {id: case no}", "all", "{{ id }}")
        assert planner.plan(text, tables={"q": "id,case no\n1,2"}).warnings == ()


class TestAColumnWithoutCells:
    """A column of a Parquet file that is no text, number, date or time."""

    def plan(self, planner: Planner, text: str, unusable: Mapping[str, str]) -> Plan:
        path = planner.folder / "job.yaml"
        path.write_text(HEAD + text, "utf-8")
        table = replace(planner.table("q.parquet", "id\n1"), line=0, unusable=unusable)
        table = replace(table, header=("id", *unusable))
        return expand(load_job(path), Inputs(tables={"q": table}), clock=NOON)

    def test_may_stand_there(self, planner: Planner) -> None:
        text = QUERY % ("", "[]", "{{ id }}")
        plan = self.plan(planner, text, {"x": "is list<int64>"})
        assert values_of(plan.requests, "PatientID") == ["1"]

    @pytest.mark.parametrize(("carry", "key"), [("[x]", "{{ id }}"), ("[]", "{{ x }}")])
    def test_must_not_be_used(self, planner: Planner, carry: str, key: str) -> None:
        with pytest.raises(Exception, match=r"the column 'x' is list<int64> \(.*q\.p"):
            self.plan(planner, QUERY % ("", carry, key), {"x": "is list<int64>"})

    def test_is_named_when_all_are_carried(self, planner: Planner) -> None:
        text = QUERY % ("", "all", "{{ id }}")
        (warning,) = self.plan(planner, text, {"x": "is list<int64>"}).warnings
        assert "leaves out 'x', which" in warning.message
