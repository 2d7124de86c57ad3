from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from tests.capture.material import FACTS, identifiers, matches, plan, success

ROOT = Path(__file__).parents[2]
SEEDS = 24


@pytest.fixture(scope="module")
def program() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("crash_writer.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed(
    program: subprocess.Popen[str], folder: Path, seed: int, seconds: float
) -> dict[str, int]:
    """Lets a capture be written, kills it, returns what was reported durable."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{folder} {seed} {seconds}\n")
    durable: dict[str, int] = {}
    while (line := program.stdout.readline().split()) != ["end"]:
        if len(line) == 2:
            durable[line[0]] = int(line[1])
    return durable


def expected(name: str, seed: int) -> list[bytes]:
    own = seed + int(name)
    sets = range(1 + own % 4)
    return [text for part in sets for text in identifiers(own * 10 + part)]


def check(path: Path, durable: dict[str, int], seed: int) -> int:
    """What was reported is there and whole; returns the number of endings."""
    ended = 0
    with open_capture(path) as capture:
        assert capture.verify() == []
        for request in capture.requests():
            for attempt in capture.attempts(request.id):
                parts = list(capture.matches(attempt.number))
                whole = expected(request.id, seed)
                received = b"".join(part.payload for part in parts)
                assert b"".join(whole).startswith(received)
                if attempt.ending is not None:
                    ended += 1
                    assert received == b"".join(whole)
                    assert attempt.ending.responses == len(whole)
        for name, number in durable.items():
            (attempt,) = capture.attempts(name)
            assert attempt.number == number
            assert attempt.ending is not None
    return ended


class TestKilled:
    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_at_any_moment_what_was_reported_is_there(
        self, program: subprocess.Popen[str], tmp_path: Path, seed: int
    ) -> None:
        seconds = 0.005 + 0.2 * random.Random(seed).random()  # noqa: S311
        durable = killed(program, tmp_path, seed, seconds)
        path = tmp_path / "run.db"
        while not path.exists():
            assert not durable  # killed before anything could be asked
            seconds *= 2
            durable = killed(program, tmp_path, seed, seconds)
        ended = check(path, durable, seed)
        assert ended >= len(durable)

        async def resume() -> None:
            journal = await Journal.reopen(path)
            await journal.end(journal.begin("0", None), success())
            await journal.close()

        asyncio.run(resume(), debug=True)
        assert [entry.name for entry in tmp_path.iterdir()] == ["run.db"]
        with open_capture(path) as capture:
            assert capture.verify() == []


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a run as they are in the middle of it."""
    folder = tmp_path_factory.mktemp("crashed")
    running = tmp_path_factory.mktemp("running")

    async def write() -> None:
        names = [str(number) for number in range(8)]
        journal = await Journal.create(running / "run.db", {}, plan(*names))
        for seed, name in enumerate(names):
            attempt = journal.begin(name, FACTS)
            for part in range(1 + seed % 4):
                await journal.put(attempt, matches(*identifiers(seed * 10 + part)))
            await journal.end(attempt, success(20 * (1 + seed % 4)))
        for file in running.iterdir():
            shutil.copy(file, folder)
        await journal.close()

    asyncio.run(write())
    assert (folder / "run.db-wal").stat().st_size
    return folder


class TestTornTail:
    """A power cut may leave any prefix of the log, and rubbish behind it."""

    def _copy(self, crashed: Path, to: Path) -> Path:
        for name in ("run.db", "run.db-wal"):
            shutil.copy(crashed / name, to / name)
        return to / "run.db"

    def test_any_cut_leaves_a_prefix(self, crashed: Path, tmp_path: Path) -> None:
        size = (crashed / "run.db-wal").stat().st_size
        endings = []
        for cut in range(size, size // 2, -(size // 60)):
            path = self._copy(crashed, tmp_path)
            os.truncate(tmp_path / "run.db-wal", cut)
            endings.append(check(path, {}, 0))
            (tmp_path / "run.db-shm").unlink(missing_ok=True)
        assert endings[0] == 8
        assert endings == sorted(endings, reverse=True)
        assert len(set(endings)) > 2

    @pytest.mark.parametrize("rubbish", [bytes(4096), b"\xff" * 5000])
    def test_rubbish_behind_the_log_is_ignored(
        self, crashed: Path, tmp_path: Path, rubbish: bytes
    ) -> None:
        path = self._copy(crashed, tmp_path)
        with (tmp_path / "run.db-wal").open("ab") as log:
            log.write(rubbish)
        assert check(path, {}, 0) == 8

    def test_an_unfinished_attempt_has_no_ending_but_its_responses(
        self, database: Path, tmp_path: Path
    ) -> None:
        copies = tmp_path / "copies"
        copies.mkdir()

        async def write() -> None:
            journal = await Journal.create(database, {}, plan("0"))
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(*identifiers(0)))
            await journal.barrier()
            for name in ("run.db", "run.db-wal"):
                shutil.copy(tmp_path / name, copies)
            await journal.close()

        asyncio.run(write())
        with open_capture(copies / "run.db") as capture:
            (attempt,) = capture.attempts("0")
            assert attempt.ending is None
            (part,) = capture.matches(1)
            assert part.payload == b"".join(identifiers(0))


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from batchfind.capture.journal import Journal
from batchfind.errors import StorageError
from tests.capture.material import FACTS, identifiers, matches, plan, success

async def write(path):
    journal = await Journal.create(path, {}, plan(*map(str, range(1000))))
    size = sum(file.stat().st_size for file in path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000,) * 2)
    try:
        for seed in range(1000):
            attempt = journal.begin(str(seed), FACTS)
            for part in range(1 + seed % 4):
                await journal.put(attempt, matches(*identifiers(seed * 10 + part)))
            await journal.end(attempt, success(20 * (1 + seed % 4)))
            print(seed, attempt, flush=True)
    except StorageError as error:
        print(error, flush=True)
    try:
        await journal.close()
    except StorageError:
        print("closed", flush=True)

asyncio.run(write(Path(sys.argv[1])), debug=True)
"""


class TestFullDisk:
    def test_is_a_storage_error_and_the_capture_so_far_is_whole(
        self, database: Path
    ) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", FULL_DISK, str(database)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        *lines, message, closed = done.stdout.splitlines()
        durable = {line.split()[0]: int(line.split()[1]) for line in lines}
        assert not done.stderr
        assert closed == "closed"
        assert "batchfind resume" in message
        assert str(database) in message
        assert 0 < len(durable) < 1000
        assert check(database, durable, 0) == len(durable)

        async def resume() -> None:
            journal = await Journal.reopen(database)
            attempt = journal.begin("999", FACTS)
            await journal.put(attempt, matches(b"more"))
            await journal.end(attempt, success(1))
            await journal.close()

        asyncio.run(resume())
        with open_capture(database) as capture:
            assert capture.verify() == []
