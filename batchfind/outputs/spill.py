"""Rows of many partitions in one scratch file, for more than fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa


class Spill:
    """Rows of many partitions in one scratch file."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        """Takes over an empty file, open for reading and writing.

        Args:
            file: closed by `close`.
            schema: of all rows, without dictionaries.
        """
        self._file = file
        self._writer = pa.ipc.new_file(pa.PythonFile(file, "w"), schema)
        self._reader: pa.ipc.RecordBatchFileReader | None = None
        self._batches: dict[int, list[int]] = {}
        self._count = 0

    def add(self, folder: int, rows: pa.RecordBatch) -> None:
        """Rows of one partition; not after the first `read`."""
        self._writer.write_batch(rows)
        self._batches.setdefault(folder, []).append(self._count)
        self._count += 1

    def read(self, folder: int) -> Iterator[pa.RecordBatch]:
        """The rows of one partition in the order they were added."""
        if self._reader is None:
            self._writer.close()
            self._file.flush()
            self._reader = pa.ipc.open_file(pa.PythonFile(self._file, "r"))
        for number in self._batches.get(folder, ()):
            yield self._reader.get_batch(number)

    def close(self) -> None:
        """Gives the file back."""
        self._reader = None
        self._file.close()


def is_dictionary(kind: pa.DataType) -> bool:
    """Whether a column of this type repeats its values by number."""
    return bool(pa.types.is_dictionary(kind))


def decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Without dictionaries, which differ from batch to batch."""
    arrays = [
        column.dictionary_decode() if is_dictionary(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)


def encoded(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """As the schema has it."""
    arrays = [
        column.dictionary_encode().cast(kind.type)
        if is_dictionary(kind.type)
        else column
        for column, kind in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
