r"""CSV as RFC 4180 has it: UTF-8, a header, CRLF, quotes doubled.

Nothing between two commas is an absent attribute, `""` one that is present and
empty. Several values of a list are joined by a backslash, which separates values in
DICOM; dates are ISO 8601, bytes are base64.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

LINE_END = "\r\n"

# RFC 4180 asks for quotes around commas, quotes and line ends. Edge spaces, control
# characters and Unicode's line ends are quoted as well: some readers trim or split
# at them.
_NEEDS_QUOTES = r'^$|^ | $|[",\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]'


class CsvWriter:
    """Writes a table as CSV."""

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        """Writes the header.

        Args:
            file: open for writing bytes; stays the caller's.
            schema: of every batch that follows.
        """
        self._file = file
        self._lone = len(schema) == 1
        header = ",".join(_quoted(pa.array(schema.names)).to_pylist())
        file.write((header + LINE_END).encode())

    def write(self, batch: pa.RecordBatch) -> None:
        """One line a row."""
        if not batch.num_rows:
            return
        columns = [_quoted(text_of(column)) for column in batch.columns]
        if self._lone:
            # An empty line is no record for most readers; the row matters more.
            columns = [pc.fill_null(columns[0], '""')]
        lines = _joined(columns, ",")
        ended = _joined([lines, pa.scalar("")], LINE_END)
        self._file.write(b"".join(ended.cast(pa.binary()).to_pylist()))

    def close(self) -> None:
        """Nothing follows the last line."""


def text_of(array: pa.Array) -> pa.Array:
    """A column as text, null staying null.

    Returns:
        A pyarrow string array: dates as YYYY-MM-DD, numbers in the shortest form
        that reads back, bytes in base64, lists joined by a backslash.
    """
    kind = array.type
    for fits, convert in _CONVERSIONS:
        if fits(kind):
            return convert(array)
    return array.cast(pa.string())


def _list_text(array: pa.Array) -> pa.Array:
    """A list's values joined; a null value leaves nothing between two backslashes."""
    flat = pc.fill_null(text_of(array.flatten()), "")
    lengths = pc.fill_null(pc.list_value_length(array), 0)
    offsets = pa.array([0, *pc.cumulative_sum(lengths).to_pylist()], pa.int32())
    lists = pa.ListArray.from_arrays(offsets, flat, mask=pc.is_null(array))
    return pc.binary_join(lists, "\\")


def _base64(array: pa.Array) -> pa.Array:
    texts = [
        None if value is None else base64.b64encode(value).decode("ascii")
        for value in array.to_pylist()
    ]
    return pa.array(texts, pa.string())


_CONVERSIONS: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...
] = (
    (pa.types.is_string, lambda array: array),
    (pa.types.is_list, _list_text),
    (pa.types.is_binary, _base64),
)
"""Types whose text is not what Arrow's cast gives."""


def _quoted(texts: pa.Array) -> pa.Array:
    """Fields as they stand in the file."""
    needing = pc.match_substring_regex(texts, _NEEDS_QUOTES)
    if not pc.any(needing).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(
        needing, _joined([pa.scalar('"'), doubled, pa.scalar('"')], ""), texts
    )


def _joined(parts: list[pa.Array], separator: str) -> pa.Array:
    return pc.binary_join_element_wise(
        *parts, separator, null_handling="replace", null_replacement=""
    )
