"""The only writing connection to run.db; used by one thread."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from batchfind.capture.chain import Asked, first_link, last_link, next_link
from batchfind.capture.codec import pack
from batchfind.capture.creation import create_database, insert_requests
from batchfind.capture.database import (
    check_identity,
    connect,
    connect_writing,
    leave_wal,
)
from batchfind.capture.documents import to_document
from batchfind.capture.entries import (
    Barrier,
    Begin,
    Close,
    End,
    Entry,
    Grow,
    Judge,
    Note,
    Put,
)
from batchfind.errors import StorageError
from batchfind.plan.model import Plan

_LARGE: Final = 64 << 10
_HUGE: Final = 2 << 20
_INSERT_SET: Final = (
    "INSERT INTO matches (attempt, sequence, first, count, codec, raw_bytes, link, "
    "payload)"
)
"""Bytes of a set that does not wait for others of its transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What the loop must know of the store.

    Attributes:
        wal: write-ahead logging is on.
        requests: ids of all requests.
        born: request keys of those that the plan does not hold, by id.
        ordinals: attempts so far of each request that has any.
        last: highest attempt number, 0 for none.
    """

    wal: bool
    requests: frozenset[str]
    born: Mapping[str, str]
    ordinals: Mapping[str, int]
    last: int


class Store:
    """Applies entries within transactions that its owner begins and commits.

    Small entries of one transaction are written together, so that an attempt which
    begins and ends within it costs few statements.
    """

    def __init__(self, path: Path) -> None:
        """Opens an existing file; use `create` or `reopen`."""
        self._path = path
        self._inode = path.stat().st_ino
        self._links: dict[int, bytes] = {}
        self._waiting: list[Entry] = []
        self._asked: dict[str, Asked] = {}
        self._begun: dict[int, tuple[Any, ...]] = {}
        self._sets: list[tuple[Any, ...]] = []
        self._ended: list[tuple[Any, ...]] = []
        self._db, self.wal = connect_writing(path)
        self._db.execute("PRAGMA foreign_keys=ON")

    @classmethod
    def create(cls, path: Path, meta: Mapping[str, str], plan: Plan) -> Store:
        """A new run.db that holds the whole plan.

        Raises:
            StateError: there is one already.
            sqlite3.Error, OSError: it cannot be written.
        """
        create_database(path, meta, plan)
        return cls._opened(path, "journal-created")

    @classmethod
    def reopen(cls, path: Path) -> Store:
        """The run.db of an earlier execution, also of one that was killed.

        Raises:
            StorageError: it is no capture of this version.
            sqlite3.Error, OSError: it cannot be written.
        """
        # Looked at before the first write: it may be a database of others.
        reader = connect(path, "mode=rw")
        try:
            check_identity(reader, path)
        finally:
            reader.close()
        return cls._opened(path, "journal-reopened")

    @classmethod
    def _opened(cls, path: Path, kind: str) -> Store:
        store = cls(path)
        try:
            store._note_opening(kind)
        except BaseException:
            store.abandon()
            raise
        return store

    def opened(self) -> Opened:
        """What the loop must know before it begins attempts."""
        query = self._db.execute
        return Opened(
            wal=self.wal,
            requests=frozenset(i for (i,) in query("SELECT id FROM request")),
            born=dict(query("SELECT id, key FROM request WHERE origin <> 'plan'")),
            ordinals=dict(
                query("SELECT request, max(ordinal) FROM attempt GROUP BY request")
            ),
            last=query("SELECT coalesce(max(number), 0) FROM attempt").fetchone()[0],
        )

    def begin(self) -> None:
        """Opens a transaction."""
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Makes the transaction durable.

        Raises:
            StorageError: the file is no longer where it was.
            sqlite3.Error: it cannot be written.
        """
        self._write()
        # SQLite writes on into a file that was deleted and reports no error.
        try:
            there = self._path.stat().st_ino == self._inode
        except OSError:
            there = False
        if not there:
            raise StorageError(
                f"{self._path}: it was moved or deleted during the run: run again"
            )
        self._db.execute("COMMIT")

    def apply(self, entry: Entry) -> None:
        """Takes one entry for the current transaction."""
        self._waiting.append(entry)
        if isinstance(entry, Put) and entry.size >= _LARGE:
            self._write()

    def _write(self) -> None:
        """Writes the entries that are waiting; new requests before their attempts."""
        for entry in self._waiting:
            if isinstance(entry, Grow):
                insert_requests(self._db, entry.requests)
        self._look_up()
        for entry in self._waiting:
            self._take(entry)
        self._waiting.clear()
        self._insert()

    def _look_up(self) -> None:
        """What the attempts ask that are about to begin."""
        begun = {entry.request for entry in self._waiting if isinstance(entry, Begin)}
        rows = self._db.execute(
            "SELECT id, key, spec FROM request WHERE id IN "
            "(SELECT value FROM json_each(?))",
            (json.dumps(sorted(begun)),),
        )
        self._asked = {row[0]: Asked(*row) for row in rows}

    def _take(self, entry: Entry) -> None:
        match entry:
            case Put():
                self._put(entry)
            case Begin():
                self._begin(entry)
            case End():
                self._end(entry)
            case Note():
                self._note(entry)
            case Judge():
                self._judge(entry)
            case Grow() | Barrier() | Close():
                pass

    def finish(self) -> bool:
        """Closes the capture.

        Returns:
            Whether run.db is one file now; False when readers kept it in use.
        """
        self._db.execute("PRAGMA synchronous=FULL")
        self.begin()
        self._note(Note(_now(), "journal-closed", "{}"))
        self.commit()
        single = not self.wal or leave_wal(self._db)
        self._db.close()
        return single

    def abandon(self) -> None:
        """Closes the connection; what was committed stays."""
        self._db.close()

    def _note_opening(self, kind: str) -> None:
        facts = {
            "pid": os.getpid(),
            "host": platform.node(),
            "sqlite": sqlite3.sqlite_version,
            "journal_mode": "wal" if self.wal else "delete",
        }
        self.begin()
        self._note(Note(_now(), kind, to_document(facts)))
        self.commit()

    def _begin(self, entry: Begin) -> None:
        asked = self._asked[entry.request]
        facts = None if entry.facts is None else to_document(entry.facts)
        link = first_link(entry.attempt, entry.ordinal, facts, asked)
        self._links[entry.attempt] = link
        row = (entry.attempt, entry.request, entry.ordinal, facts)
        self._begun[entry.attempt] = (*row, None, link)

    def _put(self, entry: Put) -> None:
        packed = pack(entry.matches)
        link = self._links[entry.attempt]
        link = next_link(link, entry.sequence, entry.first, packed)
        self._links[entry.attempt] = link
        self._sets.append(
            (
                entry.attempt,
                entry.sequence,
                entry.first,
                packed.count,
                packed.codec,
                packed.raw_bytes,
                link,
                packed.payload,
            )
        )

    def _end(self, entry: End) -> None:
        ending = to_document(entry.ending)
        head = last_link(self._links.pop(entry.attempt), ending)
        begun = self._begun.get(entry.attempt)
        if begun is None:
            self._ended.append((ending, head, entry.attempt))
        else:
            self._begun[entry.attempt] = (*begun[:-2], ending, head)

    def _insert(self) -> None:
        """Writes the rows that are ready; an attempt comes before its sets."""
        many = self._db.executemany
        many(
            "INSERT INTO attempt (number, request, ordinal, facts, ending, head) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            self._begun.values(),
        )
        many(
            f"{_INSERT_SET} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [row for row in self._sets if len(row[-1]) <= _HUGE],
        )
        for row in self._sets:
            if len(row[-1]) > _HUGE:
                self._insert_huge(row)
        many("UPDATE attempt SET ending=?, head=? WHERE number=?", self._ended)
        for written in (self._begun, self._sets, self._ended):
            written.clear()

    def _insert_huge(self, row: tuple[Any, ...]) -> None:
        """A set written in pieces; SQLite copies whole values, twice."""
        *numbers, payload = row
        inserted = self._db.execute(
            f"{_INSERT_SET} VALUES (?, ?, ?, ?, ?, ?, ?, zeroblob(?))",
            (*numbers, len(payload)),
        ).lastrowid
        rest = memoryview(payload)
        with self._db.blobopen("matches", "payload", inserted or 0) as blob:
            while rest:
                blob.write(rest[:_HUGE])
                rest = rest[_HUGE:]

    def _note(self, entry: Note) -> None:
        self._db.execute(
            "INSERT INTO event (at, kind, data) VALUES (?, ?, ?)",
            (entry.at, entry.kind, entry.data),
        )

    def _judge(self, entry: Judge) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO verdict (request, document) VALUES (?, ?)",
            [(verdict.request, to_document(verdict)) for verdict in entry.verdicts],
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
