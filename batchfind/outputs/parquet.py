"""Parquet: row groups of a fixed size, the same bytes for the same rows."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from batchfind.job.output_model import ParquetOptions

_LEVELS = {"zstd": 3}
"""Compression levels; the other codecs' own default is the only one that matters."""


class ParquetWriter:
    """Writes a table as Parquet.

    Row groups end after a fixed number of rows however the rows arrive, and nothing
    but schema and rows goes into the file, so that equal tables are equal files as
    long as the library stays the same.
    """

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, options: ParquetOptions | None = None
    ) -> None:
        """Writes the file's head.

        Args:
            file: open for writing bytes; stays the caller's.
            schema: of every batch that follows.
            options: compression and size of row groups.
        """
        chosen = options or ParquetOptions()
        self._schema = schema
        self._group_rows = chosen.row_group_size
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer = pq.ParquetWriter(
            pa.PythonFile(file, "w"),
            schema,
            version="2.6",
            compression=chosen.compression,
            compression_level=_LEVELS.get(chosen.compression),
            write_page_index=False,
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Rows; they reach the file a row group at a time."""
        while self._rows + batch.num_rows >= self._group_rows:
            rest = self._group_rows - self._rows
            self._waiting.append(batch.slice(0, rest))
            self._flush()
            batch = batch.slice(rest)
        if batch.num_rows:
            self._waiting.append(batch)
            self._rows += batch.num_rows

    def close(self) -> None:
        """The last row group and the footer."""
        if self._waiting:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        # In one piece: how rows were cut into batches must not show in the file.
        table = pa.Table.from_batches(self._waiting, self._schema).combine_chunks()
        self._waiting, self._rows = [], 0
        self._writer.write_table(table, row_group_size=self._group_rows)
