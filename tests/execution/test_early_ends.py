"""A run that cannot be finished says why, leaves nothing beside, and goes on later."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.reader import open_capture
from batchfind.execution import finishing
from batchfind.execution.answers import Answers
from batchfind.execution.concluding import Concluding
from batchfind.execution.export import export_run
from batchfind.execution.growing import Grower
from batchfind.execution.mishaps import MISHAPS
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.outputs.staging import Staged
from batchfind.outputs.staging_area import StagingArea
from batchfind.plan.model import Plan
from tests.execution.born import archive_of, uids
from tests.execution.growing_run import splitting_plan
from tests.execution.plans import output, peer, plan, request, with_real_keys
from tests.execution.simulation import window
from tests.peers import steps
from tests.peers.capped import Style
from tests.peers.plugin import StartPeer

VALUE = "Doe^Jane"
PLACES = {
    "rendering": (finishing, "render"),
    "publishing": (Staged, "publish"),
}


@dataclass(frozen=True, slots=True)
class Room:
    """A small run, and places where it may be struck."""

    given: Plan
    folder: Path
    patch: pytest.MonkeyPatch

    def run(self, target: Any, name: str, error: BaseException) -> RunResult:
        def strike(*_: Any, **__: Any) -> Any:
            raise error

        with self.patch.context() as changed:
            changed.setattr(target, name, strike)
            return asyncio.run(run_plan(self.given, RunOptions(job_text="job\n")))

    @property
    def outputs(self) -> list[str]:
        """All that stands beside or below the paths of outputs."""
        return sorted(each.name for each in self.folder.glob("out*/*"))


@pytest.fixture
def room(
    tmp_path: Path, scripted_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> Room:
    asked = [request("0.0", "pacs"), request("0.1", "pacs")]
    scripted = scripted_peer(steps.matches(2), steps.final())
    outputs = [output(tmp_path / f"out{at}" / "q.csv", asked) for at in range(2)]
    given = plan(tmp_path, [peer("pacs", scripted.port)], asked, outputs)
    return Room(with_real_keys(given), tmp_path, monkeypatch)


def ended(result: RunResult) -> dict[str, Any]:
    with open_capture(result.run_dir / "run.db") as capture:
        assert not (result.run_dir / "run.db-wal").exists()
        (event,) = [one for one in capture.events() if one.kind == "run-ended"]
        return dict(event.data)


class TestAMistakeOfOurs:
    @pytest.mark.parametrize("place", PLACES)
    def test_while_finishing_is_exit_8_and_the_run_is_closed(
        self, room: Room, place: str
    ) -> None:
        result = room.run(*PLACES[place], RuntimeError(VALUE))
        assert result.exit_code is ExitCode.INTERNAL
        assert "internal error while finishing: RuntimeError at " in result.error
        assert "batchfind resume" in result.error
        assert VALUE not in result.error
        assert ended(result) == {"exit_code": 8, "error": result.error}
        assert room.outputs == []
        noted = (result.run_dir / MISHAPS).read_text("utf-8")
        assert "RuntimeError" in noted
        assert VALUE not in noted

    @pytest.mark.parametrize("place", PLACES)
    def test_shows_in_status_and_is_gone_after_resume(
        self, room: Room, place: str
    ) -> None:
        result = room.run(*PLACES[place], RuntimeError(VALUE))
        status = run_status(result.run_dir)
        assert (status.exit_code, status.error) == (result.exit_code, result.error)
        assert [one.failed for one in status.outputs] == [True, True]
        resumed = asyncio.run(resume_run(result.run_dir))
        assert resumed.exit_code is ExitCode.OK
        assert run_status(result.run_dir).error == ""
        assert set(room.outputs) == {"q.csv", "q.csv.batchfind.json"}

    def test_while_asking_is_exit_8_and_the_run_is_closed(self, room: Room) -> None:
        result = room.run(Concluding, "conclude", RuntimeError(VALUE))
        assert result.exit_code is ExitCode.INTERNAL
        assert "internal error while asking: RuntimeError at " in result.error
        assert ended(result)["exit_code"] == 8
        assert room.outputs == []
        resumed = asyncio.run(resume_run(result.run_dir))
        assert resumed.exit_code is ExitCode.OK

    def test_while_judging_is_exit_8_and_the_run_is_closed(self, room: Room) -> None:
        result = room.run(Answers, "agreed", RuntimeError(VALUE))
        assert result.exit_code is ExitCode.INTERNAL
        assert ended(result) == {"exit_code": 8, "error": result.error}
        assert room.outputs == []
        assert run_status(result.run_dir).exit_code is ExitCode.INTERNAL

    def test_while_growing_is_exit_8_and_the_run_is_closed(
        self, tmp_path: Path, room: Room, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(2, 60, cap=37, style=Style.OUT_OF_RESOURCES)
        port = scripted_peer(script=archive.answer).port
        asked = [window("20240101", "20240109")]
        growing = with_real_keys(splitting_plan(tmp_path, port, asked))
        result = replace(room, given=growing).run(Grower, "ended", RuntimeError(VALUE))
        assert result.exit_code is ExitCode.INTERNAL
        assert "internal error while asking: RuntimeError at " in result.error
        assert ended(result) == {"exit_code": 8, "error": result.error}
        resumed = asyncio.run(resume_run(result.run_dir))
        assert resumed.exit_code is ExitCode.OK
        assert sum(one.responses for one in resumed.roots) == len(uids(archive))

    def test_between_two_outputs_tells_of_the_one_that_is_published(
        self, room: Room
    ) -> None:
        whole, calls = Staged.publish, []

        def strike(staged: Staged, *facts: Any) -> Any:
            calls.append(staged)
            if len(calls) > 1:
                raise RuntimeError(VALUE)
            return whole(staged, *facts)

        with room.patch.context() as changed:
            changed.setattr(Staged, "publish", strike)
            result = asyncio.run(run_plan(room.given, RunOptions(job_text="job\n")))
        assert [one.published for one in result.outputs] == [True, False]
        assert result.outputs[1].failed
        assert "what stood at its path is unchanged" in result.outputs[1].reason


class TestAMachineThatRefuses:
    @pytest.mark.parametrize(
        ("error", "remedy"),
        [
            (OSError(errno.EMFILE, "no"), "raise the limit of open files (ulimit -n)"),
            (MemoryError(), "give the process more memory"),
        ],
    )
    def test_rendering_is_exit_7_with_a_remedy(
        self, room: Room, error: BaseException, remedy: str
    ) -> None:
        result = room.run(finishing, "render", error)
        assert result.exit_code is ExitCode.STORAGE
        assert result.error.startswith("rendering query studies was given up: ")
        assert remedy in result.error
        assert ended(result) == {"exit_code": 7, "error": result.error}
        assert run_status(result.run_dir).error == result.error
        assert room.outputs == []
        assert not (result.run_dir / MISHAPS).exists()
        assert not (result.run_dir / "failure.txt").exists()

    def test_publishing_is_exit_7_and_export_writes_all_later(self, room: Room) -> None:
        error = OSError(errno.EMFILE, "no")
        result = room.run(Staged, "publish", error)
        assert result.exit_code is ExitCode.STORAGE
        assert "raise the limit of open files" in result.error
        assert room.outputs == []
        exported = export_run(result.run_dir, to_paths=True)
        assert exported.exit_code is ExitCode.OK
        assert all(one.published for one in exported.outputs)

    def test_leaves_no_staging_behind_though_deleting_is_refused_handles(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        area = StagingArea(tmp_path / "out" / "q.csv", "run")
        area.make_parents()
        area.open()
        (area.files / "q.csv").write_text("a")
        (area.files / "deeper").mkdir()
        real = os.open

        def refuse(path: Any, *facts: Any, **more: Any) -> int:
            if "out" in str(path) or "dir_fd" in more:
                raise OSError(errno.EMFILE, "Too many open files")
            return real(path, *facts, **more)

        with monkeypatch.context() as changed:
            changed.setattr(os, "open", refuse)
            area.discard()
        assert not area.place.exists()

    def test_a_claim_leaves_no_staging_behind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(_: Path) -> int:
            raise OSError(errno.EMFILE, "Too many open files")

        area = StagingArea(tmp_path / "out" / "q.csv", "run")
        area.make_parents()
        with monkeypatch.context() as changed:
            changed.setattr("batchfind.outputs.staging_area.claim", refuse)
            with pytest.raises(OSError, match="Too many"):
                area.open()
        area.discard()
        assert list(tmp_path.iterdir()) == []
