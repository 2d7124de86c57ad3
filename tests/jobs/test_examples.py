"""Every example runs as it is against the embedded peers."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from batchfind.cli.main import execute
from batchfind.job.model import OutputFormat

ROOT = Path(__file__).parents[2]
JOBS = sorted((ROOT / "jobs").glob("*.yaml"))
NOW = "2026-03-30T21:15:00"


@dataclass(frozen=True, slots=True)
class Folder:
    """A copy of jobs/ and what its jobs did there."""

    path: Path
    results: dict[str, dict[str, Any]]

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def batchfind(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "batchfind", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    copy = tmp_path_factory.mktemp("example") / "jobs"
    ignored = shutil.ignore_patterns("exports", "lake", "runs")
    shutil.copytree(ROOT / "jobs", copy, ignore=ignored)
    results = {}
    for job in sorted(copy.glob("*.yaml")):
        ended = batchfind("run", job, "--now", NOW, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        results[job.stem] = json.loads(ended.stdout)
    return Folder(copy, results)


@pytest.mark.parametrize("job", JOBS, ids=lambda path: str(path.stem))
class TestEveryExample:
    def test_it_is_valid_without_a_warning(
        self, job: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = execute(["validate", str(job)])
        told = capsys.readouterr()
        assert code == 0, told.err
        assert "warning" not in told.out + told.err

    def test_its_plan_is_shown(
        self, job: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = execute(["plan", str(job), "--now", NOW, "--json"])
        told = capsys.readouterr()
        assert code == 0, told.err
        assert json.loads(told.out)["requests"]

    def test_its_answers_are_complete_and_published(
        self, job: Path, folder: Folder
    ) -> None:
        result = folder.results[job.stem]
        assert {one["verdict"] for one in result["requests"]} == {"complete"}
        assert all(one["published"] for one in result["outputs"])
        assert all(Path(one["path"]).exists() for one in result["outputs"])

    def test_editors_find_its_schema(self, job: Path) -> None:
        first = job.read_text(encoding="utf-8").splitlines()[0]
        _, _, schema = first.partition("$schema=")
        assert (job.parent / schema).is_file()

    def test_its_outputs_stay_out_of_the_repository(self, job: Path) -> None:
        outputs = yaml.safe_load(job.read_text(encoding="utf-8"))["outputs"]
        assert all(one["path"].startswith(("exports/", "lake/")) for one in outputs)


class TestDemo:
    def test_names_arrive_in_their_scripts(self, folder: Folder) -> None:
        names = {row["PatientName"] for row in folder.rows("exports/demo/worklist.csv")}
        assert {"Müßig^Jörg", "Λευκοπούλου^Ελένη"} <= names
        assert any("=" in name for name in names)

    def test_it_writes_every_format(self, folder: Folder) -> None:
        outputs = folder.results["demo"]["outputs"]
        assert {one["format"] for one in outputs} == {one.value for one in OutputFormat}
        assert all(one["rows"] for one in outputs)

    def test_its_requests_are_told_one_by_one(self, folder: Folder) -> None:
        rows = folder.rows("exports/demo/requests.csv")
        assert [row["bf_source_row"] for row in rows] == [
            "rows[0]",
            "rows[1]",
            "rows[2]",
        ]
        assert {row["bf_verdict"] for row in rows} == {"complete"}

    def test_its_appointments_are_for_people(self, folder: Folder) -> None:
        path = folder.path / "exports/demo/appointments.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == [
            *("day", "time", "station", "surname", "given name", "procedure")
        ]
        assert {"Müßig", "Λευκοπούλου"} <= {row["surname"] for row in rows}
        assert all(date.fromisoformat(row["day"]) for row in rows)

    def test_it_is_a_small_job(self, folder: Folder) -> None:
        assert 10 <= len(folder.results["demo"]["requests"]) <= 20


class TestNightlyWorklist:
    def test_it_holds_tomorrow_and_nothing_else(self, folder: Folder) -> None:
        rows = folder.rows("exports/import/worklist-2026-03-31.csv")
        assert len(rows) == 9
        days = {
            value for row in rows for key, value in row.items() if "StartDate" in key
        }
        assert days == {"20260331"}


class TestAudit:
    def test_lines_are_found_by_both_identifiers(self, folder: Folder) -> None:
        rows = folder.rows("exports/audit/studies.csv")
        cases = [row["case"] for row in rows]
        assert cases == ["A-01", "A-02", "A-03", "A-04", "A-05", "A-06", "A-06"]
        assert rows[1]["AccessionNumber"] == "03086212"

    def test_every_line_is_accounted_for(self, folder: Folder) -> None:
        rows = folder.rows("exports/audit/asked.csv")
        found = {row["case"]: row["bf_responses"] for row in rows}
        assert list(found) == [f"A-0{number}" for number in range(1, 9)]
        assert [case for case, count in found.items() if count == "0"] == [
            "A-07",
            "A-08",
        ]
        assert found["A-06"] == "2"

    def test_lines_without_a_study_can_be_fed_back(self, folder: Folder) -> None:
        rows = folder.rows("exports/audit/not-found.csv")
        assert [row["case"] for row in rows] == ["A-07", "A-08"]
        job = folder.path / "again.yaml"
        text = (folder.path / "audit-studies.yaml").read_text(encoding="utf-8")
        # A job never overwrites what it reads, so the mended list is another file.
        mended = folder.path / "inputs" / "mended.csv"
        shutil.copy(folder.path / "exports/audit/not-found.csv", mended)
        text = text.replace("inputs/audit-studies.csv", "inputs/mended.csv")
        text = text.replace("patient_id", "patient")
        job.write_text(text, encoding="utf-8")
        planned = batchfind("plan", job, "--json")
        assert planned.returncode == 0, planned.stderr
        asked = [
            one["bindings"]["case"]
            for one in json.loads(planned.stdout)["requests"]
            if one["query"] == "studies"
        ]
        assert asked == ["A-07", "A-08"]


class TestPipeline:
    def test_columns_have_types_and_provenance(self, folder: Folder) -> None:
        table = pq.read_table(folder.path / "lake" / "studies")
        kinds = {field.name: str(field.type) for field in table.schema}
        assert kinds["StudyDate"].startswith("date32")
        assert "list" in kinds["ModalitiesInStudy"]
        assert any(name.startswith("bf_") for name in kinds)
        assert table.num_rows > 5
        assert set(table["StudyDate_year"].to_pylist()) == {2003, 2004}

    def test_series_come_from_their_studies(self, folder: Folder) -> None:
        table = pq.read_table(folder.path / "lake" / "series.parquet")
        assert len(set(table["StudyInstanceUID"].to_pylist())) == 4
