"""What is told of a run that died, lost its plan, or had no room for its capture."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing as closed
from pathlib import Path

import pytest

from batchfind.capture.journal import Journal
from batchfind.cli.closing import closing
from batchfind.errors import StorageError, UsageError
from batchfind.execution.export import export_run
from batchfind.execution.results import ExitCode
from batchfind.execution.run import RunOptions, options_of, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.plan.model import Plan
from tests.execution.plans import output, peer, plan, request, with_real_keys
from tests.peers import steps
from tests.peers.plugin import StartPeer


@pytest.fixture
def given(tmp_path: Path, scripted_peer: StartPeer) -> Plan:
    asked = [request("0.0", "pacs")]
    scripted = scripted_peer(steps.matches(2), steps.final())
    outputs = [output(tmp_path / "out" / "q.csv", asked)]
    return with_real_keys(plan(tmp_path, [peer("pacs", scripted.port)], asked, outputs))


@pytest.fixture
def run(given: Plan, tmp_path: Path) -> Path:
    options = RunOptions(job_text="job\n", run_dir=tmp_path / "run")
    return asyncio.run(run_plan(given, options)).run_dir


def change(run: Path, statement: str) -> None:
    with closed(sqlite3.connect(run / "run.db")) as capture, capture:
        assert capture.execute(statement).rowcount == 1


class TestARunThatDied:
    @pytest.fixture(params=["killed", "interrupted"])
    def dead(self, run: Path, request: pytest.FixtureRequest) -> Path:
        if request.param == "killed":
            change(run, "DELETE FROM event WHERE kind='run-ended'")
        else:
            data = '{"exit_code": 130, "error": ""}'
            change(run, f"UPDATE event SET data='{data}' WHERE kind='run-ended'")  # noqa: S608
        return run

    @pytest.mark.parametrize("to_paths", [False, True])
    def test_has_the_same_exit_code_in_status_and_export(
        self, dead: Path, to_paths: bool
    ) -> None:
        exported = export_run(dead, to_paths=to_paths)
        assert run_status(dead).exit_code is exported.exit_code is ExitCode.INTERRUPTED
        assert [one.published for one in exported.outputs] == [True]

    def test_is_not_said_to_have_changed_nothing_by_an_export(self, dead: Path) -> None:
        screen = closing(export_run(dead, to_paths=True))
        assert "interrupted: 0 of 1 request unanswered" in screen
        assert "no output changed" not in screen

    def test_is_exit_7_where_the_export_cannot_be_written(
        self, dead: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("batchfind.outputs.staging_area.StagingArea.open", full)
        assert export_run(dead, to_paths=True).exit_code is ExitCode.STORAGE


class TestAPlan:
    CALLS: tuple[Callable[[Path], object], ...] = (
        run_status,
        export_run,
        lambda run: asyncio.run(resume_run(run)),
    )

    @pytest.mark.parametrize("call", CALLS)
    def test_that_is_missing_is_told_with_its_path(
        self, run: Path, call: Callable[[Path], object]
    ) -> None:
        (run / "plan.json").unlink()
        with pytest.raises(StorageError, match="restore it from a copy") as caught:
            call(run)
        assert str(caught.value).startswith(f"{run}/plan.json: it is missing, ")

    @pytest.mark.parametrize("text", [b"", b'{"version": 1, "jo', b"\xff\xfe", b"[]"])
    def test_that_is_torn_is_told_with_its_path(self, run: Path, text: bytes) -> None:
        (run / "plan.json").write_bytes(text)
        with pytest.raises(StorageError, match="restore it from a copy") as caught:
            run_status(run)
        assert str(caught.value).startswith(f"{run}/plan.json: it is damaged: ")
        assert caught.value.lasting

    def test_that_is_missing_stops_the_same_command(
        self, run: Path, given: Plan
    ) -> None:
        (run / "plan.json").unlink()
        with pytest.raises(StorageError, match="it is missing"):
            options_of(given, "job\n", run)

    def test_of_no_run_is_a_mistake_of_the_command_line(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="name a run directory"):
            run_status(tmp_path)


class TestACaptureWithoutRoom:
    def test_is_named_and_so_is_every_output(
        self, given: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole, place = Journal.barrier, tmp_path / "full"

        async def full(journal: Journal) -> None:
            await whole(journal)
            raise StorageError(f"{place}/run.db: no space is left: free some")

        monkeypatch.setattr(Journal, "barrier", full)
        options = RunOptions(job_text="job\n", run_dir=place)
        result = asyncio.run(run_plan(given, options))
        assert result.exit_code is ExitCode.STORAGE
        assert [(one.failed, one.written) for one in result.outputs] == [(True, "")]
        screen = " ".join(closing(result).split())
        assert "not written: the capture could not be written or read" in screen
        assert "1 of 1 output not written" in screen
        assert f"not written {result.outputs[0].path}: the run ended before" in screen
