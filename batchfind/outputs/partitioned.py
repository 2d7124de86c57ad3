"""A table spread over folders by the values of some of its columns.

However many partitions there are, one file is open at a time: rows wait in memory,
then in a scratch file, sorted by partition, and each partition is written when all
rows are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.outputs.csv import text_of
from batchfind.outputs.destination import Destination
from batchfind.outputs.formats import FORMATS
from batchfind.outputs.partition_names import folder_name, is_cut, period_of
from batchfind.outputs.spill import Spill, decoded, encoded, is_dictionary
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema
from batchfind.tables.slabs import Slab

_ROWS_IN_MEMORY: Final = 65_536
_BYTES_IN_MEMORY: Final = 16 << 20

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _OneFile:
    """A file of the directory as the destination of its own writer."""

    opened: BinaryIO

    def file(self) -> BinaryIO:
        return self.opened

    def put(self, name: str, data: bytes) -> None:
        raise ValueError(f"a partition's writer asked for {name} ({len(data)})")

    def child(self, name: str, rows: int = 1) -> BinaryIO:
        raise ValueError(f"a partition's writer asked for {name} ({rows})")


@dataclass(frozen=True, slots=True)
class _Level:
    """One level of folders.

    Attributes:
        column: position of its column in the table.
        key: name in the folder's name.
        by: `year`, `month`, `day`, or None for the value itself.
    """

    column: int
    key: str
    by: str | None

    def folder(self, text: str | None) -> str:
        return folder_name(self.key, self.value(text))

    def value(self, text: str | None) -> str | None:
        return text if self.by is None else period_of(text, self.by)


@dataclass(slots=True)
class _Waiting:
    """Rows that are in no file yet."""

    batches: list[pa.RecordBatch] = field(default_factory=list)
    ids: list[Ids] = field(default_factory=list)
    rows: int = 0
    size: int = 0


class PartitionedWriter:
    """Writes each row into the file of its partition.

    Attributes:
        cut: rows whose folder does not tell the whole value, since it is too long
            for a name.
    """

    def __init__(
        self,
        destination: Destination,
        scratch: Callable[[], BinaryIO],
        output: PlannedOutput,
        query: PlannedQuery,
        schema: TableSchema,
    ) -> None:
        """Nothing is written before the first rows.

        Args:
            destination: a directory.
            scratch: opens a nameless file, for reading and writing, on the same disk.
            output: as planned; its `partition_by` names columns of the schema.
            query: the query it holds.
            schema: of every batch that follows.
        """
        self.cut = 0
        self._destination = destination
        self._scratch = scratch
        self._output = output
        self._query = query
        self._schema = schema
        self._levels = _levels(output, schema)
        plain = [level.column for level in self._levels if level.by is None]
        # A file without any column would not even tell how many rows it has.
        rest = [at for at in range(len(schema.columns)) if at not in plain]
        self._columns = rest or plain[-1:]
        self._folders: dict[str, int] = {}
        self._totals: list[int] = []
        self._waiting = _Waiting()
        self._spill: Spill | None = None

    def write(self, piece: Piece) -> int:
        """Rows of any partitions; how many they are."""
        batch = piece.batch
        if batch is None or not batch.num_rows:
            return 0
        ids = self._ids(batch)
        waiting = self._waiting
        waiting.batches.append(decoded(batch.select(self._columns)))
        waiting.ids.append(ids)
        waiting.rows += batch.num_rows
        waiting.size += batch.nbytes
        if waiting.rows >= _ROWS_IN_MEMORY or waiting.size >= _BYTES_IN_MEMORY:
            if self._spill is None:
                schema = waiting.batches[0].schema
                self._spill = Spill(self._scratch(), schema)
            for folder, sorted_rows in self._sorted():
                self._spill.add(folder, sorted_rows)
        return len(ids)

    def close(self) -> None:
        """Every partition's file, one after another."""
        last = dict(self._sorted())
        if not self._folders:
            self._write("", self._full_schema(), [], 0)
            return
        columns = tuple(self._schema.columns[at] for at in self._columns)
        schema = replace(self._schema, columns=columns)
        arrow = schema.arrow
        for folder, number in sorted(self._folders.items()):
            spilled = [] if self._spill is None else self._spill.read(number)
            rows = [*spilled, *([last[number]] if number in last else [])]
            batches = (encoded(batch, arrow) for batch in rows)
            self._write(f"{folder}/", schema, batches, self._totals[number])
        if self._spill is not None:
            self._spill.close()

    def _full_schema(self) -> TableSchema:
        """Every column a reader of the folder finds once there are rows."""
        extra = tuple(
            replace(
                self._schema.columns[level.column],
                name=level.key,
                type=pa.string(),
                metadata=(),
            )
            for level in self._levels
            if level.by is not None
        )
        return replace(self._schema, columns=(*self._schema.columns, *extra))

    def _write(
        self,
        folder: str,
        schema: TableSchema,
        batches: Iterator[pa.RecordBatch] | list[pa.RecordBatch],
        rows: int,
    ) -> None:
        form = FORMATS[self._output.format]
        name = f"{folder}part-0{form.suffix}"
        with self._destination.child(name, rows) as file:
            writer = form.writer(_OneFile(file), self._output, self._query, schema)
            for batch in batches:
                writer.write(Piece(Slab(()), batch))
            writer.close()

    def _ids(self, batch: pa.RecordBatch) -> Ids:
        """The number of each row's folder."""
        combined = np.zeros(batch.num_rows, np.int64)
        names = [""]
        for level in self._levels:
            codes, texts = _distinct(batch.column(level.column))
            folders = [level.folder(text) for text in texts]
            if level.by is None:
                long = [is_cut(level.key, text) for text in texts]
                self.cut += int(np.asarray(long, np.int64)[codes].sum())
            # Only combinations that occur get a number: their product may be large.
            pairs, combined = np.unique(
                combined * len(texts) + codes, return_inverse=True
            )
            names = [
                f"{names[pair // len(texts)]}/{folders[pair % len(texts)]}"
                for pair in pairs.tolist()
            ]
        numbers = [self._number(name[1:]) for name in names]
        ids = np.asarray(numbers, np.int64)[combined]
        for number, count in zip(*np.unique(ids, return_counts=True), strict=True):
            self._totals[number] += int(count)
        return ids

    def _number(self, folder: str) -> int:
        number = self._folders.setdefault(folder, len(self._folders))
        if number == len(self._totals):
            self._totals.append(0)
        return number

    def _sorted(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The waiting rows by partition, in their order; none waits afterwards."""
        waiting, self._waiting = self._waiting, _Waiting()
        if not waiting.rows:
            return
        ids = np.concatenate(waiting.ids)
        order = np.argsort(ids, kind="stable")
        table = pa.Table.from_batches(waiting.batches).combine_chunks().take(order)
        found, starts = np.unique(ids[order], return_index=True)
        ends = [*starts[1:], len(ids)]
        for number, start, end in zip(found, starts, ends, strict=True):
            (batch,) = table.slice(start, end - start).combine_chunks().to_batches()
            yield int(number), batch


def _levels(output: PlannedOutput, schema: TableSchema) -> tuple[_Level, ...]:
    names = list(schema.names)
    levels = []
    for partition in output.options.partition_by:
        by = partition.by
        key = partition.source if by is None else f"{partition.source}_{by}"
        levels.append(_Level(names.index(partition.source), key, by))
    return tuple(levels)


def _distinct(column: pa.Array) -> tuple[Ids, list[str | None]]:
    """A column's distinct values as text, and the position of each row's."""
    plain = column.dictionary_decode() if is_dictionary(column.type) else column
    found = pc.dictionary_encode(text_of(plain), null_encoding="encode")
    return found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()
