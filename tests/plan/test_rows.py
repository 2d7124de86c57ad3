"""Rows are data: what may be sent, and what is refused by file and line."""

from __future__ import annotations

import pytest

from batchfind.plan.model import SourceRow
from tests.plan.planning import Planner, value_of, values_of

PATIENTS = """
queries:
  q:
    model: study
    level: STUDY
    rows: {from: patients.csv%s}
    keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}"}
"""
UIDS = """
queries:
  q:
    model: study
    level: STUDY
    rows: {from: uids.csv, batch: 2}
    keys: {StudyInstanceUID: "%s", StudyDate: "%s"}
"""


def lines_of(planner: Planner, *lines: int) -> tuple[SourceRow, ...]:
    return tuple(SourceRow(str(planner.folder / "q.csv"), line) for line in lines)


class TestRequests:
    def test_each_row_gives_a_request(self, planner: Planner) -> None:
        plan = planner.plan(PATIENTS % "", tables={"q": "mrn\n00123\n456"})
        assert values_of(plan.requests, "PatientID") == ["00123", "456"]
        assert [one.source_rows for one in plan.requests] == [
            lines_of(planner, 2),
            lines_of(planner, 3),
        ]
        assert plan.requests[0].bindings == {"mrn": "00123"}
        (file,) = plan.inputs
        assert file.path == str(planner.folder / "q.csv")

    def test_equal_rows_send_one_request_and_both_are_known(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(
            PATIENTS % "", tables={"q": "mrn,comment\n1,first\n2,other\n1,again"}
        )
        assert values_of(plan.requests, "PatientID") == ["1", "2"]
        assert plan.requests[0].source_rows == lines_of(planner, 2, 4)
        # What no template reads and no column carries does not enter the plan.
        assert plan.requests[0].bindings == {"mrn": "1"}

    def test_whole_rows_enter_the_plan_for_a_table_of_requests(
        self, planner: Planner
    ) -> None:
        output = "outputs: [{format: csv, path: x.csv, table: requests}]\n"
        plan = planner.plan(
            PATIENTS % "" + output, tables={"q": "mrn,comment\n1,first\n1,again"}
        )
        (request,) = plan.requests
        assert [row.cells for row in request.source_rows] == [
            {"mrn": "1", "comment": "first"},
            {"mrn": "1", "comment": "again"},
        ]
        assert request.bindings == {"mrn": "1"}
        assert plan.queries["q"].bindings == ("mrn", "comment")

    def test_rows_that_differ_in_a_carried_column_are_not_equal(
        self, planner: Planner
    ) -> None:
        text = PATIENTS % "" + "    carry: [comment]\n"
        plan = planner.plan(text, tables={"q": "mrn,comment\n1,first\n1,again"})
        assert len(plan.requests) == 2
        assert plan.queries["q"].carry == ("comment",)

    def test_carry_all_takes_matrix_and_every_column(self, planner: Planner) -> None:
        text = PATIENTS % "" + "    carry: all\n    matrix: {x: [a]}\n"
        plan = planner.plan(text, tables={"q": "mrn,comment\n1,first"})
        assert plan.queries["q"].carry == ("x", "mrn", "comment")
        assert plan.requests[0].bindings == {"x": "a", "mrn": "1", "comment": "first"}

    def test_columns_give_headers_template_names(self, planner: Planner) -> None:
        plan = planner.plan(
            PATIENTS % ", columns: {mrn: Patient ID}",
            tables={"q": "Patient ID,x\n7,8"},
        )
        assert values_of(plan.requests, "PatientID") == ["7"]

    def test_rows_may_stand_in_the_job(self, planner: Planner) -> None:
        plan = planner.plan("""
        queries:
          q:
            model: study
            level: STUDY
            rows: {from: [{mrn: 00123}, {mrn: " NO "}]}
            keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}"}
        """)
        assert values_of(plan.requests, "PatientID") == ["00123", "NO"]
        assert plan.requests[1].source_rows == (SourceRow("rows", 1),)
        assert plan.inputs == ()

    def test_a_cell_that_looks_like_a_template_is_sent_as_it_is(
        self, planner: Planner
    ) -> None:
        cell = "{{ ().__class__ }}"
        plan = planner.plan(PATIENTS % "", tables={"q": f"mrn\n{cell}"})
        assert values_of(plan.requests, "PatientID") == [cell]

    def test_a_file_without_rows_gives_no_request(self, planner: Planner) -> None:
        text = PATIENTS % "" + "    carry: [mrn]\n"
        plan = planner.plan(text, tables={"q": "mrn"})
        assert plan.requests == ()
        assert plan.queries["q"].carry == ("mrn",)

    def test_a_header_with_a_fixed_name_is_simply_not_available(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(PATIENTS % "", tables={"q": "mrn,peer\n1,x"})
        assert plan.requests[0].peer == "pacs"

    def test_a_row_may_feed_an_ae_title_and_a_window(self, planner: Planner) -> None:
        plan = planner.plan(
            """
            queries:
              q:
                model: study
                level: STUDY
                rows: {from: q.csv}
                called_ae: "{{ ae }}"
                keys: {StudyInstanceUID: ""}
                window: {key: StudyDate, from: "{{ day }}", to: "{{ day }}"}
            """,
            tables={"q": "ae,day\nONE,2026-01-31\nTWO,20260201"},
        )
        assert [one.called_ae for one in plan.requests] == ["ONE", "TWO"]
        assert values_of(plan.requests, "StudyDate") == ["20260131", "20260201"]


class TestEmptyCells:
    """A zero-length key asks for everything (PS3.4 C.2.2.2.3)."""

    def test_an_empty_cell_is_refused_by_file_and_line(self, planner: Planner) -> None:
        problem = planner.problem(PATIENTS % "", tables={"q": "mrn\n1\n\n3"})
        assert problem.mark.file == str(planner.folder / "q.csv")
        assert problem.mark.line == 3
        assert "zero-length PatientID asks for everything" in problem.message

    def test_on_empty_skip_records_the_row(self, planner: Planner) -> None:
        plan = planner.plan(PATIENTS % ", on_empty: skip", tables={"q": "mrn\n1\n\n3"})
        assert values_of(plan.requests, "PatientID") == ["1", "3"]
        assert [one.id for one in plan.requests] == ["0.0", "0.1"]
        (skipped,) = plan.skipped
        assert (skipped.mark.line, skipped.message) == (3, "skipped: mrn is empty")

    @pytest.mark.parametrize("template", ["{{ mrn }}*", "X{{ mrn }}"])
    def test_text_around_an_empty_cell_does_not_help(
        self, planner: Planner, template: str
    ) -> None:
        text = (PATIENTS % "").replace("{{ mrn }}", template)
        assert "mrn is empty" in planner.problem(text, tables={"q": "mrn\n\n"}).message

    def test_a_condition_may_allow_an_empty_cell(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            rows: {from: q.csv%s}
            keys:
              StudyInstanceUID: ""
              PatientName: "%s"
        """
        name = "{{ last }}^{% if first %}{{ first }}{% endif %}*"
        table = {"q": "last,first\nDoe,Jane\nRoe,"}
        plan = planner.plan(text % ("", name), tables=table)
        assert values_of(plan.requests, "PatientName") == ["Doe^Jane*", "Roe^*"]
        # But not a key that asks for everything.
        bare = "{% if first %}{{ first }}{% endif %}*"
        problem = planner.problem(text % ("", bare), tables=table)
        assert problem.mark.line == 3
        assert "ask for everything" in problem.message
        plan = planner.plan(text % (", on_empty: skip", bare), tables=table)
        assert values_of(plan.requests, "PatientName") == ["Jane*"]
        assert "PatientName would be empty" in plan.skipped[0].message


class TestWildcards:
    @pytest.mark.parametrize("cell", ["*", "12?", "1\\2"])
    def test_a_wildcard_in_a_cell_is_refused(self, planner: Planner, cell: str) -> None:
        problem = planner.problem(PATIENTS % "", tables={"q": f"mrn\n{cell}"})
        assert problem.mark.line == 2
        assert "set literal: false" in problem.message

    def test_a_guarded_name_is_checked_too(self, planner: Planner) -> None:
        text = (PATIENTS % "").replace("{{ mrn }}", "1{% if mrn %}{{ mrn }}{% endif %}")
        assert "mrn holds *" in planner.problem(text, tables={"q": "mrn\n*"}).message

    def test_literal_false_sends_it(self, planner: Planner) -> None:
        plan = planner.plan(PATIENTS % ", literal: false", tables={"q": "mrn\n12*"})
        assert values_of(plan.requests, "PatientID") == ["12*"]

    def test_a_column_that_no_key_reads_may_hold_anything(
        self, planner: Planner
    ) -> None:
        text = PATIENTS % "" + "    carry: [note]\n"
        plan = planner.plan(text, tables={"q": "mrn,note\n1,why?"})
        assert plan.requests[0].bindings["note"] == "why?"


class TestUniversal:
    def test_a_row_must_not_ask_for_everything(self, planner: Planner) -> None:
        table = {"q": "mrn\n*"}
        text = PATIENTS % ", literal: false"
        problem = planner.problem(text, tables=table)
        assert "without any matching key" in problem.message
        assert problem.mark.line == 2
        plan = planner.plan(text + "    allow_universal: true\n", tables=table)
        assert values_of(plan.requests, "PatientID") == ["*"]

    def test_private_creators_and_sequences_narrow_nothing(
        self, planner: Planner
    ) -> None:
        text = """
        queries:
          q:
            model: worklist
            rows: {from: q.csv, literal: false}
            keys:
              PatientID: "{{ mrn }}"
              '0019,"ACME 1.1",10': ""
              ScheduledProcedureStepSequence: {Modality: "%s"}
        """
        table = {"q": "mrn\n*"}
        problem = planner.problem(text % "", tables=table)
        assert "without any matching key" in problem.message
        assert planner.plan(text % "CT", tables=table).requests

    def test_some_key_must_read_the_rows(self, planner: Planner) -> None:
        text = (PATIENTS % "").replace("{{ mrn }}", "7")
        problem = planner.problem(text, tables={"q": "mrn\n1\n2"})
        assert "no key uses a column of the rows" in problem.message


class TestBatch:
    """List of UID matching (PS3.4 C.2.2.2.2)."""

    def test_uids_are_asked_together(self, planner: Planner) -> None:
        plan = planner.plan(
            UIDS % ("{{ uid }}", ""), tables={"q": "uid\n1.2\n1.3\n1.2\n1.4"}
        )
        assert values_of(plan.requests, "StudyInstanceUID") == ["1.2\\1.3", "1.4"]
        assert [one.batch for one in plan.requests] == [("1.2", "1.3"), ("1.4",)]
        assert plan.requests[0].source_rows == lines_of(planner, 2, 4, 3)
        assert plan.requests[0].bindings == {}

    @pytest.mark.parametrize(
        ("unique", "other"),
        [
            ("{{ uid }}", "{{ day }}"),
            ("1.{{ uid }}", ""),
            ("", "{{ day }}"),
        ],
    )
    def test_nothing_but_the_unique_key_may_read_the_rows(
        self, planner: Planner, unique: str, other: str
    ) -> None:
        problem = planner.problems(
            UIDS % (unique, other), tables={"q": "uid,day\n1.2,20260101"}
        )[0]
        assert "feed StudyInstanceUID alone" in problem.message

    def test_a_model_without_levels_has_its_instance_uid(
        self, planner: Planner
    ) -> None:
        text = """
        queries:
          q:
            model: ups-pull
            rows: {from: q.csv, batch: 9}
            keys: {SOPInstanceUID: "{{ uid }}"}
        """
        plan = planner.plan(text, tables={"q": "uid\n1.2\n1.3"})
        assert value_of(plan.requests[0], "SOPInstanceUID") == "1.2\\1.3"
        problem = planner.problem(
            text.replace("ups-pull", "worklist").replace("SOPI", "StudyI"),
            tables={"q": "uid\n1.2\n1.3"},
        )
        assert "a unique UID key" in problem.message


class TestHeaders:
    def test_some_header_must_be_a_template_name(self, planner: Planner) -> None:
        found = planner.problems(PATIENTS % "", tables={"q": "Patient ID\n1"})
        assert any("name them under columns" in one.message for one in found)

    def test_a_carried_header_must_be_a_template_name(self, planner: Planner) -> None:
        text = PATIENTS % "" + "    carry: [a b]\n"
        problem = planner.problem(text, tables={"q": "mrn,a b\n1,2"})
        assert "'a b' cannot be a template name" in problem.message

    def test_a_template_in_a_row_of_the_job_is_a_mistake(
        self, planner: Planner
    ) -> None:
        problem = planner.problem("""
        queries:
          q:
            model: study
            level: STUDY
            rows: {from: [{mrn: "{{ today }}"}]}
            keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}"}
        """)
        assert "rows are data, no templates" in problem.message

    def test_a_value_a_row_spoils_is_a_problem_of_that_row(
        self, planner: Planner
    ) -> None:
        text = (PATIENTS % "").replace("PatientID", "StudyDate")
        problem = planner.problem(text, tables={"q": "mrn\n20260101\nsoon"})
        assert (problem.mark.line, problem.path) == (3, "queries.q.keys.StudyDate")
        text = (PATIENTS % "").replace("{{ mrn }}", "{{ mrn | da }}")
        problem = planner.problem(text, tables={"q": "mrn\n20260101\nsoon"})
        assert problem.mark.line == 3
        assert "is no day" in problem.message
