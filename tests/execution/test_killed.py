"""A run that is killed, or that loses its power, is resumed as if nothing had been.

`python -m tests.execution.killed` does the same for longer.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.capture.reader import open_capture
from batchfind.cli.main import execute
from batchfind.errors import StorageError
from tests.execution.killed import Sweep
from tests.execution.killed_run import Moment, Run, contents, slow_scp

PATIENTS = [f"A{number:05}" for number in range(60)]
Damage: TypeAlias = Callable[[bytearray, random.Random], None]


@pytest.fixture
def chance() -> random.Random:
    """Another course of events each time; a failure shows which."""
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")  # noqa: T201 - pytest shows it with a failure
    return random.Random(seed)  # noqa: S311 - any moment will do


class TestKilled:
    def test_nothing_is_lost_or_doubled_whenever_it_is_killed(
        self, tmp_path: Path, chance: random.Random
    ) -> None:
        sweep = Sweep(tmp_path, 60, chance.randrange(1_000_000))
        figures = sweep.go(2, 0.002)
        assert figures.kills == 2
        assert figures.runs >= 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, int]]:
    """A run nobody interrupted, and the port of the SCP it asked."""
    folder = tmp_path_factory.mktemp("power")
    with slow_scp(folder / "asked.txt", 0.01) as port:
        run = Run(folder / "whole", port, PATIENTS)
        assert run.carry_on(None) is None
        yield run, port


@pytest.fixture(scope="module")
def killed(whole: tuple[Run, int]) -> Run:
    """A run killed with its write-ahead log on the disk."""
    run, port = whole
    for number in range(50):
        killed = Run(run.folder.parent / f"killed-{number}", port, PATIENTS)
        killed.carry_on(Moment(0.05 + 0.02 * number, begun=True))
        directory = killed.directory
        if directory is not None and _wal(directory).exists():
            with open_capture(directory / "run.db") as capture:
                ended = [bool(capture.attempts(f"0.{n}")) for n in range(len(PATIENTS))]
            if any(ended):
                return killed
    pytest.fail("never killed amid asking")


def _wal(directory: Path) -> Path:
    return directory / "run.db-wal"


def cut(log: bytearray, chance: random.Random) -> None:
    del log[chance.randrange(len(log)) :]


def flip(log: bytearray, chance: random.Random) -> None:
    log[chance.randrange(len(log))] ^= 1 << chance.randrange(8)


def tear(log: bytearray, chance: random.Random) -> None:
    """Sectors that never reached the disk, behind others that did."""
    begin = chance.randrange(len(log)) // 512 * 512
    log[begin : begin + 512] = bytes(len(log[begin : begin + 512]))


def extend(log: bytearray, chance: random.Random) -> None:
    log += bytes(chance.choice([4096, 32768, 100]))


def damaged(killed: Run, to: Path, damage: Damage, chance: random.Random) -> Path:
    """A copy of a run whose log lost its end."""
    shutil.copytree(killed.folder, to)
    (directory,) = (one.parent for one in to.glob("runs/killed/*/run.db"))
    log = bytearray(_wal(directory).read_bytes())
    damage(log, chance)
    _wal(directory).write_bytes(log)
    (directory / "run.db-shm").unlink(missing_ok=True)
    return directory


class TestPowerLoss:
    """A disk keeps what it was told to sync, and any part of what came behind it."""

    @pytest.mark.parametrize("damage", [cut, flip, tear, extend])
    def test_leaves_a_capture_that_is_whole_as_far_as_it_goes(
        self, killed: Run, tmp_path: Path, damage: Damage, chance: random.Random
    ) -> None:
        before = self._endings(killed.directory)
        for number in range(6):
            path = damaged(killed, tmp_path / str(number), damage, chance)
            assert self._endings(path) <= before

    def _endings(self, directory: Path | None) -> set[str]:
        assert directory is not None
        with open_capture(directory / "run.db") as capture:
            assert capture.verify() == []
            return {
                request.id
                for request in capture.requests()
                for attempt in capture.attempts(request.id)
                if attempt.ending is not None
            }

    @pytest.mark.parametrize("damage", [cut, tear])
    def test_is_resumed_to_the_same_bytes(
        self,
        whole: tuple[Run, int],
        killed: Run,
        tmp_path: Path,
        damage: Damage,
        chance: random.Random,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        directory = damaged(killed, tmp_path / "run", damage, chance)
        monkeypatch.chdir(tmp_path / "run")
        shutil.rmtree("out", ignore_errors=True)
        assert execute(["resume", str(directory), "--quiet"]) == 0
        # The plan holds absolute paths: outputs go where the killed run's would.
        out = killed.folder / "out"
        assert contents(out) == contents(whole[0].folder / "out")
        shutil.rmtree(out)


class TestADamagedCapture:
    def test_is_told_in_a_sentence_wherever_a_bit_has_turned(
        self,
        whole: tuple[Run, int],
        tmp_path: Path,
        chance: random.Random,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        directory = whole[0].directory
        assert directory is not None
        copy = tmp_path / directory.name
        shutil.copytree(directory, copy)
        sound = (copy / "run.db").read_bytes()
        told = 0
        for _ in range(15):
            content = bytearray(sound)
            flip(content, chance)
            (copy / "run.db").write_bytes(content)
            for command in ("status", "export"):
                code = execute([command, str(copy)])
                shown = "".join(capsys.readouterr())
                assert code in {0, 2, 3, 7}, (command, code, shown)
                assert "internal" not in shown
                assert "Traceback" not in shown
                told += code == 7
        assert told

    def test_names_the_request_whose_response_has_turned(
        self,
        whole: tuple[Run, int],
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        directory = whole[0].directory
        assert directory is not None
        copy = tmp_path / directory.name
        shutil.copytree(directory, copy)
        path = copy / "run.db"
        content = bytearray(path.read_bytes())
        with open_capture(path) as capture:
            payload = next(iter(capture.matches(1))).payload
            request = next(
                one.id
                for one in capture.requests()
                if capture.attempts(one.id)[0].number == 1
            )
        at = content.find(payload[-24:])
        assert at > 0
        content[at] ^= 1
        path.write_bytes(content)
        with open_capture(path) as capture, pytest.raises(StorageError):
            list(capture.matches(1))
        for command in ("export", "resume"):
            assert execute([command, str(copy)]) == 7
            shown = "".join(capsys.readouterr())
            assert f"request {request}" in shown
            assert str(path) in shown


class TestARunDirectoryThatIsTakenAway:
    @pytest.mark.parametrize("how", ["deleted", "moved"])
    def test_ends_the_run_with_a_sentence_and_exit_7(
        self, whole: tuple[Run, int], tmp_path: Path, how: str
    ) -> None:
        many = [f"A{number:05}" for number in range(600)]
        run = Run(tmp_path / "run", whole[1], many)

        def take(directory: Path) -> None:
            if how == "deleted":
                shutil.rmtree(directory)
            else:
                directory.rename(tmp_path / "elsewhere")

        code, told = run.disturbed(take)
        assert code == 7
        assert "run.db: it was moved or deleted during the run" in told
        assert "Traceback" not in told
        assert not (run.folder / "out").exists()
