"""Reads Parquet files into tables of text, as an Identifier would write it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from batchfind.sources.cells import cell_text
from batchfind.sources.files import input_problem, read_bytes, sha256
from batchfind.sources.model import Row, Table
from batchfind.sources.rows import check_header

LARGEST: Final = 256 << 20
"""Bytes of a file of rows."""
MOST_ROWS: Final = 1_000_000

_EXACT: Final = 1 << 53
"""Up to here a float holds every whole number."""


def read_parquet(path: Path) -> Table:
    """A Parquet file; its flat columns have cells.

    Args:
        path: the file.

    Returns:
        Rows counted from 1; null and NaN are the empty text, a date YYYYMMDD, a
        time HHMMSS with a fraction if it has one, a whole number has no decimal
        point. A column that cannot be text, or holds a value that cannot, is
        `unusable`.

    Raises:
        JobError: for a file that is no Parquet, has headers that do not fit, or
            more than a million rows.
    """
    raw = read_bytes(path, LARGEST)
    names, table = _read(path, raw)
    columns: dict[str, list[str]] = {}
    unusable: dict[str, str] = {}
    for title, field in names.items():
        try:
            columns[title] = _texts(table, field)
        except _UnusableError as error:
            unusable[title] = str(error)
    rows = _rows(columns, table.num_rows)
    header = tuple(names)
    return Table(str(path), header, rows, sha256(raw), line=0, unusable=unusable)


class _UnusableError(ValueError):
    """A column cannot be text; the message goes on after its name."""


def _read(path: Path, raw: bytes) -> tuple[dict[str, Any], Any]:
    """Every header with its field, and an Arrow table of the flat columns."""
    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        if file.metadata.num_rows > MOST_ROWS:
            raise input_problem(path, f"has more than {MOST_ROWS} rows; split it")
        fields = list(file.schema_arrow)
        header = tuple(str(field.name).strip() for field in fields)
        check_header(path, header, 0)
        flat = [field.name for field in fields if _converter(field.type) is not None]
        # A thread that still ends while the process does would abort it.
        table = file.read(columns=flat, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise input_problem(path, f"is no readable Parquet file: {reason}") from None
    return dict(zip(header, fields, strict=True)), table


def _rows(columns: Mapping[str, list[str]], count: int) -> tuple[Row, ...]:
    return tuple(
        Row(number + 1, {name: cells[number] for name, cells in columns.items()})
        for number in range(count)
    )


def _texts(table: Any, field: Any) -> list[str]:
    to_text = _converter(field.type)
    if to_text is None:
        raise _UnusableError(
            f"is {field.type}; rows need text, numbers, dates or times"
        )
    column = table.column(field.name)
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            # Python has no nanoseconds, and neither has DT.
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
        values = column.to_pylist()
    except (pa.ArrowException, LookupError, OverflowError, ValueError):
        message = f"holds a value that cannot be read as {field.type}, such as a year "
        raise _UnusableError(f"{message}after 9999") from None
    return ["" if one is None else to_text(one) for one in values]


def _converter(kind: Any) -> Callable[[Any], str] | None:
    """How a column's values become text; None when they cannot."""
    types = pa.types
    if types.is_dictionary(kind):
        return _converter(kind.value_type)
    for matches, to_text in (
        (types.is_string, cell_text),
        (types.is_large_string, cell_text),
        (types.is_string_view, cell_text),
        (types.is_null, str),
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
    if math.isnan(value):
        return ""  # what pandas writes for a cell that is missing
    if math.isinf(value):
        raise _UnusableError("holds an infinite number")
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
