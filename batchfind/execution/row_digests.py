"""The rows of a family as digests, in a database that needs little memory."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, Self

from batchfind.errors import StorageError

_CACHED_KIB: Final = 8192
_TABLE: Final = (
    "CREATE TABLE row (seq INTEGER PRIMARY KEY, request INTEGER, response INTEGER, "
    "key BLOB, content BLOB, on_axis INTEGER)"
)
_INDEX: Final = "CREATE INDEX by_key ON row (key, request)"
_ITEMS: Final = "CREATE TABLE item (request INTEGER, response INTEGER, key BLOB)"
_ITEM_INDEXES: Final = (
    "CREATE INDEX item_by_key ON item (key, request)",
    "CREATE INDEX item_by_response ON item (request, response)",
)
_ADD: Final = (
    "INSERT INTO row (request, response, key, content, on_axis) VALUES (?, ?, ?, ?, ?)"
)
_ADD_ITEM: Final = "INSERT INTO item (request, response, key) VALUES (?, ?, ?)"
_LOST: Final = (
    "SELECT count(*) FROM row AS one WHERE one.seq > ? AND one.seq <= ? AND on_axis "
    "AND NOT EXISTS (SELECT 1 FROM row AS other WHERE other.key = one.key "
    "AND other.request > ? AND other.request <= ?)"
)
_ADDED: Final = (
    "SELECT count(DISTINCT key) FROM row AS one WHERE one.seq > ? AND one.seq <= ? "
    "AND NOT EXISTS (SELECT 1 FROM row AS own WHERE own.key = one.key "
    "AND own.request = ?) AND NOT EXISTS (SELECT 1 FROM item AS own "
    "WHERE own.key = one.key AND own.request = ?)"
)
_COVERED: Final = (
    "SELECT response FROM item AS one WHERE one.request = ? GROUP BY response "
    "HAVING min(EXISTS (SELECT 1 FROM row AS other WHERE other.key = one.key "
    "AND other.request > ? AND other.request <= ?) "
    "OR EXISTS (SELECT 1 FROM item AS other WHERE other.key = one.key "
    "AND other.request > ? AND other.request <= ?))"
)
_REMOVE: Final = "DELETE FROM row WHERE seq > ? AND seq <= ? AND response = ?"
_REPEATED: Final = (
    "SELECT response FROM row AS one WHERE one.seq > ? AND one.seq <= ? "
    "AND EXISTS (SELECT 1 FROM row AS other WHERE other.key = one.key "
    "AND other.request > ? AND other.request <= ?)"
)
_DISTRUST: Final = (
    "UPDATE row SET key = content WHERE key IN "
    "(SELECT key FROM row GROUP BY key, request HAVING count(*) > 1)"
)
_SORTED: Final = "SELECT key, request, response, content FROM row ORDER BY key, seq"


class Row(NamedTuple):
    """A response, by what tells it apart.

    Attributes:
        request: position of its request in plan order.
        response: its index within the request, from 0.
        key: digest of its identity; `content` where it has none.
        content: digest of its Identifier as received.
        on_axis: it has a value in the key by which its request was cut.
    """

    request: int
    response: int
    key: bytes
    content: bytes
    on_axis: bool


class RowDigests:
    """Rows of one scope at a time, in a temporary database.

    SQLite holds it in a cache of fixed size and writes what is more to a file that
    has no name. Use it in a `with` statement. Every method raises StorageError when
    there is no room for that file.
    """

    def __init__(self) -> None:
        """An empty one."""
        self._db = sqlite3.connect("", isolation_level=None)
        self._ends: dict[int, tuple[int, int]] = {}
        self._order: list[int] = []
        self._count = 0
        for name, value in (
            ("journal_mode", "OFF"),
            ("synchronous", "OFF"),
            ("cache_size", f"-{_CACHED_KIB}"),
        ):
            self._do(f"PRAGMA {name}={value}")
        # One transaction that never ends, for every one that does costs a write.
        self._do("BEGIN")

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forgets everything."""
        self._db.close()

    def begin(self) -> None:
        """Forgets all rows, to hold those of the next scope."""
        for table, definition in (("row", _TABLE), ("item", _ITEMS)):
            self._do(f"DROP TABLE IF EXISTS {table}")
            self._do(definition)
        self._ends, self._order, self._count = {}, [], 0

    def add(self, request: int, rows: Iterable[Row]) -> None:
        """More rows of a request; those of one request come one after another."""
        try:
            added = self._db.executemany(_ADD, rows).rowcount
        except sqlite3.Error as error:
            raise _no_room(error) from error
        if request not in self._ends:
            self._order.append(request)
        first, _ = self._ends.get(request, (self._count, self._count))
        self._count += max(added, 0)
        self._ends[request] = first, self._count

    def end(self) -> None:
        """Must be called when all rows were added, before any question is asked."""
        for index in (_INDEX, *_ITEM_INDEXES):
            self._do(index)

    def add_items(self, request: int, response: int, keys: Iterable[bytes]) -> None:
        """What tells the items of a response with several of them apart."""
        try:
            self._db.executemany(_ADD_ITEM, ((request, response, key) for key in keys))
        except sqlite3.Error as error:
            raise _no_room(error) from error

    def added(self, request: int, last: int) -> int:
        """Different rows of those after a request, up to `last`, that it lacks."""
        after, until = self._end_of(request), self._end_of(last)
        ((count,),) = self._read(_ADDED, after, until, request, request)
        return int(count)

    def covered(self, request: int, last: int) -> list[int]:
        """Responses of several items that all come back after it, up to `last`."""
        bounds = request, last
        found = self._read(_COVERED, request, *bounds, *bounds)
        return [response for (response,) in found]

    def remove(self, request: int, response: int) -> None:
        """Forgets a row."""
        self._do(_REMOVE, *self._own(request), response)

    def lost(self, request: int, last: int) -> int:
        """Rows of a request that come back in none of those after it, up to `last`.

        Only those count that have a value in the key by which it was cut.
        """
        ((count,),) = self._read(_LOST, *self._own(request), request, last)
        return int(count)

    def repeated(self, request: int, last: int) -> Iterator[int]:
        """Responses of a request that come back in those after it, up to `last`."""
        found = self._read(_REPEATED, *self._own(request), request, last)
        return (response for (response,) in found)

    def distrust_repeated_keys(self) -> None:
        """Has rows known by content whose key some request holds twice.

        Such a key tells nothing apart.
        """
        self._do(_DISTRUST)

    def sorted(self) -> Iterator[tuple[bytes, int, int, bytes]]:
        """Key, request, response and content, by key and then in plan order."""
        return self._read(_SORTED)

    def _own(self, request: int) -> tuple[int, int]:
        """Numbers of the rows before the first, and of the last, of a request."""
        return self._ends.get(request, (0, 0))

    def _end_of(self, request: int) -> int:
        """Number of the last row of a request, and of all before it."""
        at = bisect_right(self._order, request)
        return self._ends[self._order[at - 1]][1] if at else 0

    def _do(self, statement: str, *values: int) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise _no_room(error) from error

    def _read(self, statement: str, *values: int) -> Iterator[Any]:
        try:
            yield from self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise _no_room(error) from error


def _no_room(error: sqlite3.Error) -> StorageError:
    return StorageError(
        f"rows cannot be compared: {error}: make room in the folder for temporary "
        "files, or name another in SQLITE_TMPDIR"
    )
