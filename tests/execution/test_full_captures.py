"""A run directory on a disk that fills up: at its making, amid answers, at the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batchfind.capture.reader import open_capture
from tests.execution.full_disk_jobs import good, incompressible, write_job
from tests.execution.small_disks import PAGE, Disk, Room, contents, limited, namespaces
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Step

needs_tmpfs = pytest.mark.skipif(
    not namespaces(), reason="this machine forbids mounting in a namespace"
)
CSV = "{format: csv, path: out/q.csv}"
DICOM = "{format: dicom, path: out/files/}"
AMPLE = 16 << 20


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A mount namespace; processes run in the test's folder."""
    with Room(tmp_path) as made:
        yield made


@pytest.fixture
def disk(room: Room, tmp_path: Path) -> Disk:
    """For the runs of a job."""
    return room.disk(tmp_path / "runs", AMPLE)


def run_of(disk: Disk) -> Path:
    """The one run directory, as processes in the room name it."""
    (found,) = disk.seen.glob("full/*/run.db")
    return disk.path / found.parent.relative_to(disk.seen)


def undisturbed(folder: Path, port: int, *outputs: str, requests: int) -> bytes:
    """The CSV of the same job on a roomy disk."""
    folder.mkdir()
    write_job(folder, port, *outputs, requests=requests)
    assert limited(folder, AMPLE, "run", "job.yaml").returncode == 0
    return (folder / "out/q.csv").read_bytes()


def faults_of(disk: Disk, copy: Path) -> list[str]:
    """What is wrong with a capture in the room; SQLite follows no /proc/PID/root."""
    shutil.copytree(disk.seen / "full", copy)
    (database,) = copy.glob("*/run.db")
    with open_capture(database) as capture:
        return [str(fault) for fault in capture.verify()]


def once(journalled: int, disk: Disk, act: Callable[[], None]) -> Step:
    """Acts when so many bytes of responses are in the log of the capture."""

    def is_there() -> bool:
        logs = disk.seen.glob("full/*/run.db-wal")
        return sum(log.stat().st_size for log in logs) >= journalled

    async def step(talk: Conversation) -> None:
        while not is_there():
            await talk.pause(0.01)
        act()

    return step


@needs_tmpfs
class TestADiskTooSmallForARun:
    def test_is_one_sentence_before_any_association_and_leaves_nothing(
        self, room: Room, disk: Disk, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*good())
        write_job(tmp_path, peer.port, CSV)
        command = ("run", "job.yaml", "--run-dir", "runs/exact")
        failing = []
        for pages in (0, 1, 1, 2, 8):
            disk.fill(pages * PAGE)
            done = room.batchfind(*command)
            assert done.returncode == 7
            (sentence,) = done.stderr.splitlines()
            assert sentence.startswith(f"batchfind: {tmp_path}/runs/")
            assert "o space" in sentence
            failing.append(sentence.partition(": ")[2].partition(": ")[0])
            assert {*contents(disk.seen)} <= {"full/job.lock"}
        names = [Path(path).name for path in failing]
        assert names == ["job.lock", "run.lock", "job.yaml", "plan.json", "run.db"]
        assert "batchfind resume" not in done.stderr
        assert not peer.seen.connections
        disk.free()
        assert room.batchfind(*command).returncode == 0

    def test_counts_files_too(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*good())
        write_job(tmp_path, peer.port, CSV)
        room.disk(tmp_path / "runs", AMPLE, files=6)
        done = room.batchfind("run", "job.yaml")
        assert done.returncode == 7
        assert "No space left on device" in done.stderr
        assert not peer.seen.connections


@needs_tmpfs
class TestADiskThatFillsUp:
    def test_amid_answers_ends_asking_and_loses_nothing_durable(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(*good(100))
        wanted = undisturbed(tmp_path / "other", peer.port, CSV, requests=30)
        before = len(peer.seen.requests)
        write_job(tmp_path, peer.port, CSV, requests=30)
        disk = room.disk(tmp_path / "runs", 800_000)
        done = room.batchfind("run", "job.yaml")
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
        assert f"{run_of(disk)}/run.db: no space" in done.stdout.replace("\n  ", " ")
        assert f"batchfind resume {run_of(disk)}" in done.stdout
        asked = len(peer.seen.requests) - before
        assert 2 <= asked < 30
        assert not peer.seen.open
        assert not (tmp_path / "out").exists()
        assert faults_of(disk, tmp_path / "copy") == []
        told = room.batchfind("status", str(run_of(disk)), "--json")
        status = json.loads(told.stdout)
        assert status["exit_code"] == 7
        assert "could not be written" in status["error"]
        complete = sum(one["verdict"] == "complete" for one in status["requests"])
        assert 0 < complete < 30
        disk.grow(AMPLE)
        assert room.batchfind("resume", str(run_of(disk))).returncode == 0
        assert (tmp_path / "out/q.csv").read_bytes() == wanted
        assert len(peer.seen.requests) == before + asked + 30 - complete
        kept = {Path(name).name for name in contents(disk.seen)}
        assert kept == {"job.lock", "run.lock", "job.yaml", "plan.json", "run.db"}

    def test_under_an_endless_answer_tells_the_peer(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        endless = [
            steps.matches(500, build=incompressible),
            steps.until_cancelled(),
            steps.final(0xFE00),
        ]
        peer = scripted_peer(*endless)
        write_job(tmp_path, peer.port, CSV, requests=6)
        disk = room.disk(tmp_path / "runs", 600_000)
        done = room.batchfind("run", "job.yaml", "--quiet")
        assert done.returncode == 7
        assert "run.db: no space is left: free some" in done.stderr
        assert len(peer.seen.requests) <= 2
        assert len(peer.seen.cancels) + peer.seen.aborts >= 1
        assert not peer.seen.open
        assert faults_of(disk, tmp_path / "copy") == []

    def test_before_the_capture_is_one_file_is_mended_by_resume(
        self, room: Room, disk: Disk, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        full = once(100_000, disk, lambda: disk.fill(14 * PAGE))
        peer = scripted_peer(
            steps.matches(200, build=incompressible), full, steps.final()
        )
        write_job(tmp_path, peer.port, CSV, requests=1)
        done = room.batchfind("run", "job.yaml")
        assert done.returncode == 7
        assert "run.db: no space" in done.stdout.replace("\n  ", " ")
        assert f"go on:\n  batchfind resume {run_of(disk)}" in done.stdout
        published = contents(tmp_path / "out")
        assert published["q.csv"].count(b"\r\n") == 201
        assert "full" not in published
        disk.free()
        again = room.batchfind("resume", str(run_of(disk)))
        assert again.returncode == 0
        assert len(peer.seen.requests) == 1
        assert contents(tmp_path / "out") == published
        assert not list(disk.seen.glob("full/*/run.db-*"))
        assert not list(disk.seen.glob("full/*/failure.txt"))

    def test_while_outputs_are_withheld_leaves_no_half_of_them(
        self, room: Room, disk: Disk, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        full = once(100_000, disk, lambda: disk.fill(60 * PAGE))
        failing = [steps.matches(400, build=incompressible), full, steps.final(0xC001)]
        peer = scripted_peer(*failing)
        write_job(tmp_path, peer.port, CSV, DICOM, requests=1)
        done = room.batchfind("run", "job.yaml", "--json")
        assert done.returncode == 7
        told = json.loads(done.stdout)
        assert [each["failed"] for each in told["outputs"]] == [True, True]
        for each in told["outputs"]:
            assert each["reason"].startswith(f"{run_of(disk)}/withheld: ")
            assert "No space left on device; free some space there" in each["reason"]
        assert not [name for name in contents(disk.seen) if "withheld" in name]
        assert not (tmp_path / "out").exists()
        disk.free()
        run = str(run_of(disk))
        assert room.batchfind("export", run, "--to-paths").returncode == 1
        held = contents(disk.seen / "full" / run_of(disk).name / "withheld")
        assert held["q.csv"].count(b"\r\n") == 401
        assert len(held) == 401
