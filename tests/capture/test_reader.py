from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batchfind.capture.chain import first_link, next_link
from batchfind.capture.codec import Packed
from batchfind.capture.reader import open_capture
from batchfind.errors import LocalProtocolError, StorageError
from tests.capture.material import identifiers

READ_AS_NOBODY = """
import os, sys
from pathlib import Path
import pyarrow  # now: afterwards its files may be out of reach
from batchfind.capture.reader import open_capture
from batchfind.errors import StorageError
path = Path(sys.argv[1])
if not os.geteuid():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
assert not os.access(path.parent, os.W_OK) or not os.access(path, os.R_OK)
try:
    with open_capture(path) as capture:
        print(capture.verify(), len(list(capture.matches(1))))
except StorageError as error:
    print(error)
"""


def read_as_nobody(path: Path) -> str:
    """Without root's power to read and write everywhere: what is wrong, and sets."""
    return subprocess.run(
        [sys.executable, "-c", READ_AS_NOBODY, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    ).stdout


@pytest.fixture
def public(finished: Path) -> Iterator[Path]:
    """The finished capture in a read-only directory that everyone may enter."""
    folders = [finished.parent, *finished.parents]
    modes = {
        folder: folder.stat().st_mode
        for folder in folders
        if folder.owner() == finished.owner() and "pytest" in str(folder)
    }
    for folder in modes:
        folder.chmod(0o755)
    finished.chmod(0o444)
    finished.parent.chmod(0o555)
    yield finished
    for folder, mode in modes.items():
        folder.chmod(mode)


def change(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)


class TestFinishedRun:
    def test_opens_in_a_read_only_directory(self, public: Path) -> None:
        assert read_as_nobody(public) == "[] 2\n"

    def test_in_wal_mode_opens_there_when_its_log_is_gone(self, public: Path) -> None:
        public.parent.chmod(0o755)
        change(public, "PRAGMA journal_mode=WAL")
        public.parent.chmod(0o555)
        assert read_as_nobody(public) == "[] 2\n"

    def test_is_not_changed_by_reading(self, finished: Path) -> None:
        before = finished.read_bytes()
        with open_capture(finished) as capture:
            capture.verify()
        assert finished.read_bytes() == before
        assert [entry.name for entry in finished.parent.iterdir()] == ["run.db"]

    def test_path_may_hold_any_character(self, finished: Path) -> None:
        odd = finished.with_name("50% #1? ä") / "run.db"
        odd.parent.mkdir()
        shutil.copy(finished, odd)
        with open_capture(odd) as capture:
            assert capture.meta["job"] == "nightly"


class TestRequests:
    def test_come_in_plan_order(self, finished: Path) -> None:
        for name in ("10", "2.1", "2.0", "2.0.11", "2.0.9"):
            change(
                finished,
                "INSERT INTO request VALUES (?, '2', 'q', 'p', 'k', '{}', 'split')",
                name,
            )
        with open_capture(finished) as capture:
            order = [request.id for request in capture.requests()]
        assert order == ["0", "1", "2", "2.0", "2.0.9", "2.0.11", "2.1", "10"]

    def test_that_were_never_asked_have_no_attempts(self, finished: Path) -> None:
        with open_capture(finished) as capture:
            assert capture.attempts("2") == ()
            assert capture.attempts("no such request") == ()
            assert capture.verdicts() == {}

    def test_an_attempt_that_is_not_there_is_our_mistake(self, finished: Path) -> None:
        with open_capture(finished) as capture:
            with pytest.raises(LocalProtocolError):
                next(capture.matches(99))
            with pytest.raises(LocalProtocolError):
                next(capture.matches_of([1, 99]))


class TestAttemptsReadAtOnce:
    def test_have_the_same_responses_in_the_order_asked_for(
        self, finished: Path
    ) -> None:
        with open_capture(finished) as capture:
            alone = [(1, each) for each in capture.matches(1)]
            assert len(alone) == 2
            assert list(capture.matches_of([2, 1])) == alone
            assert list(capture.matches_of([])) == []


class TestWrongFiles:
    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="there is no capture here"):
            open_capture(tmp_path / "run.db")

    @pytest.mark.parametrize("content", [b"text " * 1000, b"\0" * 4096])
    def test_no_database(self, database: Path, content: bytes) -> None:
        database.write_bytes(content)
        with pytest.raises(StorageError, match="not a capture"):
            open_capture(database)

    def test_an_empty_file(self, database: Path) -> None:
        database.touch()
        with pytest.raises(StorageError, match="not a capture"):
            open_capture(database)

    def test_a_database_of_others(self, finished: Path) -> None:
        change(finished, "PRAGMA application_id=1")
        with pytest.raises(StorageError, match="not a capture"):
            open_capture(finished)

    def test_another_version(self, finished: Path) -> None:
        change(finished, "PRAGMA user_version=2")
        with pytest.raises(StorageError, match="version 2, this batchfind reads"):
            open_capture(finished)

    def test_a_capture_cut_short(self, finished: Path) -> None:
        os.truncate(finished, 40_000)
        with pytest.raises(StorageError, match=r"run\.db"):  # noqa: SIM117
            with open_capture(finished) as capture:
                list(capture.matches(1))

    def test_a_crashed_run_in_a_read_only_directory_without_shared_memory(
        self, public: Path
    ) -> None:
        public.parent.chmod(0o755)
        change(public, "PRAGMA journal_mode=WAL")
        public.with_name("run.db-wal").write_bytes(b"log")
        public.parent.chmod(0o555)
        assert "cannot be opened" in read_as_nobody(public)

    def test_a_file_that_may_not_be_read(self, finished: Path) -> None:
        finished.chmod(0)
        for folder in (finished.parent, *finished.parents):
            if "pytest" in str(folder):
                folder.chmod(0o755)
        assert "owner and mode" in read_as_nobody(finished)


class TestChanged:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE matches SET payload=payload || x'00' WHERE sequence=1",
            "UPDATE matches SET count=count + 1 WHERE sequence=0",
            "UPDATE matches SET first=first + 1 WHERE sequence=1",
            "UPDATE matches SET first=-1 WHERE sequence=1",
            "UPDATE matches SET raw_bytes='many' WHERE sequence=1",
            "UPDATE matches SET codec='plain' WHERE sequence=0",
            "UPDATE matches SET codec=x'00' WHERE sequence=0",
            "UPDATE matches SET link=zeroblob(32) WHERE sequence=0",
            "UPDATE matches SET link='text' WHERE sequence=0",
            "DELETE FROM matches WHERE sequence=0",
            "DELETE FROM matches WHERE sequence=1",
            "UPDATE matches SET sequence=2 WHERE sequence=1",
            "UPDATE attempt SET ending=replace(ending, '40', '41') WHERE number=1",
            "UPDATE attempt SET ending=NULL WHERE number=1",
            "UPDATE attempt SET facts=NULL WHERE number=1",
            "UPDATE attempt SET facts=x'7b7d' WHERE number=1",
            "UPDATE attempt SET ordinal=2 WHERE number=1",
            "UPDATE attempt SET head=zeroblob(32) WHERE number=1",
            "UPDATE attempt SET request='2' WHERE number=1",
            "UPDATE attempt SET request='gone' WHERE number=1",
            "UPDATE request SET key='other' WHERE id='0'",
            "UPDATE request SET spec='{}' WHERE id='0'",
        ],
    )
    def test_any_change_behind_our_back_is_found(
        self, finished: Path, statement: str
    ) -> None:
        change(finished, statement)
        with open_capture(finished) as capture:
            (fault,) = capture.verify()
            assert fault.attempt == 1
            with pytest.raises(StorageError):
                list(capture.matches(1))
            with pytest.raises(StorageError):
                list(capture.matches_of([2, 1]))
            assert list(capture.matches(2)) == []

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE request SET spec='[]' WHERE id='2'",
            "UPDATE request SET id='x' WHERE id='2'",
            "INSERT INTO verdict (request, document) VALUES ('0', '{}')",
            "UPDATE event SET data='nonsense'",
        ],
    )
    def test_a_damaged_document_is_a_fault_of_the_file(
        self, finished: Path, statement: str
    ) -> None:
        change(finished, statement)
        with open_capture(finished) as capture:
            (fault,) = capture.verify()
        assert fault.attempt is None

    @pytest.mark.parametrize("table", ["attempt", "request"])
    def test_a_missing_table_is_a_fault_not_a_crash(
        self, finished: Path, table: str
    ) -> None:
        change(finished, f"DROP TABLE {table}")
        with open_capture(finished) as capture:
            assert capture.verify()

    def test_a_missing_meta_table_is_said_at_once(self, finished: Path) -> None:
        change(finished, "DROP TABLE meta")
        with pytest.raises(StorageError, match="meta"):
            open_capture(finished)

    def test_a_chain_forged_over_rubbish_is_found_too(self, finished: Path) -> None:
        rubbish = Packed("zstd", 1, 100, b"no frame")
        with open_capture(finished) as capture:
            row = capture._rows.attempt(2)
        start = first_link(2, row.ordinal, row.facts, row.asked)
        link = next_link(start, 0, 0, rubbish)
        change(
            finished,
            "INSERT INTO matches (attempt, sequence, first, count, codec, raw_bytes, "
            "link, payload) VALUES (2, 0, 0, 1, 'zstd', 100, ?, ?)",
            link,
            rubbish.payload,
        )
        with (
            open_capture(finished) as capture,
            pytest.raises(StorageError, match="responses from 0: its compressed bytes"),
        ):
            list(capture.matches(2))

    @pytest.mark.parametrize("seed", range(8))
    def test_a_flipped_bit_in_the_file_is_found(
        self, finished: Path, seed: int
    ) -> None:
        content = bytearray(finished.read_bytes())
        with closing(sqlite3.connect(finished)) as connection:
            (stored,) = connection.execute("SELECT payload FROM matches").fetchone()
        begin = content.find(stored)
        assert begin > 0
        chance = random.Random(seed)  # noqa: S311
        content[begin + chance.randrange(len(stored))] ^= 1 << chance.randrange(8)
        finished.write_bytes(content)
        with open_capture(finished) as capture:
            faults = capture.verify()
            assert [(fault.attempt, fault.request) for fault in faults] == [(1, "0")]

    @pytest.mark.parametrize("seed", range(40))
    def test_damage_anywhere_never_gives_other_bytes(
        self, finished: Path, seed: int
    ) -> None:
        content = bytearray(finished.read_bytes())
        chance = random.Random(seed)  # noqa: S311
        for _ in range(chance.choice([1, 30, 300])):
            content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
        finished.write_bytes(content)
        whole = b"".join(identifiers(1) + identifiers(2))
        try:
            with open_capture(finished) as capture:
                capture.verify()
                stored = b"".join(part.payload for part in capture.matches(1))
        except (StorageError, LocalProtocolError):
            return
        assert stored == whole
