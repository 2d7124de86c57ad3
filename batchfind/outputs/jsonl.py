"""JSON Lines: UTF-8, one JSON object a line, each line ended by a line feed.

Responses are in the DICOM JSON model. Rows of a table are plain objects, their
columns in order: dates and times in ISO 8601, bytes in base64, absent values null;
JSON has no number for `nan` and `inf`, so they are strings.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from batchfind.outputs.destination import Destination
from batchfind.outputs.documents import FirstOfEach
from batchfind.outputs.json_model import JsonModel
from batchfind.outputs.pieces import pieces
from batchfind.outputs.swept_documents import documents
from batchfind.outputs.text_parts import utf8
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema


class JsonLinesWriter:
    """Writes responses, or rows where a piece has some."""

    def __init__(
        self,
        destination: Destination,
        output: PlannedOutput,
        _query: PlannedQuery,
        _schema: TableSchema | None,
    ) -> None:
        """Opens the file."""
        self._file = destination.file()
        self._limit = FirstOfEach(output.options.limit)
        self._model = JsonModel()

    def write(self, piece: Piece) -> int:
        """One line a row or response; how many they are."""
        if piece.batch is not None:
            return self._rows(piece.batch)
        slab = self._limit.of(piece.slab)
        for part in pieces(slab) if slab.parts else ():
            self._file.write(utf8(documents(self._model, part)))
        return len(slab)

    def _rows(self, batch: pa.RecordBatch) -> int:
        lines = list(_rows(batch))
        if lines:
            self._file.write(("\n".join(lines) + "\n").encode())
        return len(lines)

    def close(self) -> None:
        """Nothing follows the last line."""


def _rows(batch: pa.RecordBatch) -> Iterator[str]:
    for row in batch.to_pylist():
        yield json.dumps(_plain(row), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A value of Arrow as JSON can hold it."""
    match value:
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case bytes():
            return base64.b64encode(value).decode("ascii")
        case dt.date() | dt.time():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return str(value)
        case _:
            return value
