"""How many bytes of text the rows of a batch hold."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Sizes: TypeAlias = NDArray[np.int64]


def row_sizes(batch: pa.RecordBatch) -> Sizes:
    """Bytes of text and binary values in each row, lists and structs included.

    They depend on the rows alone, not on how these were cut into batches, and are
    never more than `batch.nbytes` together.
    """
    total = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        total += _sizes(column)
    return total


def _sizes(array: pa.Array) -> Sizes:
    kind = array.type
    if _is_text(kind):
        return _numbers(pc.binary_length(array))
    if pa.types.is_list(kind):
        counts = _numbers(pc.list_value_length(array))
        ends = np.cumsum(counts)
        inner = np.concatenate(([0], np.cumsum(_sizes(array.flatten()))))
        found: Sizes = inner[ends] - inner[ends - counts]
        return found
    total = np.zeros(len(array), np.int64)
    if pa.types.is_struct(kind):
        for child in array.flatten():
            total += _sizes(child)
    return total


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _numbers(array: pa.Array) -> Sizes:
    filled = pc.fill_null(array.cast(pa.int64()), 0)
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)
