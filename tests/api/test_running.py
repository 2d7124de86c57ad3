from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import batchfind
from batchfind import ExitCode, Job, RunResult, Verdict
from batchfind.execution.progress import Event, RequestStarted, RunEnded, RunStarted

ROOT = Path(__file__).parents[2]

JOB = """\
version: 1
name: two-queries
timezone: Europe/Berlin
vars: {who: "*"}
peers:
  pacs: {demo: pacs}
queries:
  patients:
    model: patient
    level: PATIENT
    keys:
      PatientName: "{{ vars.who }}"
      PatientID: ""
      NumberOfPatientRelatedStudies: ""
  nobody:
    model: study
    level: STUDY
    keys: {PatientID: NO-SUCH-PATIENT, StudyDate: "", StudyInstanceUID: ""}
outputs:
  - {format: csv, path: "out/{{ query }}.csv"}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    job = tmp_path_factory.mktemp("api") / "job.yaml"
    job.write_text(JOB, "utf-8")
    return job


@pytest.fixture(scope="module")
def job(path: Path) -> Job:
    return batchfind.load_job(path)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return []


@pytest.fixture(scope="module")
def result(job: Job, events: list[Event]) -> RunResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # for the demo peers' process
        return batchfind.run(job, observers=[events.append])


class TestAJob:
    def test_tells_its_name_queries_and_peers(self, job: Job) -> None:
        assert job.name == "two-queries"
        assert list(job.queries) == ["patients", "nobody"]
        assert list(job.peers) == ["pacs"]
        assert job.warnings == ()

    def test_with_problems_is_an_error_that_lists_them(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.yaml"
        bad.write_text("version: 1\nnamme: x\n", "utf-8")
        with pytest.raises(batchfind.JobError) as caught:
            batchfind.load_job(str(bad))
        assert {problem.mark.line for problem in caught.value.problems} >= {2}


class TestAPlan:
    @pytest.mark.parametrize(
        ("now", "clock"),
        [
            ("2026-01-31", "2026-01-31T00:00:00+01:00"),
            ("2026-07-31T18:00", "2026-07-31T18:00:00+02:00"),
            (datetime(2026, 1, 31, 18), "2026-01-31T18:00:00+01:00"),  # noqa: DTZ001
            (datetime(2026, 1, 31, 18, tzinfo=UTC), "2026-01-31T19:00:00+01:00"),
            (
                datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=5))),
                "2026-01-30T20:00:00+01:00",
            ),
        ],
    )
    def test_reads_its_clock_in_the_jobs_time_zone(
        self, now: datetime | str, clock: str, job: Job
    ) -> None:
        assert job.plan(now=now).clock == clock

    def test_takes_the_present_moment_by_default(self, job: Job) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        assert datetime.fromisoformat(job.plan().clock) >= before

    def test_refuses_what_is_no_date(self, job: Job) -> None:
        with pytest.raises(batchfind.UsageError, match="'soon' is no ISO 8601"):
            job.plan(now="soon")

    def test_takes_one_query_by_its_name(self, job: Job) -> None:
        assert list(job.plan(select="nobody").queries) == ["nobody"]

    @pytest.mark.parametrize(
        ("arguments", "place"),
        [
            ({"select": "nobdy"}, "select: there is no query 'nobdy'"),
            ({"vars": {"whom": "x"}}, "vars['whom']: no template reads vars.whom"),
            ({"now": "9999-12-31"}, "now: the year must be"),
        ],
    )
    def test_speaks_of_arguments_and_not_of_options(
        self, arguments: dict[str, Any], place: str, job: Job
    ) -> None:
        with pytest.raises(batchfind.JobError) as caught:
            job.plan(**arguments)
        assert place in str(caught.value)
        assert "--" not in str(caught.value)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ({"select": [3]}, "select takes names of queries, not 3"),
            ({"vars": {"who": 3}}, "'who' is of type int"),
            ({"vars": "who=x"}, "vars is a mapping"),
            ({"now": 3}, "now is a datetime or ISO 8601 text"),
        ],
    )
    def test_refuses_arguments_of_other_types(
        self, arguments: dict[str, Any], says: str, job: Job
    ) -> None:
        with pytest.raises(batchfind.InputError, match=says):
            job.plan(**arguments)

    def test_takes_variables_queries_and_a_folder(
        self, job: Job, tmp_path: Path
    ) -> None:
        plan = job.plan(vars={"who": "A*"}, select=["patients"], out=tmp_path)
        assert list(plan.queries) == ["patients"]
        assert plan.digest != job.plan(select=["patients"]).digest
        assert [output.path for output in plan.outputs] == [
            str(tmp_path / "out/patients.csv")
        ]


class TestARun:
    def test_tells_how_it_ended(self, result: RunResult, path: Path) -> None:
        assert result.exit_code is ExitCode.OK
        assert [request.verdict for request in result.requests] == [
            Verdict.COMPLETE,
            Verdict.COMPLETE,
        ]
        assert (path.parent / "out/patients.csv").is_file()

    def test_tells_its_observers(self, result: RunResult, events: list[Event]) -> None:
        assert isinstance(events[0], RunStarted)
        assert events[-1] == RunEnded(result)

    def test_takes_a_plan_and_a_directory(
        self, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.chdir(tmp_path)
        plan = job.plan(select=["nobody"], out=tmp_path)
        result = batchfind.run(plan, run_dir="other/../mine")
        assert result.run_dir == tmp_path / "mine"
        assert batchfind.open_run("other/../mine").run_dir == result.run_dir
        assert result.plan_digest == plan.digest

    def test_goes_on_in_a_directory_at_its_own_clock(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        job = tmp_path / "job.yaml"
        job.write_text(
            JOB.replace("PatientID: NO-SUCH-PATIENT", "PatientID: '{{ now }}'"), "utf-8"
        )

        def go(**more: Any) -> RunResult:
            return batchfind.run(job, run_dir=tmp_path / "mine", out=tmp_path, **more)

        first = go(now="2026-01-31T18:00")
        told: list[Event] = []
        second = go(observers=[told.append])
        assert second.exit_code is first.exit_code is ExitCode.OK
        assert [one.attempts for one in second.requests] == [1, 1]
        assert not [one for one in told if isinstance(one, RequestStarted)]
        with pytest.raises(batchfind.StateError, match="2 requests differs: nobody"):
            go(now="2026-02-01")
        with pytest.raises(batchfind.StateError, match="key PatientName"):
            go(vars={"who": "A*"})

    def test_of_a_plan_takes_nothing_that_would_change_it(self, job: Job) -> None:
        with pytest.raises(batchfind.UsageError, match="a plan is resolved"):
            batchfind.run(job.plan(), now="2026-01-31")

    def test_of_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(batchfind.JobError):
            batchfind.run(tmp_path / "missing.yaml")


class TestInsideAnEventLoop:
    def test_run_says_what_to_use_instead(self, job: Job) -> None:
        async def notebook() -> None:
            batchfind.run(job)

        with pytest.raises(RuntimeError, match=r"await batchfind\.arun"):
            asyncio.run(notebook())

    def test_arun_runs(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))

        async def notebook() -> RunResult:
            return await batchfind.arun(
                path, select=["nobody"], out=tmp_path, run_dir=tmp_path / "run"
            )

        assert asyncio.run(notebook()).exit_code is ExitCode.OK


class TestAnOpenedRun:
    def test_tells_what_the_run_told(self, result: RunResult) -> None:
        run = batchfind.open_run(result.run_dir)
        assert run.run_dir == result.run_dir
        assert run.exit_code is result.exit_code
        assert run.requests == result.requests
        assert run.outputs == result.outputs

    def test_is_found_by_name(
        self, result: RunResult, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BATCHFIND_RUNS", str(result.run_dir.parents[1]))
        assert batchfind.open_run("latest").run_dir.is_dir()
        assert batchfind.open_run(result.run_id).run_dir == result.run_dir

    def test_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(batchfind.InputError):
            batchfind.open_run(tmp_path / "nowhere")

    def test_gives_pandas_whole_numbers_and_provenance(self, result: RunResult) -> None:
        frame = batchfind.open_run(result.run_dir).to_pandas("patients")
        assert len(frame) == result.requests[0].responses
        assert str(frame["NumberOfPatientRelatedStudies"].dtype) == "Int64"
        assert set(frame["bf_peer"]) == {"pacs"}
        assert set(frame["bf_verdict"]) == {"complete"}

    def test_gives_arrow_its_schema_without_rows(self, result: RunResult) -> None:
        table = batchfind.open_run(result.run_dir).to_arrow("nobody")
        assert table.num_rows == 0
        assert str(table.schema.field("StudyDate").type) == "date32[day]"

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            (None, "name one query: this run has patients, nobody"),
            ("x", "no query 'x'"),
        ],
    )
    def test_needs_to_know_the_query(
        self, query: str | None, says: str, result: RunResult
    ) -> None:
        with pytest.raises(batchfind.UsageError, match=says):
            batchfind.open_run(result.run_dir).to_arrow(query)

    def test_knows_the_only_query(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        place = tmp_path / "run"
        batchfind.run(path, select=["patients"], out=tmp_path, run_dir=place)
        run = batchfind.open_run(place)
        assert run.to_arrow().num_rows == run.requests[0].responses
