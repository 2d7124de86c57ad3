"""What a job says about columns is settled, or refused, before the first request."""

from __future__ import annotations

import pytest

from batchfind.job.column_words import COLUMN_TYPES, PROVENANCE, REQUEST_COLUMNS
from batchfind.job.output_model import ColumnChoice, OutputOptions, Partition
from batchfind.plan.codec import dumps, loads
from batchfind.plan.table_columns import request_columns, table_columns
from tests.plan.planning import Planner

JOB = """
queries:
  worklist:
    model: worklist
    matrix: {{modality: [CT, MR]}}
    carry: [modality]
    keys:
      PatientName: ""
      PatientID: ""
      PatientBirthDate: ""
      StudyInstanceUID: ""
      OtherPatientIDs: ""
      '0029,"ACME 1.0",10': ""
      RequestedProcedureCodeSequence: {{CodeValue: "", CodeMeaning: ""}}
      ScheduledProcedureStepSequence:
        Modality: "{{{{ modality }}}}"
        ScheduledProcedureStepStartDate: ""
        ScheduledProcedureStepStartTime: ""
outputs:
  - {{path: x, {fields}}}
"""
PRIVATE = "private_0029_ACME_1_0_10"


def options(planner: Planner, fields: str) -> OutputOptions:
    (output,) = planner.plan(JOB.format(fields=fields)).outputs
    return output.options


def fault(planner: Planner, fields: str) -> str:
    problem = planner.problem(JOB.format(fields=fields))
    assert problem.path.startswith("outputs[0].")
    return f"{problem.path.removeprefix('outputs[0].')}: {problem.message}"


class TestColumnsATableCanHave:
    def test_are_attributes_then_carried_names_then_provenance(
        self, planner: Planner
    ) -> None:
        plan = planner.plan(JOB.format(fields="format: csv"))
        names = [column.name for column in table_columns(plan.queries["worklist"])]
        assert names == [
            "PatientName",
            "PatientName_family",
            "PatientName_given",
            "PatientName_middle",
            "PatientName_prefix",
            "PatientName_suffix",
            "PatientName_ideographic",
            "PatientName_phonetic",
            "PatientID",
            "PatientBirthDate",
            "StudyInstanceUID",
            "OtherPatientIDs",
            PRIVATE,
            "RequestedProcedureCodeSequence",
            "Modality",
            "ScheduledProcedureStepStartDate",
            "ScheduledProcedureStepStartTime",
            "carry_modality",
            *PROVENANCE,
            "bf_run_id",
            "bf_asked_at",
        ]

    def test_of_requests_are_bindings_between_what_and_how(
        self, planner: Planner
    ) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            matrix: {site: [n]}
            rows: {from: q.csv}
            keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}", StudyID: "{{ site }}"}
            window: {key: StudyDate, from: 2026-01-01, to: 2026-01-02}
        """
        plan = planner.plan(text, tables={"q": "mrn,comment\n1,x"})
        before, after = REQUEST_COLUMNS
        names = tuple(one.name for one in request_columns(plan.queries["q"]))
        assert names == (*before, "site", "mrn", "comment", "window", *after)


class TestPicking:
    def test_settles_names_and_paths_on_columns(self, planner: Planner) -> None:
        picked = (
            "format: csv, columns: [bf_peer, (0010;0020), {from: carry_modality, as: "
            "asked}, ScheduledProcedureStepSequence.Modality, {from: "
            "PatientName_family, as: surname}, RequestedProcedureCodeSequence, "
            f"{PRIVATE}, '00101000']"
        ).replace("(0010;0020)", '"(0010,0020)"')
        assert options(planner, picked).columns == (
            ColumnChoice("bf_peer", "bf_peer"),
            ColumnChoice("PatientID", "PatientID"),
            ColumnChoice("carry_modality", "asked"),
            ColumnChoice("Modality", "Modality"),
            ColumnChoice("PatientName_family", "surname"),
            ColumnChoice(
                "RequestedProcedureCodeSequence", "RequestedProcedureCodeSequence"
            ),
            ColumnChoice(PRIVATE, PRIVATE),
            ColumnChoice("OtherPatientIDs", "OtherPatientIDs"),
        )

    def test_of_a_private_key_takes_its_key_path(self, planner: Planner) -> None:
        path = """format: csv, columns: ['0029,"ACME 1.0",10']"""
        assert options(planner, path).columns == (ColumnChoice(PRIVATE, PRIVATE),)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                "columns: [PatientNam]",
                (
                    "columns[0]: there is no column 'PatientNam' of query worklist "
                    "(did you mean 'PatientName'?)"
                ),
            ),
            (
                "columns: [PatientID, AccessionNumber]",
                (
                    "columns[1]: there is no column 'AccessionNumber' of query "
                    "worklist; ask for it under keys or return"
                ),
            ),
            (
                "columns: [zzz]",
                (
                    "columns[0]: there is no column 'zzz' of query worklist; there "
                    "are PatientName, PatientName_family, PatientName_given, "
                    "PatientName_middle, PatientName_prefix, PatientName_suffix, "
                    "PatientName_ideographic, PatientName_phonetic, …"
                ),
            ),
            (
                "columns: [RequestedProcedureCodeSequence.CodeValue]",
                (
                    "columns[0]: 'RequestedProcedureCodeSequence.CodeValue' is inside "
                    "RequestedProcedureCodeSequence, which is one column of query "
                    "worklist; name that, or explode it"
                ),
            ),
        ],
    )
    def test_refuses_what_is_no_column(
        self, planner: Planner, fields: str, message: str
    ) -> None:
        assert fault(planner, f"format: csv, {fields}") == message

    def test_refuses_equal_names_whatever_their_case(self, planner: Planner) -> None:
        fields = "format: csv, columns: [PatientID, {from: StudyInstanceUID, as: "
        problems = planner.problems(JOB.format(fields=fields + "patientid}]"))
        assert [one.path for one in problems] == [
            "outputs[0].columns[0]",
            "outputs[0].columns[1]",
        ]
        assert problems[0].message.endswith("rename one with 'as'")

    def test_says_where_the_column_stands(self, planner: Planner) -> None:
        problem = planner.problem(JOB.format(fields="format: csv, columns: [x]"))
        assert (problem.mark.line, problem.mark.column) == (25, 38)

    def test_of_requests_knows_their_columns(self, planner: Planner) -> None:
        fields = (
            "format: jsonl, table: requests, columns: [modality, {from: "
            "bf_verdict, as: end}]"
        )
        assert options(planner, fields).columns == (
            ColumnChoice("modality", "modality"),
            ColumnChoice("bf_verdict", "end"),
        )
        message = fault(planner, "format: csv, table: requests, columns: [PatientID]")
        assert "there is no column 'PatientID' of query worklist" in message

    def test_stays_in_the_plan(self, planner: Planner) -> None:
        fields = (
            "format: parquet, columns: [PatientID, {from: PatientBirthDate, as: b}],"
            " types: {DA: text}, partition_by: [{key: b, by: year}, bf_peer],"
            " mode: '0640', limit: 3"
        )
        plan = planner.plan(JOB.format(fields=fields))
        assert loads(dumps(plan)) == plan


class TestTypes:
    def test_by_column_count_more_than_types_by_vr(self, planner: Planner) -> None:
        fields = (
            "format: parquet, types: {PatientBirthDate: typed, DA: text, TM: time64}"
        )
        assert options(planner, fields).column_types == {
            "PatientBirthDate": "typed",
            "ScheduledProcedureStepStartDate": "text",
            "ScheduledProcedureStepStartTime": "time64",
        }

    def test_take_key_paths(self, planner: Planner) -> None:
        fields = (
            "format: csv, types: "
            "{ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate: date32}"
        )
        assert options(planner, fields).column_types == {
            "ScheduledProcedureStepStartDate": "date32"
        }

    def test_of_a_vr_that_no_column_has_change_nothing(self, planner: Planner) -> None:
        assert options(planner, "format: csv, types: {DT: text}").column_types == {}

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                "types: {PatientID: int64}",
                (
                    "types.PatientID: PatientID: LO values cannot be int64; LO takes "
                    "text, typed"
                ),
            ),
            (
                "types: {StudyDat: text}",
                "types.StudyDat: there is no column 'StudyDat' (did you mean",
            ),
            (
                "types: {bf_peer: text}",
                "types.bf_peer: bf_peer is no attribute, so its type is fixed",
            ),
            (
                "types: {PatientName_family: text}",
                "types.PatientName_family: PatientName_family is no attribute",
            ),
        ],
    )
    def test_that_fit_no_column_are_refused(
        self, planner: Planner, fields: str, message: str
    ) -> None:
        assert fault(planner, f"format: csv, {fields}").startswith(message)

    def test_need_the_column_in_one_of_several_queries(self, planner: Planner) -> None:
        text = """
        queries:
          a: {model: study, level: STUDY, keys: {StudyInstanceUID: "", StudyDate: "2"}}
          b: {model: patient, level: PATIENT, keys: {PatientID: "1"}}
        outputs:
          - {format: csv, path: "{{ query }}.csv", types: {StudyDate: date32}}
        """
        text = text.replace('"2"', '"20260101"')
        first, second = planner.plan(text).outputs
        assert first.options.column_types == {"StudyDate": "date32"}
        assert second.options.column_types == {}
        problem = planner.problem(text.replace("{StudyDate: d", "{StudyTime: d"))
        assert "there is no column 'StudyTime'" in problem.message

    def test_exist_for_every_vr(self) -> None:
        assert all(COLUMN_TYPES[name] for name in COLUMN_TYPES)


class TestPartitions:
    def test_name_columns_of_the_table(self, planner: Planner) -> None:
        fields = (
            "format: parquet, partition_by: [bf_peer, Modality, carry_modality, {key: "
            "PatientBirthDate, by: year}, bf_run_id]"
        )
        assert options(planner, fields).partition_by == (
            Partition("bf_peer"),
            Partition("Modality"),
            Partition("carry_modality"),
            Partition("PatientBirthDate", "year"),
            Partition("bf_run_id"),
        )

    @pytest.mark.parametrize("key", ["born", "PatientBirthDate"])
    def test_follow_a_column_to_its_new_name(self, planner: Planner, key: str) -> None:
        fields = (
            "format: parquet, columns: [PatientID, {from: PatientBirthDate, as: born}]"
            f", partition_by: [{{key: {key}, by: year}}, bf_peer]"
        )
        assert options(planner, fields).partition_by == (
            Partition("born", "year"),
            Partition("bf_peer"),
        )

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            (
                "partition_by: bf_per",
                "there is no column 'bf_per' of query worklist (did you mean",
            ),
            ("partition_by: bf_extra", "bf_extra makes no folders; "),
            ("partition_by: OtherPatientIDs", "OtherPatientIDs makes no folders; "),
            (
                "partition_by: RequestedProcedureCodeSequence",
                "RequestedProcedureCodeSequence makes no folders; ",
            ),
            (
                "partition_by: {key: PatientID, by: year}",
                "only a date can be partitioned by year; PatientID is none",
            ),
            (
                "columns: [PatientID], partition_by: Modality",
                "'columns' does not pick Modality; add it there",
            ),
            (
                "partition_by: PatientName_family",
                "PatientName_family needs 'names: components'",
            ),
        ],
    )
    def test_need_a_column_of_one_value(
        self, planner: Planner, fields: str, message: str
    ) -> None:
        found = fault(planner, f"format: parquet, {fields}")
        assert found.startswith(f"partition_by[0]: {message}")


class TestPartitionedTables:
    def test_leave_a_column_for_the_files(self, planner: Planner) -> None:
        fields = "format: parquet, columns: [PatientID], partition_by: [PatientID]"
        assert fault(planner, fields) == (
            "partition_by: takes every column of the table; pick one more under"
            " 'columns'"
        )
