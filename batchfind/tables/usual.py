"""Whole columns of text as values, where the text has its usual form.

What has another form is left to `typed`, one distinct text at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.tables.cells import contents, holders

BoolVec: TypeAlias = npt.NDArray[np.bool_]
Parsed: TypeAlias = "tuple[pa.Array, BoolVec]"
"""Values, and which texts had the usual form; all others are null."""

_ZERO, _DOT = 0x30, 0x2E
_EIGHT_ZEROS = np.uint64(0x3030303030303030)
_ABOVE_NINE = np.uint64(0x7676767676767676)
_TOP_BITS = np.uint64(0x8080808080808080)
_FIRST_DAYS = np.arange("0000", "10001", dtype="M8[Y]").astype("M8[D]").view(np.int64)
"""The first day of each year from 0, counted from 1970-01-01."""

_DAYS_BEFORE = np.cumsum(
    [
        [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
        [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31],
    ],
    axis=1,
)
"""Days of a year before each month's end, in common and in leap years."""

_MOST_DIGITS = 18
"""Digits that a signed 64-bit integer always holds."""


def dates(text: pa.Array) -> Parsed:
    """Dates of texts of eight digits that name a day of the calendar.

    Source: PS3.5 Table 6.2-1, DA.
    """
    offsets, data = contents(text)
    if len(data) < 8:
        return pa.nulls(len(text), pa.date32()), np.zeros(len(text), np.bool_)
    words = np.ndarray((len(data) - 7,), "<u8", data, strides=(1,))
    # Eight characters at once, one in each byte; a digit becomes its number.
    digits = words[np.minimum(offsets[:-1], len(words) - 1)] ^ _EIGHT_ZEROS
    usual = (((digits + _ABOVE_NINE) | digits) & _TOP_BITS) == 0
    usual &= np.diff(offsets) == 8
    pairs = (digits * np.uint64(10) + (digits >> np.uint64(8))).view(np.uint8)
    century, year, month, day = (pairs[at::8].astype(np.int64) for at in (0, 2, 4, 6))
    year += century * 100
    usual &= (year > 0) & (month > 0) & (month <= 12)
    year, month = np.where(usual, year, 1), np.where(usual, month, 1)
    first = _FIRST_DAYS[year]
    leap = _FIRST_DAYS[year + 1] - first - 365
    before, after = _DAYS_BEFORE[leap, month - 1], _DAYS_BEFORE[leap, month]
    usual &= (day > 0) & (day <= after - before)
    days = (first + before + day - 1).astype(np.int32)
    return pa.array(days, mask=~usual).view(pa.date32()), usual


def integers(text: pa.Array) -> Parsed:
    """Integers of texts of 1 to 18 digits."""
    offsets, data = contents(text)
    usual = _without(offsets, np.flatnonzero(data - np.uint8(_ZERO) > 9))
    usual &= np.diff(offsets) <= _MOST_DIGITS
    return _cast(text, usual, pa.int64()), usual


def decimals(text: pa.Array) -> Parsed:
    """Numbers of texts of 1 to 18 digits with at most one point among them."""
    offsets, data = contents(text)
    points = data == _DOT
    usual = _without(offsets, np.flatnonzero((data - np.uint8(_ZERO) > 9) & ~points))
    entries = holders(offsets, np.flatnonzero(points))
    usual[entries[1:][entries[1:] == entries[:-1]]] = False
    lengths = np.diff(offsets)
    usual[entries[lengths[entries] < 2]] = False
    usual &= lengths <= _MOST_DIGITS
    return _cast(text, usual, pa.float64()), usual


PARSERS: dict[pa.DataType, Callable[[pa.Array], Parsed]] = {
    pa.date32(): dates,
    pa.int64(): integers,
    pa.float64(): decimals,
}
"""How the usual form of a type is read."""


def _without(offsets: npt.NDArray[np.int32], strange: npt.NDArray[np.int64]) -> BoolVec:
    """Values with any bytes, but none of the strange ones."""
    usual: BoolVec = np.diff(offsets) > 0
    usual[holders(offsets, strange)] = False
    return usual


def _cast(text: pa.Array, usual: BoolVec, kind: pa.DataType) -> pa.Array:
    if not usual.all():
        text = pc.if_else(pa.array(usual), text, pa.scalar(None, pa.string()))
    return text.cast(kind)
