"""Rows of the run database with their types checked: damage may be anywhere."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from batchfind.capture.chain import Asked
from batchfind.capture.codec import Packed
from batchfind.capture.database import storage_error
from batchfind.errors import LocalProtocolError, StorageError

REMEDY: Final = "restore the capture from a copy, or run the job again"
_LARGEST: Final = (1 << 32) - 1
_ONE_SET: Final = (
    "SELECT attempt, sequence, first, count, raw_bytes, codec, link, payload "
    "FROM matches WHERE attempt=? AND sequence=?"
)
_ALL_SETS: Final = (
    "SELECT attempt, sequence, first, count, raw_bytes, codec, link, payload "
    "FROM matches WHERE attempt IN (SELECT value FROM json_each(?)) "
    "ORDER BY attempt, sequence"
)


class AttemptRow(NamedTuple):
    """An attempt as its chain binds it, documents as text."""

    number: int
    ordinal: int
    facts: str | None
    ending: str | None
    head: bytes
    asked: Asked


class MatchesRow(NamedTuple):
    """A stored set of matches: number, index of its first response, bytes, link."""

    sequence: int
    first: int
    packed: Packed
    link: bytes


class Rows:
    """Reads rows; every error of SQLite leaves it as a StorageError."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Reads from `connection`, which its owner closes; `path` is for messages."""
        self._db = connection
        self._path = path

    def select(self, statement: str, *values: str | int) -> list[tuple[Any, ...]]:
        """All rows at once: an open cursor would hold a lock on the capture."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise storage_error(self._path, error) from error

    def attempt(self, number: int) -> AttemptRow:
        """One attempt. Raises LocalProtocolError when there is none."""
        return self.attempts([number])[number]

    def attempts(self, numbers: list[int]) -> dict[int, AttemptRow]:
        """Attempts by number. Raises LocalProtocolError when one is missing."""
        rows = self.select(
            "SELECT number, ordinal, facts, ending, head, request, key, spec FROM "
            "attempt LEFT JOIN request ON id=request "
            "WHERE number IN (SELECT value FROM json_each(?))",
            json.dumps(numbers),
        )
        found = {row[0]: self._attempt(*row) for row in rows}
        for number in numbers:
            if number not in found:
                raise LocalProtocolError(
                    f"there is no attempt {number} in {self._path}"
                )
        return found

    def matches(self, attempt: int) -> Iterator[MatchesRow]:
        """The sets of an attempt, one at a time; they end before one that lacks."""
        for sequence in count():
            rows = self.select(_ONE_SET, attempt, sequence)
            if not rows:
                return
            yield self._set(rows.pop())  # held by nobody here: it may be large

    def matches_of(self, attempts: list[int]) -> dict[int, list[MatchesRow]]:
        """All sets of some attempts, by attempt; nothing for one without any."""
        rows = self.select(_ALL_SETS, json.dumps(attempts))
        found: dict[int, list[MatchesRow]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(self._set(row))
        return found

    def _attempt(
        self,
        number: int,
        ordinal: int,
        facts: str | None,
        ending: str | None,
        head: bytes,
        *asked: str,
    ) -> AttemptRow:
        texts = [*(text for text in (facts, ending) if text is not None), *asked]
        if not all(isinstance(text, str) for text in texts):
            raise StorageError(f"{self._path}: attempt {number} is damaged: {REMEDY}")
        return AttemptRow(number, ordinal, facts, ending, head, Asked(*asked))

    def _set(self, row: tuple[Any, ...]) -> MatchesRow:
        attempt, sequence, first, responses, raw_bytes, codec, link, payload = row
        numbers = all(
            isinstance(number, int) and 0 <= number <= _LARGEST
            for number in (first, responses, raw_bytes)
        )
        if not (numbers and isinstance(codec, str) and isinstance(payload, bytes)):
            raise StorageError(
                f"{self._path}: attempt {attempt}: set {sequence} of its responses is "
                f"damaged: {REMEDY}"
            )
        packed = Packed(codec, responses, raw_bytes, payload)
        return MatchesRow(sequence, first, packed, link)
