"""One line for each question: golden tables, and tables that are fed back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from batchfind.capture.records import Cause, RequestVerdict, Verdict
from batchfind.job.output_model import Where
from batchfind.outputs.csv import CsvWriter
from batchfind.plan.model import Plan
from batchfind.tables.requests import requests_schema, requests_table
from tests.plan.planning import Planner, values_of

AUDIT = """
queries:
  studies:
    model: study
    level: STUDY
    matrix: {site: [n]}
    rows: {from: studies.csv}
    keys: {StudyInstanceUID: "", PatientID: "{{ mrn }}", StudyID: "{{ site }}"}
outputs:
  - {format: csv, path: requests.csv, table: requests}
"""
BATCH = """
queries:
  studies:
    model: study
    level: STUDY
    rows: {from: studies.csv, batch: 3}
    keys: {StudyInstanceUID: "{{ uid }}"}
outputs:
  - {format: csv, path: requests.csv, table: requests}
"""
REFUSED = Cause(code="refused", message="pacs (pacs.example.org:104): refused")


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    return Planner(tmp_path)


def verdict(request: str, kind: Verdict, responses: int = 0) -> RequestVerdict:
    good = kind in {Verdict.COMPLETE, Verdict.LIMITED}
    return RequestVerdict(
        request=request,
        verdict=kind,
        cause=None if good else REFUSED,
        responses=responses,
        attempts=0 if kind is Verdict.SKIPPED else 1,
        seconds=0.12345,
    )


def table(
    plan: Plan,
    kinds: list[tuple[Verdict, int]],
    where: Where = Where.ALL,
    returned: Mapping[str, Mapping[str, int]] | None = None,
) -> pa.Table:
    (output,) = plan.outputs
    wanted = replace(output, options=replace(output.options, where=where))
    verdicts = {
        request.id: verdict(request.id, *kind)
        for request, kind in zip(plan.requests, kinds, strict=True)
    }
    query = plan.queries[output.query]
    return requests_table(query, wanted, plan.requests, verdicts, returned)


def csv(found: pa.Table) -> str:
    file = io.BytesIO()
    writer = CsvWriter(file, found.schema)
    for batch in found.to_batches():
        writer.write(batch)
    writer.close()
    return file.getvalue().decode().replace("\r\n", "\n")


ROWS = "mrn,case\n00123,A\n456,B\n00123,C\n7,D"


class TestATable:
    def test_has_a_line_for_each_row_that_asked(self, planner: Planner) -> None:
        plan = planner.plan(AUDIT, tables={"studies": ROWS})
        found = table(
            plan, [(Verdict.COMPLETE, 2), (Verdict.COMPLETE, 0), (Verdict.FAILED, 0)]
        )
        assert csv(found) == (
            "bf_query,bf_peer,bf_request,bf_source_row,site,mrn,case,bf_verdict,"
            "bf_responses,bf_attempts,bf_cause,bf_message,bf_seconds\n"
            "studies,pacs,0.0,studies.csv:2,n,00123,A,complete,2,1,,,0.123\n"
            "studies,pacs,0.0,studies.csv:4,n,00123,C,complete,2,1,,,0.123\n"
            "studies,pacs,0.1,studies.csv:3,n,456,B,complete,0,1,,,0.123\n"
            "studies,pacs,0.2,studies.csv:5,n,7,D,failed,0,1,refused,"
            "pacs (pacs.example.org:104): refused,0.123\n"
        )

    def test_has_types(self, planner: Planner) -> None:
        plan = planner.plan(AUDIT, tables={"studies": ROWS})
        schema = requests_schema(plan.queries["studies"]).arrow
        kinds = {field.name: str(field.type) for field in schema}
        assert kinds.pop("bf_responses") == kinds.pop("bf_attempts") == "int64"
        assert kinds.pop("bf_seconds") == "double"
        assert set(kinds.values()) == {"string"}

    def test_has_its_columns_without_any_request(self, planner: Planner) -> None:
        plan = planner.plan(AUDIT, tables={"studies": "mrn,case"})
        assert csv(table(plan, [])).startswith("bf_query,bf_peer,bf_request,")

    def test_tells_windows_and_matrices_without_rows(self, planner: Planner) -> None:
        text = """
        queries:
          q:
            model: study
            level: STUDY
            matrix: {id: [a]}
            keys: {StudyInstanceUID: "", StudyID: "{{ id }}"}
            window: {key: StudyDate, from: 2026-01-01, to: 2026-01-02, step: 1d}
        outputs:
          - format: csv
            path: x.csv
            table: requests
            columns: [id, window, {from: bf_source_row, as: row}, bf_responses]
        """
        plan = planner.plan(text)
        found = table(plan, [(Verdict.COMPLETE, 3), (Verdict.COMPLETE, 0)])
        assert csv(found) == (
            "id,window,row,bf_responses\na,20260101,,3\na,20260102,,0\n"
        )

    def test_counts_rows_of_the_job_as_messages_do(self, planner: Planner) -> None:
        text = AUDIT.replace("from: studies.csv", "from: [{mrn: 1}, {mrn: 2}]")
        found = table(planner.plan(text), [(Verdict.COMPLETE, 1)] * 2)
        assert found["bf_source_row"].to_pylist() == ["rows[0]", "rows[1]"]


class TestWhere:
    KINDS = (
        (Verdict.COMPLETE, 1),
        (Verdict.COMPLETE, 0),
        (Verdict.LIMITED, 0),
        (Verdict.SUSPECT, 0),
        (Verdict.SUSPECT, 2),
        (Verdict.PARTIAL, 2),
        (Verdict.FAILED, 0),
        (Verdict.SKIPPED, 0),
    )

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            (Where.ALL, "abcdefgh"),
            (Where.FAILED, "fgh"),
            # `limited` without a response was cancelled before it found anything.
            (Where.NOT_FOUND, "bd"),
        ],
    )
    def test_chooses_by_what_became_of_a_request(
        self, planner: Planner, where: Where, expected: str
    ) -> None:
        lines = "\n".join("abcdefgh")
        plan = planner.plan(AUDIT, tables={"studies": f"mrn\n{lines}"})
        found = table(plan, list(self.KINDS), where)
        assert "".join(found["mrn"].to_pylist()) == expected


class TestABatch:
    def test_is_told_row_by_row(self, planner: Planner) -> None:
        plan = planner.plan(
            BATCH, tables={"studies": "uid,case\n1.2,A\n1.3,B\n1.2,C\n1.4,D\n1.5,E"}
        )
        assert [request.batch for request in plan.requests] == [
            ("1.2", "1.3", "1.4"),
            ("1.5",),
        ]
        returned = {"0.0": {"1.2": 1, "1.4": 2}, "0.1": {"1.5": 1}}
        kinds = [(Verdict.SUSPECT, 3), (Verdict.COMPLETE, 1)]
        found = table(plan, kinds, returned=returned)
        columns = ("bf_request", "uid", "case", "bf_responses")
        assert list(
            zip(*(found[name].to_pylist() for name in columns), strict=True)
        ) == [
            ("0.0", "1.2", "A", 1),
            ("0.0", "1.2", "C", 1),
            ("0.0", "1.3", "B", 0),
            ("0.0", "1.4", "D", 2),
            ("0.1", "1.5", "E", 1),
        ]
        missing = table(plan, kinds, Where.NOT_FOUND, returned)
        assert missing["case"].to_pylist() == ["B"]

    def test_with_other_columns_knows_which_was_asked(self, planner: Planner) -> None:
        plan = planner.plan(BATCH, tables={"studies": "older,uid\n1.3,1.2\n9,1.3"})
        found = table(plan, [(Verdict.SUSPECT, 1)], returned={"0.0": {"1.3": 1}})
        assert found["bf_responses"].to_pylist() == [0, 1]


class TestFeedingBack:
    def test_asks_exactly_the_failed_rows_again(self, planner: Planner) -> None:
        plan = planner.plan(AUDIT, tables={"studies": ROWS})
        kinds = [(Verdict.FAILED, 0), (Verdict.COMPLETE, 0), (Verdict.SKIPPED, 0)]
        lines = csv(table(plan, kinds, Where.FAILED)).rstrip("\n")
        # The table has the matrix as a column too; the job says which are rows.
        job = AUDIT.replace(
            "studies.csv}", "studies.csv, columns: {mrn: mrn, case: case}}"
        )
        again = planner.plan(job, tables={"studies": lines})
        assert values_of(again.requests, "PatientID") == ["00123", "7"]
        failed = [plan.requests[0], plan.requests[2]]
        assert [one.key for one in again.requests] == [one.key for one in failed]
        cells = [row.cells["case"] for one in again.requests for row in one.source_rows]
        assert cells == ["A", "C", "D"]
