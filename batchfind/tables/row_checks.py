"""What a query's rows are as a whole, gathered while they go by."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.errors import StorageError
from batchfind.job.model import Expect
from batchfind.job.output_model import ColumnChoice, OutputOptions
from batchfind.plan.model import PlannedQuery
from batchfind.tables.schema import TableSchema, table_schema

_DIGEST_BYTES: Final = 16
_CACHED_KIB: Final = 8192
_COUNTED: Final = "bf_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFacts:
    """What was found out about all rows of a query.

    Attributes:
        rows: how many there are.
        empty: rows without a value, by column.
        repeated: rows whose values in the columns of `unique` an earlier row has.
    """

    rows: int = 0
    empty: Mapping[str, int] = field(default_factory=dict)
    repeated: int = 0


class RowChecks:
    """Takes in the rows of a query, for what its job expects of them.

    Use it in a `with` statement.

    Attributes:
        schemas: of the tables to give it: one, or none when nothing is expected.
    """

    def __init__(self, query: PlannedQuery) -> None:
        """Before the first row."""
        self.schemas: tuple[TableSchema, ...] = ()
        self._expect = expect = query.expect or Expect()
        if query.expect is not None:
            self.schemas = (_schema(query, expect),)
        self._rows = 0
        self._empty: Counter[str] = Counter()
        self._seen = _Seen() if expect.unique else None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forgets what must not stay."""
        if self._seen is not None:
            self._seen.close()

    def take(self, tables: Sequence[pa.RecordBatch]) -> None:
        """More rows.

        Args:
            tables: the last of them by `schemas`.

        Raises:
            StorageError: there is no room to compare them.
        """
        if not self.schemas:
            return
        rows = tables[-1]
        self._rows += rows.num_rows
        for name in self._expect.not_null:
            self._empty[name] += int(_without_value(rows.column(name)).sum())
        if self._seen is not None and rows.num_rows:
            self._seen.add([rows.column(name) for name in self._expect.unique])

    def facts(self) -> RowFacts:
        """Of the rows so far."""
        repeated = self._seen.repeated() if self._seen is not None else 0
        return RowFacts(rows=self._rows, empty=dict(self._empty), repeated=repeated)


def _schema(query: PlannedQuery, expect: Expect) -> TableSchema:
    names = dict.fromkeys((_COUNTED, *expect.unique, *expect.not_null))
    choices = tuple(ColumnChoice(name) for name in names)
    return table_schema(
        query,
        typed=False,
        provenance=False,
        nested=False,
        options=OutputOptions(columns=choices),
    )


class _Seen:
    """Values met, as digests in a temporary database that needs little memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._added = 0
        self._do(f"PRAGMA cache_size=-{_CACHED_KIB}")
        self._do("PRAGMA journal_mode=OFF")
        self._do("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID")

    def add(self, columns: Sequence[pa.Array]) -> None:
        """The values of some rows; a row without any value is passed over."""
        has_value = np.logical_or.reduce([~_without_value(each) for each in columns])
        texts = [each.cast(pa.string()).fill_null("").to_pylist() for each in columns]
        digests = [
            (_digest(row),)
            for row, wanted in zip(zip(*texts, strict=True), has_value, strict=True)
            if wanted
        ]
        self._added += len(digests)
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR IGNORE INTO seen VALUES (?)", digests)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise _no_room(error) from error

    def repeated(self) -> int:
        """How many of the rows have the values of an earlier one."""
        try:
            ((distinct,),) = self._db.execute("SELECT count(*) FROM seen")
        except sqlite3.Error as error:
            raise _no_room(error) from error
        return self._added - int(distinct)

    def close(self) -> None:
        """Forgets everything."""
        self._db.close()

    def _do(self, statement: str) -> None:
        try:
            self._db.execute(statement)
        except sqlite3.Error as error:
            raise _no_room(error) from error


def _digest(texts: Sequence[str]) -> bytes:
    """What stands for the values of a row."""
    told = blake2b(digest_size=_DIGEST_BYTES)
    for text in texts:
        raw = text.encode()
        told.update(f"{len(raw)}:".encode() + raw)
    return told.digest()


def _without_value(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Which rows have nothing, an empty text or a sequence without items there."""
    missing = pc.is_null(column)
    if pa.types.is_string(column.type):
        nothing = pc.is_in(column, pa.array(["", "[]"]))
        missing = pc.or_(missing, nothing)
    mask: npt.NDArray[np.bool_] = missing.to_numpy(zero_copy_only=False)
    return mask


def _no_room(error: sqlite3.Error) -> StorageError:
    return StorageError(
        f"expect.unique cannot be looked at: {error}: make room in the folder for "
        "temporary files, or name another in SQLITE_TMPDIR"
    )
