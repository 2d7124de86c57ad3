"""Places of outputs and runs that cannot be written, or no longer can."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.cli.main import execute
from tests.execution.full_disk_jobs import good, incompressible, write_job
from tests.execution.small_disks import (
    Ran,
    Room,
    contents,
    namespaces,
)
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Step

needs_tmpfs = pytest.mark.skipif(
    not namespaces(), reason="this machine forbids mounting in a namespace"
)
CSV = "{format: csv, path: out/q.csv}"
DICOM = "{format: dicom, path: out/files/}"

Command: TypeAlias = Callable[..., Ran]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A mount namespace; processes run in the test's folder."""
    with Room(tmp_path) as made:
        yield made


def amid(act: Callable[[], object]) -> list[Step]:
    """A whole answer, in the middle of which something happens."""

    async def step(_: Conversation) -> None:
        act()

    first = steps.matches(20, build=incompressible)
    return [first, step, steps.matches(20, build=incompressible), steps.final()]


def put_pipe(path: Path) -> None:
    """A named pipe, in a new folder."""
    path.parent.mkdir()
    os.mkfifo(path)


def latest_run(folder: Path) -> str:
    """The newest run directory below a folder."""
    return str(max(folder.glob("runs/full/*/run.db")).parent)


@pytest.fixture
def batchfind(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """The command in the test's folder, within this process."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        capsys.readouterr()
        code = execute(list(arguments))
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return call


class TestAPlaceThatCannotBeWritten:
    def test_is_exit_2_before_any_association(
        self, tmp_path: Path, scripted_peer: StartPeer, batchfind: Command
    ) -> None:
        peer = scripted_peer(*good())
        (tmp_path / "folder").mkdir()
        (tmp_path / "file").write_text("mine")
        os.mkfifo(tmp_path / "pipe")
        (tmp_path / "link").symlink_to("/dev/zero")
        unfit = {
            "folder": "choose a path that is not a directory",
            "pipe": "choose the path of an ordinary file",
            "link": "choose the path of an ordinary file",
            "/dev/full": "choose the path of an ordinary file",
            "file/q.csv": "choose a path whose parents are directories",
        }
        outputs = [f"{{format: csv, path: {path}}}" for path in unfit]
        write_job(tmp_path, peer.port, *outputs, CSV)
        done = batchfind("run", "job.yaml")
        assert done.returncode == 2
        for path, remedy in unfit.items():
            (line,) = [
                one for one in done.stderr.splitlines() if f"{tmp_path / path}: " in one
            ]
            assert "the output cannot be written" in line
            assert line.endswith(remedy)
        assert len(done.stderr.splitlines()) == len(unfit)
        assert not peer.seen.connections
        assert not (tmp_path / "runs").exists()
        assert not (tmp_path / "out").exists()

    @needs_tmpfs
    @pytest.mark.parametrize("place", ["out", "runs"])
    def test_is_told_when_its_file_system_is_read_only(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer, place: str
    ) -> None:
        peer = scripted_peer(*good())
        write_job(tmp_path, peer.port, CSV)
        room.disk(tmp_path / place).protect()
        done = room.batchfind("run", "job.yaml")
        assert done.returncode == 2
        assert f"{tmp_path / place}" in done.stderr
        assert "choose a path on a file system that can be written" in done.stderr
        assert not peer.seen.connections


@needs_tmpfs
class TestAFileSystemThatTurnsReadOnly:
    def test_is_exit_7_keeps_the_old_files_and_export_writes_them_later(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        disk = room.disk(tmp_path / "out")
        peer = scripted_peer(script=steps.in_turn(good(), amid(disk.protect)))
        write_job(tmp_path, peer.port, CSV, DICOM, requests=1)
        assert room.batchfind("run", "job.yaml").returncode == 0
        before = contents(disk.seen)
        done = room.batchfind("run", "job.yaml", "--json")
        assert done.returncode == 7
        told = json.loads(done.stdout)
        for output in told["outputs"]:
            assert output["failed"]
            assert "Read-only file system; choose a path on a file" in output["reason"]
        assert contents(disk.seen) == before
        disk.release()
        run = latest_run(tmp_path)
        assert room.batchfind("export", run, "--to-paths").returncode == 0
        after = contents(disk.seen)
        assert after.keys() == before.keys()
        changed = {name for name in after if after[name] != before[name]}
        assert changed == {"q.csv.batchfind.json", "files.batchfind.json"}


class TestAPlaceThatChangesAmidTheRun:
    def test_is_made_again_when_it_vanished(
        self, tmp_path: Path, scripted_peer: StartPeer, batchfind: Command
    ) -> None:
        peer = scripted_peer(*amid(lambda: shutil.rmtree(tmp_path / "out")))
        write_job(tmp_path, peer.port, CSV, DICOM, requests=1)
        (tmp_path / "out").mkdir()
        (tmp_path / "out/q.csv").write_text("old")
        assert batchfind("run", "job.yaml").returncode == 0
        assert (tmp_path / "out/q.csv").read_bytes().count(b"\r\n") == 41
        assert len(contents(tmp_path / "out/files")) == 40

    @pytest.mark.parametrize("what", ["folder", "pipe", "file above", "loop above"])
    def test_is_exit_7_untouched_and_written_once_it_is_gone(
        self, tmp_path: Path, scripted_peer: StartPeer, batchfind: Command, what: str
    ) -> None:
        out, path = tmp_path / "out", tmp_path / "out/q.csv"
        changes: dict[str, Callable[[], object]] = {
            "folder": lambda: path.mkdir(parents=True),
            "pipe": lambda: put_pipe(path),
            "file above": lambda: out.write_text("mine"),
            "loop above": lambda: out.symlink_to(out),
        }
        peer = scripted_peer(*amid(changes[what]))
        write_job(tmp_path, peer.port, CSV, requests=1)
        done = batchfind("run", "job.yaml", "--json")
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
        (output,) = json.loads(done.stdout)["outputs"]
        assert output["reason"].startswith(f"{path}: the output cannot be written: ")
        assert "; choose " in output["reason"]
        found = path if what in ("folder", "pipe") else out
        assert not found.is_file() or found.read_text() == "mine"
        if what == "folder":
            path.rmdir()
        else:
            found.unlink()
        run = latest_run(tmp_path)
        assert batchfind("export", run, "--to-paths").returncode == 0
        assert path.read_bytes().count(b"\r\n") == 41
        assert {*contents(out)} == {"q.csv", "q.csv.batchfind.json"}


class TestARunDirectoryThatVanishes:
    def test_ends_the_run_and_asks_nothing_more(
        self, tmp_path: Path, scripted_peer: StartPeer, batchfind: Command
    ) -> None:
        def vanish() -> None:
            shutil.rmtree(tmp_path / "runs")

        waiting = [steps.until_cancelled(), steps.final(0xFE00)]
        endless = [*amid(vanish)[:-1], *waiting]
        peer = scripted_peer(script=steps.in_turn(waiting, endless, good()))
        write_job(tmp_path, peer.port, CSV, requests=6)
        done = batchfind("run", "job.yaml")
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
        shown = " ".join((done.stdout + done.stderr).split())
        assert "it was moved or deleted during the run: run again" in shown
        assert len(peer.seen.requests) == 2
        assert len(peer.seen.cancels) + peer.seen.aborts >= 1
        assert not peer.seen.open
        assert not (tmp_path / "out").exists()
