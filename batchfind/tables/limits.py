"""At most so many rows of one request, its pieces included, in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from batchfind.tables.decoded import Decoded
from batchfind.tables.rows import Rows


class RowLimits:
    """Counts the rows of each request over all pieces of a query, table by table."""

    def __init__(self, limits: Sequence[int | None]) -> None:
        """With the limit of each table, in the order of the tables."""
        self._limits = tuple(limits)
        self._counts: tuple[Counter[str], ...] = tuple(Counter() for _ in limits)

    def cut(
        self, table: int, batch: pa.RecordBatch, decoded: Decoded, rows: Rows
    ) -> pa.RecordBatch:
        """The rows of a piece that are within a table's limit.

        Args:
            table: its position.
            batch: all rows of the piece.
            decoded: the piece; pieces come in plan order.
            rows: which responses they show.
        """
        limit = self._limits[table]
        if limit is None:
            return batch
        counts = self._counts[table]
        kept = []
        begin = first = 0
        for part in decoded.slab.parts:
            first += len(part.ends)
            end = int(np.searchsorted(rows.responses, first))
            root = part.origin.root
            free = max(0, limit - counts[root])
            counts[root] += end - begin
            kept.append(batch.slice(begin, min(free, end - begin)))
            begin = end
        if sum(piece.num_rows for piece in kept) == batch.num_rows:
            return batch
        table_of_kept = pa.Table.from_batches(kept, batch.schema).combine_chunks()
        found = table_of_kept.to_batches()
        return found[0] if found else batch.slice(0, 0)
