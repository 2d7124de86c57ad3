"""Rows of the run database with their types checked: damage may be anywhere."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from batchfind.capture.chain import Asked
from batchfind.capture.codec import Packed
from batchfind.capture.database import storage_error
from batchfind.errors import LocalProtocolError, StorageError

REMEDY: Final = "restore the capture from a copy, or run the job again"
_LARGEST: Final = (1 << 32) - 1


class AttemptRow(NamedTuple):
    """An attempt as its chain binds it, documents as text."""

    number: int
    ordinal: int
    facts: str | None
    ending: str | None
    head: bytes
    asked: Asked


class MatchesRow(NamedTuple):
    """A stored set of matches: index of its first response, bytes, link."""

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
        rows = self.select(
            "SELECT ordinal, facts, ending, head, request, key, spec FROM attempt "
            "LEFT JOIN request ON id=request WHERE number=?",
            number,
        )
        if not rows:
            raise LocalProtocolError(f"there is no attempt {number} in {self._path}")
        ordinal, facts, ending, head, *asked = rows[0]
        texts = [text for text in (facts, ending) if text is not None] + asked
        if not all(isinstance(text, str) for text in texts):
            raise StorageError(f"{self._path}: attempt {number} is damaged: {REMEDY}")
        return AttemptRow(number, ordinal, facts, ending, head, Asked(*asked))

    def matches(self, attempt: int, sequence: int) -> MatchesRow | None:
        """One set of matches, or None beyond the last."""
        rows = self.select(
            "SELECT first, count, raw_bytes, codec, link, payload FROM matches "
            "WHERE attempt=? AND sequence=?",
            attempt,
            sequence,
        )
        if not rows:
            return None
        first, count, raw_bytes, codec, link, payload = rows[0]
        numbers = all(
            isinstance(number, int) and 0 <= number <= _LARGEST
            for number in (first, count, raw_bytes)
        )
        if not (numbers and isinstance(codec, str) and isinstance(payload, bytes)):
            raise StorageError(
                f"{self._path}: attempt {attempt}: set {sequence} of its responses is "
                f"damaged: {REMEDY}"
            )
        return MatchesRow(first, Packed(codec, count, raw_bytes, payload), link)
