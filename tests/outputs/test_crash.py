"""A crash at any point of publishing leaves the old state, or is completed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.outputs.intents import settle
from batchfind.outputs.sidecars import read_sidecar
from tests.outputs import places
from tests.outputs.crash_publisher import TARGET, output_of

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ["file-replace", "table-replace", "table-append", "fresh-replace"]

Files: TypeAlias = dict[str, bytes]


@dataclass(frozen=True)
class Crashed:
    """One folder a kill in the order of the steps, and what readers saw there."""

    steps: list[Path]
    seen: list[Files]


@pytest.fixture(scope="module")
def crashes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a scenario, in it one for each step that a publisher was killed at.

    `again` holds one of them once more.
    """
    folder = tmp_path_factory.mktemp("crashed")
    names = [*SCENARIOS, "again/table-replace"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("crash_publisher.py")
    subprocess.run(
        [sys.executable, script, *(folder / name for name in names)],
        check=True,
        env=environment,
        cwd=ROOT,
        timeout=100,
    )
    return folder


@pytest.fixture(scope="module", params=SCENARIOS)
def crashed(request: pytest.FixtureRequest, crashes: Path) -> Crashed:
    """What is left of one scenario after each kill."""
    folder = crashes / request.param
    steps = sorted(folder.iterdir(), key=lambda each: int(each.name))
    return Crashed(steps, [state(step) for step in steps])


def state(folder: Path) -> Files:
    """What readers see: hidden names are not looked at."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


def hidden(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir() if each.name.startswith(".")]


def is_consistent(target: Path) -> bool:
    """Whether the sidecar tells exactly what stands there."""
    sidecar = read_sidecar(target)
    if sidecar is None:
        return not target.exists()
    if sidecar.files is None:
        return hashlib.sha256(target.read_bytes()).hexdigest() == sidecar.sha256
    listed = {file.path: file.sha256 for file in sidecar.files}
    found = {
        name: hashlib.sha256((target / name).read_bytes()).hexdigest()
        for name in places.files(target)
    }
    return listed == found


class TestAKillAtAnyStep:
    def test_happens_often_enough(self, crashed: Crashed) -> None:
        assert len(crashed.steps) > 10

    def test_leaves_the_old_state_or_the_new_one_after_the_next_command(
        self, crashed: Crashed
    ) -> None:
        steps = crashed.steps
        old = None
        new = state(steps[-1])
        seen = set()
        for folder in steps:
            settle(folder / TARGET)
            found = state(folder)
            old = found if old is None else old
            assert found in (old, new), folder.name
            assert is_consistent(folder / TARGET), folder.name
            assert hidden(folder) == [], folder.name
            seen.add(found == new)
        assert seen == {True, False}

    def test_leaves_every_file_whole_before_that(self, crashed: Crashed) -> None:
        whole = {
            (name, content)
            for seen in (crashed.seen[0], crashed.seen[-1])
            for name, content in seen.items()
        }
        for seen in crashed.seen:
            assert whole.issuperset(seen.items())

    def test_does_not_stop_the_next_run(self, crashes: Path) -> None:
        for folder in (crashes / "again" / "table-replace").iterdir():
            output = output_of("table-replace", folder)
            places.published(output, places.rows(2, Modality="PT"), "run-3")
            assert places.files(folder / TARGET) == ["Modality=PT/part-0.csv"]
            assert is_consistent(folder / TARGET)
            assert hidden(folder) == []


def poll(path: str, digests: set[str], stop: int, results: int) -> None:
    """Reads a file as fast as it can until told to stop; tells what was wrong."""
    reads, wrong = 0, 0
    os.set_blocking(stop, False)
    os.write(results, b"!")
    while True:
        try:
            found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            wrong += found not in digests
        except FileNotFoundError:
            wrong += 1
        reads += 1
        try:
            if os.read(stop, 1) == b"":
                break
        except BlockingIOError:
            continue
    os.write(results, f"{reads} {wrong}".encode())
    os._exit(0)


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    ends = (*os.pipe(), *os.pipe())
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


class TestAPoller:
    def test_never_meets_a_missing_or_partial_file(
        self,
        tmp_path: Path,
        pipes: tuple[int, int, int, int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Whoever reads a file meanwhile cannot tell what is on the disk already.
        monkeypatch.setattr("os.fsync", lambda _: None)
        path = tmp_path / "a.csv"
        output = places.planned(path)
        tables = [places.rows(count) for count in (200, 900)]
        digests = {places.published(output, each).sha256 for each in tables}
        stop, stopping, results, telling = pipes
        code = (
            "import sys; from tests.outputs.test_crash import poll; "
            "poll(sys.argv[1], set(sys.argv[2].split()), *map(int, sys.argv[3:]))"
        )
        with subprocess.Popen(
            [
                sys.executable,
                "-c",
                code,
                str(path),
                " ".join(digests),
                str(stop),
                str(telling),
            ],
            cwd=ROOT,
            pass_fds=(stop, telling),
        ):
            assert os.read(results, 1) == b"!"  # it is polling
            for number in range(100):
                places.published(output, tables[number % 2], f"run-{number}")
            os.close(stopping)
            reads, wrong = map(int, os.read(results, 100).split())
        assert wrong == 0
        assert reads > 100
