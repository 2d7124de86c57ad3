"""Reads Parquet files into tables of text, as an Identifier would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from batchfind.sources.files import input_problem, read_bytes, sha256
from batchfind.sources.model import Row, Table
from batchfind.sources.rows import check_header

LARGEST: Final = 256 << 20
"""Bytes of a file of rows."""
MOST_ROWS: Final = 1_000_000

_EXACT: Final = 1 << 53
"""Up to here a float holds every whole number."""


def read_parquet(path: Path) -> Table:
    """A Parquet file of flat columns.

    Args:
        path: the file.

    Returns:
        Rows counted from 1; null is the empty text, a date YYYYMMDD, a time HHMMSS
        with a fraction if it has one, a whole number has no decimal point.

    Raises:
        JobError: for a file that is no Parquet, has nested or binary columns, or
            more than a million rows.
    """
    raw = read_bytes(path, LARGEST)
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        if file.metadata.num_rows > MOST_ROWS:
            raise input_problem(path, f"has more than {MOST_ROWS} rows; split it")
        table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise input_problem(path, f"is no readable Parquet file: {reason}") from None
    header = tuple(str(name).strip() for name in table.column_names)
    check_header(path, header, 0)
    columns = [_texts(path, table.column(at), header[at]) for at in range(len(header))]
    rows = tuple(
        Row(number, dict(zip(header, cells, strict=True)))
        for number, cells in enumerate(zip(*columns, strict=True), start=1)
    )
    return Table(str(path), header, rows, sha256(raw))


def _texts(path: Path, column: Any, name: str) -> Iterator[str]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python has no nanoseconds, and neither has DT.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    to_text = _converter(column.type)
    if to_text is None:
        message = f"the column '{name[:64]}' is {column.type}; rows need text, "
        raise input_problem(path, f"{message}numbers, dates or times")
    return ("" if one is None else to_text(one) for one in column.to_pylist())


def _converter(kind: Any) -> Callable[[Any], str] | None:
    """How a column's values become text; None when they cannot."""
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind):
        return str.strip
    for matches, to_text in (
        (types.is_integer, str),
        (types.is_boolean, lambda value: str(value).lower()),
        (types.is_floating, _float),
        (types.is_decimal, _decimal),
        (types.is_date, _date),
        (types.is_time, _time),
        (types.is_timestamp, _timestamp),
    ):
        if matches(kind):
            return to_text
    return None


def _float(value: float) -> str:
    # Columns of integers with nulls often arrive as floats.
    whole = value.is_integer() and abs(value) < _EXACT
    return str(int(value)) if whole else repr(value)


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _date(value: date) -> str:
    return f"{value.year:04}{value.month:02}{value.day:02}"


def _time(value: time) -> str:
    text = f"{value:%H%M%S}"
    return f"{text}.{value.microsecond:06}" if value.microsecond else text


def _timestamp(value: datetime) -> str:
    offset = f"{value:%z}"[:5]
    return f"{_date(value)}{_time(value.time())}{offset}"
