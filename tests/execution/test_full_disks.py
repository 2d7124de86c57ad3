"""Every form of output on a disk of its own that is full, and what becomes of it.

Where no tmpfs can be mounted, `TestWithoutNamespaces` still makes every write fail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.execution.full_disk_jobs import FORMS, good, write_job
from tests.execution.small_disks import (
    PAGE,
    Disk,
    Ran,
    Room,
    contents,
    limited,
    namespaces,
)
from tests.peers.plugin import StartPeer

needs_tmpfs = pytest.mark.skipif(
    not namespaces(), reason="this machine forbids mounting in a namespace"
)
AMPLE = 16 << 20
SIDECAR = ".batchfind.json"
BESIDE = "{format: csv, path: roomy/q.csv}"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A mount namespace; processes run in the test's folder."""
    with ExitStack() as open_rooms:
        yield open_rooms.enter_context(Room(tmp_path))


def run_of(folder: Path) -> str:
    """The one run directory below a folder."""
    (found,) = folder.glob("runs/full/*/run.db")
    return str(found.parent)


def reasons(done: Ran) -> Mapping[str, str]:
    """Why outputs were not written, by the folder they should have gone to."""
    told = json.loads(done.stdout)
    return {
        Path(each["path"]).parent.name: each["reason"]
        for each in told["outputs"]
        if each["failed"]
    }


def without_sidecars(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """What does not tell which run wrote it."""
    return {name: data for name, data in files.items() if not name.endswith(SIDECAR)}


def size_of(files: Mapping[str, bytes]) -> int:
    """What files take on a tmpfs, without sidecars."""
    return sum(
        -(-len(data) // PAGE) * PAGE for data in without_sidecars(files).values()
    )


@needs_tmpfs
class TestOutputsOnFullDisks:
    """One run with every form, each on its own disk, and one output beside them."""

    @pytest.fixture
    def disks(
        self, room: Room, tmp_path: Path, scripted_peer: StartPeer
    ) -> dict[str, Disk]:
        write_job(tmp_path, scripted_peer(*good()).port, *FORMS.values(), BESIDE)
        return {form: room.disk(tmp_path / form, AMPLE) for form in FORMS}

    def test_fail_alone_and_are_written_later_from_the_capture(
        self, room: Room, disks: dict[str, Disk], tmp_path: Path
    ) -> None:
        for disk in disks.values():
            disk.fill()
        done = room.batchfind("run", "job.yaml", "--json")
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
        why = reasons(done)
        assert why.keys() == FORMS.keys()
        for form, sentence in why.items():
            assert sentence.startswith(f"{tmp_path / form}/q")
            assert "No space left on device; free some space there" in sentence
            assert sentence.endswith("--to-paths: the capture holds every answer")
        assert not any(contents(disk.seen) for disk in disks.values())
        assert (tmp_path / "roomy/q.csv").read_bytes().count(b"\r\n") == 81
        for disk in disks.values():
            disk.free()
        again = room.batchfind("export", run_of(tmp_path), "--to-paths", "--json")
        assert again.returncode == 0
        late = {form: contents(disk.seen) for form, disk in disks.items()}
        assert all(
            any(name.endswith(SIDECAR) for name in each) for each in late.values()
        )
        # An undisturbed run of the same job tells the same, but for its name.
        assert room.batchfind("run", "job.yaml").returncode == 0
        for form, disk in disks.items():
            if form != "requests":  # its columns hold times
                assert without_sidecars(contents(disk.seen)) == without_sidecars(
                    late[form]
                )

    @pytest.mark.parametrize("short", ["data", "sidecar", "intent"])
    def test_keep_what_was_published_before(
        self, room: Room, disks: dict[str, Disk], tmp_path: Path, short: str
    ) -> None:
        assert room.batchfind("run", "job.yaml").returncode == 0
        before = {form: contents(disk.seen) for form, disk in disks.items()}
        for form, disk in disks.items():
            beyond = {"data": -PAGE, "sidecar": 0, "intent": 2 * PAGE}[short]
            disk.fill(max(0, size_of(before[form]) + beyond))
        run = run_of(tmp_path)
        done = room.batchfind("export", run, "--to-paths", "--json")
        assert done.returncode in (0, 7) if short == "intent" else done.returncode == 7
        why = reasons(done)
        assert why.keys() <= FORMS.keys()
        if short != "intent":
            assert why.keys() == FORMS.keys()
        if short == "sidecar":
            least = len(without_sidecars(before["csv"])["q.csv"])
            assert f"free some space there, at least {least:,} bytes" in why["csv"]
        for form, disk in disks.items():
            assert contents(disk.seen) == before[form]
            disk.free()
        assert room.batchfind("export", run, "--to-paths").returncode == 0
        after = {form: contents(disk.seen) for form, disk in disks.items()}
        assert after == before


COMPARE = """
from batchfind.errors import StorageError
from batchfind.execution.row_digests import Row, RowDigests

with RowDigests() as rows:
    rows.begin()
    try:
        for request in range(200):
            digests = ((request * 1000 + at).to_bytes(32) for at in range(1000))
            rows.add(request, (Row(request, 0, one, one, True) for one in digests))
        rows.end()
    except StorageError as error:
        print(error)
"""


@needs_tmpfs
class TestAFullFolderForTemporaryFiles:
    def test_is_told_where_rows_are_compared(self, room: Room, tmp_path: Path) -> None:
        disk = room.disk(tmp_path / "temporary", 64 << 20)
        assert room.python("-c", COMPARE, SQLITE_TMPDIR=str(disk.path)).stdout == ""
        disk.fill()
        done = room.python("-c", COMPARE, SQLITE_TMPDIR=str(disk.path))
        assert done.stderr == ""
        assert done.stdout.startswith("rows cannot be compared: database or disk is")
        assert "name another in SQLITE_TMPDIR" in done.stdout
        assert not contents(disk.seen)


class TestWithoutNamespaces:
    def test_a_limit_on_file_sizes_is_told_and_leaves_old_files(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        write_job(tmp_path, scripted_peer(*good()).port, *FORMS.values())
        assert limited(tmp_path, AMPLE, "run", "job.yaml").returncode == 0
        folders = [tmp_path / form for form in FORMS]
        before = [contents(folder) for folder in folders]
        run = run_of(tmp_path)
        done = limited(tmp_path, 100, "export", run, "--to-paths", "--json")
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
        why = reasons(done)
        assert why.keys() == FORMS.keys()
        assert all(
            "raise the limit on the size of files" in one for one in why.values()
        )
        assert [contents(folder) for folder in folders] == before
        again = limited(tmp_path, AMPLE, "export", run, "--to-paths")
        assert again.returncode == 0
        assert [contents(folder) for folder in folders] == before

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    @pytest.mark.parametrize(
        ("option", "what"),
        [
            ("--json", "stdout cannot be written"),
            ("--show", "responses cannot be shown"),
        ],
    )
    def test_a_result_that_stdout_cannot_take_is_exit_7_and_the_run_is_whole(
        self, tmp_path: Path, scripted_peer: StartPeer, option: str, what: str
    ) -> None:
        write_job(tmp_path, scripted_peer(*good()).port, BESIDE)
        with Path("/dev/full").open("w") as full:
            done = limited(tmp_path, AMPLE, "run", "job.yaml", option, stdout=full)
        assert done.returncode == 7
        assert f"batchfind: {what}: No space left on device; " in done.stderr
        assert "Traceback" not in done.stderr
        status = limited(tmp_path, AMPLE, "status", run_of(tmp_path), "--json")
        assert json.loads(status.stdout)["exit_code"] == 0
        assert (tmp_path / "roomy/q.csv").read_bytes().count(b"\r\n") == 81
