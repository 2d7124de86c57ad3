"""Every file in a run directory is for its owner alone, whatever made it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.pin import pin_run
from batchfind.errors import StorageError
from batchfind.execution import finishing
from batchfind.execution.export import export_run
from batchfind.execution.results import ExitCode
from batchfind.execution.run import RunOptions, run_plan
from batchfind.execution.status import run_status
from batchfind.job.model import OutputFormat
from batchfind.plan.model import Plan
from tests.execution.plans import output, peer, plan, request, with_real_keys
from tests.peers import steps
from tests.peers.plugin import StartPeer

OPTIONS = RunOptions(job_text="job\n")


@pytest.fixture(autouse=True)
def _careless() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Of everything in a folder that not only its owner may read, by its name."""
    every = (folder, *folder.rglob("*"))
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777
        for path in every
        if path.stat().st_mode & 0o777 != (0o700 if path.is_dir() else 0o600)
    }


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def job(tmp_path: Path, port: int) -> Plan:
    asked = [request("0.0", "pacs")]
    outputs = [
        output(tmp_path / "out" / "q.csv", asked),
        output(tmp_path / "out" / "files", asked, format=OutputFormat.DICOM),
    ]
    return with_real_keys(plan(tmp_path, [peer("pacs", port)], asked, outputs))


class TestARunDirectory:
    def test_that_ended_well_and_was_exported_and_pinned(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        given = job(tmp_path, scripted_peer(steps.matches(2), steps.final()).port)
        run = asyncio.run(run_plan(given, OPTIONS)).run_dir
        export_run(run)
        pin_run(run, "kept", datetime.now(UTC))
        assert names(run) >= {"exports", "pin.json", "job.yaml", "plan.json"}
        assert names(run / "exports") >= {"q.csv", "files"}
        assert modes(run) == {}

    def test_that_withholds(self, tmp_path: Path, scripted_peer: StartPeer) -> None:
        given = job(tmp_path, scripted_peer(steps.matches(2), steps.final(0xC001)).port)
        run = asyncio.run(run_plan(given, OPTIONS)).run_dir
        assert names(run / "withheld") >= {"q.csv", "files"}
        assert modes(run) == {}

    def test_that_met_a_mistake_of_ours(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def strike(*_: Any, **__: Any) -> Any:
            raise RuntimeError

        given = job(tmp_path, scripted_peer(steps.matches(2), steps.final()).port)
        with monkeypatch.context() as changed:
            changed.setattr(finishing, "render", strike)
            run = asyncio.run(run_plan(given, OPTIONS)).run_dir
        assert "internal-errors.txt" in names(run)
        assert modes(run) == {}

    def test_whose_capture_takes_no_end(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        whole = Journal.close

        async def fail(journal: Journal) -> None:
            await whole(journal)
            raise StorageError("no space is left: free some")

        given = job(tmp_path, scripted_peer(steps.matches(2), steps.final()).port)
        with monkeypatch.context() as changed:
            changed.setattr(Journal, "close", fail)
            run = asyncio.run(run_plan(given, OPTIONS)).run_dir
        assert "failure.txt" in names(run)
        assert modes(run) == {}
        status = run_status(run)
        assert status.exit_code is ExitCode.STORAGE
        assert status.error == "no space is left: free some"
