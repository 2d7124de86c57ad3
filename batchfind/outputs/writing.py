"""What every format's writer is given, and what it must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import pyarrow as pa

from batchfind.outputs.destination import Destination
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema
from batchfind.tables.slabs import Slab


@dataclass(frozen=True, slots=True)
class Piece:
    """What one step of rendering gives to every writer.

    Attributes:
        slab: responses as they came; empty where the table is not one of responses.
        batch: their rows, for formats that need a table; else None.
    """

    slab: Slab
    batch: pa.RecordBatch | None


class Writer(Protocol):
    """Writes one output; its files belong to the destination."""

    def write(self, piece: Piece) -> int:
        """Append a piece; how many rows (tables) or responses (documents) it gave."""
        ...

    def close(self) -> None:
        """Write what must follow the last piece; called once."""
        ...


MakeWriter: TypeAlias = Callable[
    [Destination, PlannedOutput, PlannedQuery, TableSchema | None], Writer
]
"""Makes a format's writer. The schema is None where no table is needed."""
