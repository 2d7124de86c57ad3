"""`run.keep`: what becomes of a job's earlier runs when one of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.pin import Pin, pin_run
from batchfind.execution.keeping import TOLD_EVERY, keep_runs
from batchfind.execution.kept import Kept
from batchfind.execution.progress import Event
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.job.model import Keep
from batchfind.plan.model import Plan
from tests.capture.stored import held_elsewhere, names, store
from tests.execution.plans import output, peer, plan, request, with_real_keys
from tests.peers import steps
from tests.peers.plugin import StartPeer

GOOD = [steps.matches(3), steps.final()]
REFUSED = [steps.final(0xA900)]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four runs of the job `test`, of 100 bytes each, begun on four days of 2020."""
    folder = tmp_path / "runs" / "test"
    for day in range(4):
        store(folder, LONG_AGO + timedelta(days=day))
    return folder


def job(tmp_path: Path, port: int, keep: Keep, **policy: Any) -> Plan:
    requests = [request("0.0", "pacs")]
    outputs = [output(tmp_path / "out" / "studies.csv", requests)]
    given = plan(
        tmp_path, [peer("pacs", port)], requests, outputs, {"keep": keep, **policy}
    )
    return with_real_keys(given)


def run(given: Plan, run_dir: Path | None = None, *, stop: bool = False) -> RunResult:
    async def execute() -> RunResult:
        interrupt = asyncio.Event()

        def observe(event: Event) -> None:
            del event
            if stop:
                interrupt.set()

        options = RunOptions(job_text="name: test\n", run_dir=run_dir)
        return await run_plan(given, options, [observe], interrupt=interrupt)

    return asyncio.run(execute(), debug=True)


def ended(
    given: Plan,
    run_dir: Path,
    now: datetime,
    interrupt: asyncio.Event | None = None,
    **changes: Any,
) -> RunResult:
    """The result of a run that has just ended, after `run.keep` was heeded."""
    facts: Mapping[str, Any] = {
        "run_dir": run_dir,
        "run_id": run_dir.name,
        "job": given.job,
        "plan_digest": given.digest,
        "exit_code": ExitCode.OK,
        "retryable": False,
        "requests": (),
        "outputs": (),
    }
    result = RunResult(**{**facts, **changes})
    return asyncio.run(keep_runs(result, given, interrupt, now), debug=True)


def runs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name[0] == "2")


class TestAfterARun:
    def test_older_runs_beyond_the_bounds_go(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        before = runs(folder)
        given = job(tmp_path, scripted_peer(*GOOD).port, Keep(runs=2))
        result = run(given)
        assert result.exit_code is ExitCode.OK
        assert runs(folder) == [before[3], result.run_dir]
        assert result.kept is not None
        assert (result.kept.runs, result.kept.deleted) == (2, 3)
        assert result.kept.freed == 300
        assert result.kept.bytes > 100
        assert result.warnings == ()
        assert result.to_json()["kept"] == {
            "runs": 2,
            "bytes": result.kept.bytes,
            "deleted": 3,
            "freed": 300,
        }

    def test_published_files_stay(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        pacs = scripted_peer(*GOOD)
        given = job(tmp_path, pacs.port, Keep(runs=1))
        run(given)
        published = names(tmp_path / "out")
        second = run(given)
        assert runs(tmp_path / "runs" / "test") == [second.run_dir]
        assert names(tmp_path / "out") == published
        assert "studies.csv" in published

    def test_without_bounds_all_of_them_stay(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        result = run(job(tmp_path, scripted_peer(*GOOD).port, Keep()))
        assert len(runs(folder)) == 5
        assert result.kept is None
        assert result.to_json()["kept"] is None

    def test_its_verdict_does_not_matter(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        given = job(tmp_path, scripted_peer(*REFUSED).port, Keep(days=30))
        result = run(given)
        assert result.exit_code is ExitCode.INCOMPLETE
        assert runs(folder) == [result.run_dir]

    def test_that_was_interrupted_nothing_goes(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        given = job(tmp_path, scripted_peer(*GOOD).port, Keep(runs=1))
        result = run(given, stop=True)
        assert result.exit_code is ExitCode.INTERRUPTED
        assert len(runs(folder)) == 5
        assert result.kept is None

    def test_that_lies_elsewhere_nothing_goes(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        given = job(tmp_path, scripted_peer(*GOOD).port, Keep(runs=1))
        result = run(given, tmp_path / "audits" / "one")
        assert result.exit_code is ExitCode.OK
        assert len(runs(folder)) == 4

    def test_a_run_directory_that_was_named_is_never_deleted(
        self, tmp_path: Path, folder: Path, scripted_peer: StartPeer
    ) -> None:
        pacs = scripted_peer(*GOOD)
        given = job(tmp_path, pacs.port, Keep(runs=1))
        run(given, folder / "audit")
        result = run(given)
        assert runs(folder) == [result.run_dir]
        assert (folder / "audit" / "run.db").is_file()

    def test_other_jobs_are_not_touched(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        other = tmp_path / "runs" / "weekly"
        store(other, LONG_AGO)
        store(other, LONG_AGO + timedelta(days=1))
        run(job(tmp_path, scripted_peer(*GOOD).port, Keep(runs=1)))
        assert len(runs(other)) == 2

    def test_that_is_resumed_it_stays_itself(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        pacs = scripted_peer(*REFUSED)
        given = job(tmp_path, pacs.port, Keep(runs=1))
        first = run(given)
        folder = first.run_dir.parent
        later = datetime(2099, 1, 1, tzinfo=UTC)
        for day in range(3):
            store(folder, later + timedelta(days=day))
        result = asyncio.run(resume_run(first.run_dir), debug=True)
        assert result.exit_code is ExitCode.INCOMPLETE
        assert [one.name[:4] for one in runs(folder)] == [first.run_id[:4], "2099"]
        assert result.kept is not None
        assert result.kept.deleted == 2


class TestWhatIsSpared:
    def test_runs_that_are_pinned_or_in_use(self, tmp_path: Path, folder: Path) -> None:
        given = job(tmp_path, 104, Keep(runs=1))
        before = runs(folder)
        pin_run(before[0], "audit", LONG_AGO)
        with held_elsewhere(before[1] / "run.lock"):
            result = ended(given, before[3], LONG_AGO)
        assert runs(folder) == [before[0], before[1], before[3]]
        assert result.kept == Kept(
            runs=3, bytes=result.kept.bytes if result.kept else 0, deleted=1, freed=100
        )
        assert result.warnings == ()

    def test_days_count_from_the_time_in_the_name(
        self, tmp_path: Path, folder: Path
    ) -> None:
        given = job(tmp_path, 104, Keep(days=2))
        now = LONG_AGO + timedelta(days=4)
        before = runs(folder)
        ended(given, before[3], now)
        assert runs(folder) == before[2:]

    def test_nothing_more_goes_once_somebody_wants_to_stop(
        self, tmp_path: Path, folder: Path
    ) -> None:
        stop = asyncio.Event()
        stop.set()
        given = job(tmp_path, 104, Keep(runs=1))
        result = ended(given, runs(folder)[3], LONG_AGO, stop)
        assert result.kept is None
        assert len(runs(folder)) == 4

    def test_runs_behind_a_link_below_the_base(
        self, tmp_path: Path, folder: Path
    ) -> None:
        folder.rename(tmp_path / "moved")
        folder.symlink_to(tmp_path / "moved")
        given = job(tmp_path, 104, Keep(runs=1))
        result = ended(given, runs(folder)[3], LONG_AGO)
        assert len(runs(folder)) == 4
        (warning,) = result.warnings
        assert "symbolic link: name the folder itself" in warning
        assert result.exit_code is ExitCode.OK

    def test_a_base_that_is_a_link_is_as_good_as_any(
        self, tmp_path: Path, folder: Path
    ) -> None:
        (tmp_path / "link").symlink_to(folder.parent)
        given = job(tmp_path, 104, Keep(runs=1), directory=str(tmp_path / "link"))
        ended(given, runs(folder)[3], LONG_AGO)
        assert len(runs(folder)) == 1


class TestTrouble:
    def test_is_a_warning_and_no_other_exit_code(
        self, tmp_path: Path, folder: Path
    ) -> None:
        given = job(tmp_path, 104, Keep(runs=2))
        lock = runs(folder)[0] / "run.lock"
        lock.unlink()
        lock.mkdir()
        result = ended(given, runs(folder)[3], LONG_AGO, warnings=("earlier",))
        assert result.exit_code is ExitCode.OK
        assert result.kept is not None
        assert (result.kept.deleted, result.kept.runs) == (1, 3)
        earlier, warning = result.warnings
        assert earlier == "earlier"
        assert "in the place of the lock file" in warning

    def test_a_folder_that_is_gone_is_none_of_it(self, tmp_path: Path) -> None:
        given = job(tmp_path, 104, Keep(runs=2))
        result = ended(given, tmp_path / "runs" / "test" / "one", LONG_AGO)
        assert result.kept is None
        assert result.warnings == ()


class TestHowMuchIsKept:
    def test_is_told_now_and_then(self, tmp_path: Path) -> None:
        folder = tmp_path / "runs" / "test"
        given = job(tmp_path, 104, Keep())
        told = []
        for day in range(2 * TOLD_EVERY + 1):
            last = store(folder, LONG_AGO + timedelta(days=day))
            if kept := ended(given, last, LONG_AGO).kept:
                told.append(kept)
        assert told == [
            Kept(runs=TOLD_EVERY, bytes=100 * TOLD_EVERY),
            Kept(runs=2 * TOLD_EVERY, bytes=200 * TOLD_EVERY),
        ]

    def test_is_not_told_where_it_cannot_be_seen(
        self, tmp_path: Path, folder: Path
    ) -> None:
        folder.rename(tmp_path / "moved")
        folder.symlink_to(tmp_path / "moved")
        result = ended(job(tmp_path, 104, Keep()), runs(folder)[3], LONG_AGO)
        assert (result.kept, result.warnings) == (None, ())


class TestStatus:
    def test_shows_the_pin(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        result = run(job(tmp_path, scripted_peer(*GOOD).port, Keep()))
        assert run_status(result.run_dir).to_json()["pin"] is None
        pin_run(result.run_dir, "audit 17", LONG_AGO)
        status = run_status(result.run_dir)
        assert status.pin == Pin("audit 17", "2020-01-01T00:00:00+00:00")
        assert status.to_json()["pin"] == {
            "since": "2020-01-01T00:00:00+00:00",
            "reason": "audit 17",
        }
        assert replace(status, pin=None).to_json()["pin"] is None
