"""Parquet: row groups of a bounded size, the same bytes for the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batchfind.job.output_model import ParquetOptions
from batchfind.outputs.row_sizes import Sizes, row_sizes

_LEVELS: Final = {"zstd": 1}
"""Compression levels; the other codecs' own default is the only one that matters.
Above 1 zstd takes longer and gains nothing on columns of identifiers."""

_LOOKED_AT: Final = 4096
"""Rows at the beginning that tell which values repeat."""

_USUAL_ROW: Final = 512
_LONGEST_GROUP: Final = 4 << 20
"""Bytes in one row group beyond `_USUAL_ROW` a row, unless a single row holds more.
Without it a peer that sends long values would fill the memory, since Arrow holds a row
group several times over while it writes it."""

_JSON: Final = ("bf_extra", "bf_invalid")
"""Columns of JSON text, as long as a peer likes: to find their least value takes
several times the room of a value."""

_FEW: Final = 4
"""Values repeat where there are so many times more of them than distinct ones."""


class ParquetWriter:
    """Writes a table as Parquet.

    Row groups end after a fixed number of rows, or earlier where their text is long,
    however the rows arrive, and nothing but schema and rows goes into the file, so
    that equal tables are equal files as long as the library stays the same. Columns
    whose first rows repeat few values have dictionaries; a dictionary of other values
    only costs time and space.
    """

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, options: ParquetOptions | None = None
    ) -> None:
        """Nothing is written before the first row group is full.

        Args:
            file: open for writing bytes; stays the caller's.
            schema: of every batch that follows.
            options: compression and size of row groups.
        """
        chosen = options or ParquetOptions()
        self._file = file
        self._schema = schema
        self._codec = chosen.compression
        self._group_rows = chosen.row_group_size
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        #: Never less than the bytes that wait, beyond those of usual rows.
        self._weight = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Rows; they reach the file a row group at a time."""
        while batch.num_rows:
            room = self._room(batch)
            self._wait(batch.slice(0, room))
            batch = batch.slice(room)
            if batch.num_rows or self._rows == self._group_rows:
                self._flush()

    def _room(self, batch: pa.RecordBatch) -> int:
        """How many rows of a batch the row group takes; 0 only when it has some."""
        rows = min(int(batch.num_rows), self._group_rows - self._rows)
        if self._weight + batch.nbytes <= _LONGEST_GROUP:
            return rows
        self._weight = sum(int(_excess(one).sum()) for one in self._waiting)
        held = self._weight + np.cumsum(_excess(batch.slice(0, rows)))
        beyond = np.flatnonzero(held > _LONGEST_GROUP)
        room = int(beyond[0]) if len(beyond) else rows
        return room if room or self._rows else 1

    def _wait(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._waiting.append(batch)
            self._rows += batch.num_rows
            self._weight += max(0, batch.nbytes - _USUAL_ROW * batch.num_rows)

    def close(self) -> None:
        """The last row group and the footer."""
        if self._waiting:
            self._flush()
        (self._writer or self._begun([])).close()

    def _flush(self) -> None:
        # In one piece: how rows were cut into batches must not show in the file.
        table = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
        self._waiting, self._rows, self._weight = [], 0, 0
        if self._writer is None:
            self._writer = self._begun(_repeating(table.slice(0, _LOOKED_AT)))
        self._writer.write_table(table, row_group_size=self._group_rows)

    def _begun(self, dictionaries: list[str]) -> pq.ParquetWriter:
        """The writer, once it is known which columns have dictionaries."""
        return pq.ParquetWriter(
            pa.PythonFile(self._file, "w"),
            self._schema,
            version="2.6",
            compression=self._codec,
            compression_level=_LEVELS.get(self._codec),
            use_dictionary=dictionaries,
            write_page_index=False,
            write_statistics=_ordered(self._schema),
        )


def _ordered(schema: pa.Schema) -> list[str]:
    """Columns of the file whose least and greatest values tell anything: not JSON."""
    return [
        path
        for field in schema
        if field.name not in _JSON
        for path, _ in _leaves(field.name, pa.nulls(0, field.type))
    ]


def _excess(batch: pa.RecordBatch) -> Sizes:
    """Bytes of each row beyond those of a usual one; negative for a shorter one."""
    return row_sizes(batch) - _USUAL_ROW


def _repeating(table: pa.Table) -> list[str]:
    """Columns of the file with few distinct values in these rows."""
    return [
        path
        for name, column in zip(table.schema.names, table.columns, strict=True)
        for path, leaf in _leaves(name, column.combine_chunks())
        if leaf.nbytes <= _LONGEST_GROUP
        and 0 < pc.count_distinct(leaf).as_py() * _FEW <= len(leaf)
    ]


def _leaves(path: str, array: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    """What a column becomes in the file: its innermost values and their paths."""
    if pa.types.is_list(array.type):
        yield from _leaves(f"{path}.list.element", array.flatten())
    elif pa.types.is_struct(array.type):
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield from _leaves(f"{path}.{field.name}", child)
    else:
        yield path, array
