from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from batchfind.capture.entries import Note
from batchfind.capture.journal import QUEUE_BYTES, Journal
from batchfind.capture.reader import open_capture
from batchfind.dimse.messages import Matches
from batchfind.errors import LocalProtocolError, StorageError
from tests.capture.material import (
    FACTS,
    identifiers,
    matches,
    plan,
    stored_identifiers,
    success,
)

Journalled = Callable[[Callable[[Journal], Awaitable[None]]], None]


async def everything_fails(journal: Journal, why: str) -> None:
    with pytest.raises(StorageError, match=why):
        journal.begin("0", FACTS)
    with pytest.raises(StorageError, match=why):
        await journal.put(1, matches(b"x"))
    with pytest.raises(StorageError, match=why):
        journal.end(1, success())
    with pytest.raises(StorageError, match=why):
        journal.event("e", {})
    with pytest.raises(StorageError, match=why):
        journal.verdicts([])
    with pytest.raises(StorageError, match=why):
        await journal.barrier()
    with pytest.raises(StorageError, match=why):
        await journal.close()


class TestBackPressure:
    def test_put_waits_while_16_mib_are_queued(
        self, journalled: Journalled, database: Path
    ) -> None:
        part = matches(bytes(1 << 20))
        fits = QUEUE_BYTES >> 20

        async def body(journal: Journal) -> None:
            stall = sqlite3.connect(database, isolation_level=None)
            stall.execute("BEGIN IMMEDIATE")  # a real writer cannot go on now
            attempt = journal.begin("0", FACTS)
            for _ in range(fits):
                await journal.put(attempt, part)  # none of these waits
            waiting = asyncio.ensure_future(journal.put(attempt, part))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            stall.execute("ROLLBACK")
            stall.close()
            await waiting
            await journal.end(attempt, success(fits + 1))

        journalled(body)
        with open_capture(database) as capture:
            assert sum(len(part.ends) for part in capture.matches(1)) == fits + 1

    def test_a_single_set_may_be_larger_than_the_queue(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(bytes(QUEUE_BYTES + 1)))
            await journal.put(attempt, matches(b"next"))
            await journal.end(attempt, success(2))

        journalled(body)
        assert len(stored_identifiers(database, 1)) == 2

    def test_a_waiter_that_is_cancelled_leaves_nothing_behind(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(journal: Journal) -> None:
            stall = sqlite3.connect(database, isolation_level=None)
            stall.execute("BEGIN IMMEDIATE")
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(bytes(QUEUE_BYTES)))
            waiting = asyncio.ensure_future(journal.put(attempt, matches(b"x")))
            durable = asyncio.ensure_future(journal.barrier())
            await asyncio.sleep(0)
            waiting.cancel()
            durable.cancel()
            await asyncio.gather(waiting, durable, return_exceptions=True)
            stall.execute("ROLLBACK")
            stall.close()
            await journal.end(attempt, success(1))

        journalled(body)
        assert len(stored_identifiers(database, 1)) == 1


class TestClosing:
    def test_leaves_one_file_of_mode_0600(self, finished: Path) -> None:
        assert [entry.name for entry in finished.parent.iterdir()] == ["run.db"]
        assert stat.S_IMODE(finished.stat().st_mode) == 0o600

    def test_twice_is_once(self, journalled: Journalled) -> None:
        async def body(journal: Journal) -> None:
            await journal.close()
            await journal.close()
            assert journal.wal
            assert journal.single_file

        journalled(body)

    def test_the_log_is_as_private_as_the_file(
        self, journalled: Journalled, database: Path
    ) -> None:
        async def body(_: Journal) -> None:
            for entry in database.parent.iterdir():
                assert stat.S_IMODE(entry.stat().st_mode) == 0o600

        journalled(body)

    def test_a_reader_that_does_not_let_go_is_not_waited_for_long(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("batchfind.capture.database._PATIENCE_WITH_READERS", 0.1)

        async def write() -> bool:
            journal = await Journal.create(database, {}, plan("0"))
            await journal.end(journal.begin("0", None), success())
            reader = sqlite3.connect(database, isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM meta").fetchall()
            await journal.close()
            reader.close()
            return journal.single_file

        assert not asyncio.run(write(), debug=True)
        with open_capture(database) as capture:
            assert len(capture.attempts("0")) == 1

    def test_cancelled_while_closing_loses_nothing(self, database: Path) -> None:
        async def write() -> None:
            journal = await Journal.create(database, {}, plan("0"))
            journal.end(journal.begin("0", None), success())
            closing = asyncio.ensure_future(journal.close())
            await asyncio.sleep(0)
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            journal._writer.join()

        asyncio.run(write(), debug=True)
        with open_capture(database) as capture:
            assert capture.attempts("0")[0].ending == success()

    def test_a_loop_that_ends_without_closing_loses_nothing_durable(
        self, database: Path
    ) -> None:
        async def write() -> Journal:
            journal = await Journal.create(database, {}, plan("0"))
            await journal.end(journal.begin("0", None), success())
            return journal

        journal = asyncio.run(write())
        # The loop is gone: the writer cannot report any more and ends.
        journal._writer.add(Note("now", "orphan", "{}"))
        journal._writer.join()
        with open_capture(database) as capture:
            assert capture.attempts("0")[0].ending == success()


class TestReopening:
    def test_numbers_go_on(self, finished: Path) -> None:
        async def again() -> None:
            journal = await Journal.reopen(finished)
            attempt = journal.begin("1", FACTS)
            await journal.put(attempt, matches(*identifiers(3)))
            await journal.end(attempt, success(20))
            await journal.close()

        asyncio.run(again(), debug=True)
        with open_capture(finished) as capture:
            found = [(a.number, a.ordinal) for a in capture.attempts("1")]
            assert found == [(2, 1), (3, 2)]
            assert capture.verify() == []
            assert "journal-reopened" in [event.kind for event in capture.events()]
        assert stored_identifiers(finished, 3) == identifiers(3)

    def test_needs_a_capture(self, tmp_path: Path) -> None:
        async def again(path: Path) -> None:
            with pytest.raises(StorageError, match=str(path)):
                await Journal.reopen(path)

        asyncio.run(again(tmp_path / "missing.db"))
        text = tmp_path / "text.db"
        text.write_text("no database " * 100)
        asyncio.run(again(text))
        empty = tmp_path / "empty.db"
        sqlite3.connect(empty).close()
        asyncio.run(again(empty))


class TestWithoutWriteAheadLogging:
    def test_a_file_system_that_refuses_it_gets_a_rollback_journal(
        self, database: Path
    ) -> None:
        # SQLite cannot map its shared memory: as on some network file systems.
        database.with_name("run.db-shm").mkdir()

        async def write() -> None:
            journal = await Journal.create(database, {}, plan("0"))
            assert not journal.wal
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(*identifiers(1)))
            await journal.end(attempt, success(20))
            await journal.close()
            assert journal.single_file

        asyncio.run(write(), debug=True)
        with open_capture(database) as capture:
            assert capture.events()[0].data["journal_mode"] == "delete"
            assert capture.verify() == []
        assert stored_identifiers(database, 1) == identifiers(1)


class TestFailure:
    def test_a_directory_that_vanishes_is_noticed(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        folder.mkdir()

        async def write() -> None:
            journal = await Journal.create(folder / "run.db", {}, plan("0"))
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(b"x"))
            await journal.barrier()
            shutil.rmtree(folder)
            ended = journal.end(attempt, success(1))
            with pytest.raises(StorageError, match="moved or deleted"):
                await ended
            await everything_fails(journal, "moved or deleted")

        asyncio.run(write(), debug=True)

    def test_a_directory_that_is_moved_keeps_what_was_durable(
        self, tmp_path: Path
    ) -> None:
        folder = tmp_path / "run"
        folder.mkdir()

        async def write() -> None:
            journal = await Journal.create(folder / "run.db", {}, plan("0"))
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(b"x"))
            await journal.barrier()
            folder.rename(tmp_path / "elsewhere")
            with pytest.raises(StorageError):
                await journal.close()

        asyncio.run(write(), debug=True)
        assert stored_identifiers(tmp_path / "elsewhere" / "run.db", 1) == [b"x"]

    def test_no_put_waits_for_ever(
        self, database: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Another process holds the file for longer than we are patient.
        monkeypatch.setattr("batchfind.capture.database._PATIENCE", 0.2)

        async def write() -> None:
            journal = await Journal.create(database, {}, plan("0"))
            stall = sqlite3.connect(database, isolation_level=None)
            stall.execute("BEGIN IMMEDIATE")
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, matches(bytes(QUEUE_BYTES)))
            with pytest.raises(StorageError, match="another process holds it"):
                await journal.put(attempt, matches(b"x"))
            stall.close()
            await everything_fails(journal, "another process")

        asyncio.run(write(), debug=True)

    def test_our_own_mistake_in_the_writer_is_no_storage_error(
        self, database: Path
    ) -> None:
        async def write() -> None:
            journal = await Journal.create(database, {}, plan("0"))
            attempt = journal.begin("0", FACTS)
            await journal.put(attempt, Matches(1, b"abc", [9], [0xFF00]))
            with pytest.raises(LocalProtocolError):
                await journal.barrier()
            with pytest.raises(LocalProtocolError):
                await journal.close()

        asyncio.run(write(), debug=True)

    def test_a_missing_directory_is_one_sentence(self, tmp_path: Path) -> None:
        async def create() -> None:
            with pytest.raises(StorageError, match="No such file"):
                await Journal.create(tmp_path / "no" / "run.db", {}, plan("0"))

        asyncio.run(create(), debug=True)

    @pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
    def test_a_failed_journal_leaves_no_file_open(self, tmp_path: Path) -> None:
        folder = tmp_path / "run"
        folder.mkdir()

        async def write() -> None:
            journal = await Journal.create(folder / "run.db", {}, plan("0"))
            shutil.rmtree(folder)
            with pytest.raises(StorageError):
                await journal.barrier()
            journal._writer.join()

        asyncio.run(write(), debug=True)
        descriptors = Path("/proc/self/fd").iterdir()
        names = [str(fd.readlink()) for fd in descriptors if fd.is_symlink()]
        assert not [name for name in names if str(folder) in name]
