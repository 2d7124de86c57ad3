"""A name that no template knows: what may have been meant is said."""

from __future__ import annotations

import pytest

from tests.plan.planning import Planner

JOB = """
queries:
  q:
    model: study
    level: STUDY
    rows: {from: q.csv}
    keys: {StudyInstanceUID: "", AccessionNumber: "{{ accession }}", PatientID: "%s"}
"""


def message(planner: Planner, value: str, header: str) -> str:
    return planner.problem(JOB % value, tables={"q": f"{header}\n1,2,3"}).message


class TestOfRows:
    def test_a_column_that_nothing_else_reads_is_suggested(
        self, planner: Planner
    ) -> None:
        found = message(planner, "{{ pateint }}", "accession,patient,x")
        assert found == "the name pateint is not known here (did you mean 'patient'?)"

    def test_without_a_near_name_the_columns_are_listed(self, planner: Planner) -> None:
        found = message(planner, "{{ q }}", "accession,patient,name")
        assert found.endswith("; columns of the rows are accession, patient, name")

    @pytest.mark.parametrize(
        ("value", "header", "short"),
        [
            ("{{ Patienten-ID }}", "Patienten-ID", "patienten_id"),
            ("{{ ID }}", "Patienten-ID", "patienten_id"),
            ("{{ Kennung }}", "Kennung (alt)", "kennung_alt"),
            ("{{ no }}", "7. no", "column_7_no"),
        ],
    )
    def test_a_header_that_is_no_name_gets_one(
        self, planner: Planner, value: str, header: str, short: str
    ) -> None:
        found = message(planner, value, f"accession,{header},x")
        assert found == (
            f"the header '{header}' is no name for templates; give it one under rows,"
            f" as in columns: {{{short}: {header}}}"
        )

    def test_two_words_are_no_name(self, planner: Planner) -> None:
        found = message(planner, "{{ Patient Name }}", "accession,Patient Name,x")
        assert found.endswith(
            "; a name is one word: name a column with another header under columns"
        )
