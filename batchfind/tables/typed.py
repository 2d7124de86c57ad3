"""Text of one attribute as values of an Arrow type, by its VR or as a job asks."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom import vrs
from batchfind.tables.usual import PARSERS

_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|\.(\d\d)\.(\d\d))", re.ASCII)
_TIME = re.compile(r"(\d\d)(?:(\d\d)(\d\d)|:(\d\d):(\d\d))(?:\.(\d{1,6}))?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,6}))?([+-]\d{4})?", re.ASCII
)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ValueType:
    """How one text becomes one value.

    Attributes:
        arrow: Arrow type of the value.
        read: the value of a text; ValueError when it has none of this type.
    """

    arrow: pa.DataType
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """One attribute of a level as typed values.

    Attributes:
        array: pyarrow array, of lists where the attribute may have several values.
        unfit: entries whose text, or part of it, is no value of the type; null
            in `array`.
    """

    array: pa.Array
    unfit: tuple[int, ...] = ()


def typed_column(
    text: pa.Array, value_type: ValueType | None, *, multiple: bool
) -> TypedColumn:
    """Typed values of one attribute.

    Args:
        text: pyarrow string array: null for absent, "" for present and empty,
            several values joined by a backslash.
        value_type: of one value; None leaves it text.
        multiple: the attribute may have several values.

    Returns:
        An array of the same length. Present and empty is null, or an empty list
        where the attribute may have several values. A value that does not fit is
        null; in a list only that value is.
    """
    if not multiple:
        return _values(text, value_type)
    absent = pc.is_null(text)
    # Splitting "" would give one empty value instead of none.
    filled = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    split = pc.split_pattern(filled, "\\")
    flat = _values(split.values, value_type)
    array = pa.ListArray.from_arrays(split.offsets, flat.array, mask=absent)
    offsets = split.offsets.to_numpy()
    entries = offsets.searchsorted(flat.unfit, side="right") - 1
    return TypedColumn(array, tuple(sorted(set(entries.tolist()))))


def _values(text: pa.Array, value_type: ValueType | None) -> TypedColumn:
    """One value an entry; what has its type's usual form is read all at once."""
    if value_type is None:
        return TypedColumn(text)
    parse = PARSERS.get(value_type.arrow)
    if parse is None:
        return _distinct_values(text, value_type)
    array, usual = parse(text)
    other = pc.and_(pa.array(~usual), pc.not_equal(text, "")).fill_null(False)
    where = pc.indices_nonzero(other).to_pylist()
    if not where:
        return TypedColumn(array)
    rest = _distinct_values(text.filter(other), value_type)
    array = pc.replace_with_mask(array, other, rest.array)
    return TypedColumn(array, tuple(where[at] for at in rest.unfit))


def _distinct_values(text: pa.Array, value_type: ValueType) -> TypedColumn:
    """One value an entry; each distinct text is read once."""
    encoded = text.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    found = [_fitting(value_type, value) for value in texts]
    array = pa.array(found, value_type.arrow).take(encoded.indices)
    unfit = [at for at, value in enumerate(found) if value is None and texts[at] != ""]
    if not unfit:
        return TypedColumn(array)
    mask = pc.is_in(encoded.indices, pa.array(unfit, encoded.indices.type))
    return TypedColumn(array, tuple(pc.indices_nonzero(mask).to_pylist()))


def _fitting(value_type: ValueType, text: str) -> Any:
    """The value of a text, or None when the column's type has no place for it."""
    try:
        value = value_type.read(text)
        pa.scalar(value, value_type.arrow)
    except (ValueError, OverflowError, pa.ArrowInvalid):
        return None
    return value


def _date(text: str) -> dt.date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError
    year, *rest = filter(None, match.groups())
    return dt.date(int(year), *map(int, rest))


def _time(text: str) -> dt.time:
    # To the second at least: 0930 says nothing about seconds, and 09:30:00 would.
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError
    *digits, fraction = match.groups()
    hour, minute, second = map(int, filter(None, digits))
    return dt.time(hour, minute, second, _microseconds(fraction))


def _moment(text: str) -> dt.datetime:
    """A date and time to the second at least, with its offset if it has one."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError
    *digits, fraction, offset = match.groups()
    zone = None
    if offset is not None:
        hours, minutes = int(offset[1:3]), int(offset[3:])
        sign = -1 if offset[0] == "-" else 1
        zone = dt.timezone(sign * dt.timedelta(hours=hours, minutes=minutes))
    year, month, day, hour, minute, second = map(int, digits)
    micros = _microseconds(fraction)
    return dt.datetime(year, month, day, hour, minute, second, micros, zone)


def _wall_clock(text: str) -> dt.datetime:
    moment = _moment(text)
    if moment.tzinfo is not None:
        raise ValueError
    return moment


def _instant(text: str) -> dt.datetime:
    moment = _moment(text)
    if moment.tzinfo is None:
        raise ValueError
    return moment


def _microseconds(fraction: str | None) -> int:
    return int(fraction.ljust(6, "0")) if fraction else 0


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def _decimal(text: str) -> float:
    value = float(text) if _DECIMAL.fullmatch(text) else math.inf
    if math.isinf(value):
        raise ValueError
    return value


BY_VR: dict[str, ValueType] = {
    "DA": ValueType(pa.date32(), _date),
    "DS": ValueType(pa.float64(), _decimal),
    "FD": ValueType(pa.float64(), float),
    "FL": ValueType(pa.float32(), float),
    "IS": ValueType(pa.int64(), _integer),
    "SL": ValueType(pa.int32(), _integer),
    "SS": ValueType(pa.int16(), _integer),
    "SV": ValueType(pa.int64(), _integer),
    "UL": ValueType(pa.uint32(), _integer),
    "US": ValueType(pa.uint16(), _integer),
    "UV": ValueType(pa.uint64(), _integer),
}
"""Type of one value of a typed table; other VRs are text, or bytes."""

BY_NAME: dict[str, ValueType] = {
    "date32": ValueType(pa.date32(), _date),
    "float64": ValueType(pa.float64(), _decimal),
    "int64": ValueType(pa.int64(), _integer),
    "time64": ValueType(pa.time64("us"), _time),
    "timestamp": ValueType(pa.timestamp("us"), _wall_clock),
    "timestamp_utc": ValueType(pa.timestamp("us", "UTC"), _instant),
}
"""Types that a job asks for by name, over those of `BY_VR`."""


def value_type_of(vr: str, name: str) -> ValueType | None:
    """How a value of a VR is read; None where it stays text or bytes.

    Args:
        vr: value representation.
        name: a name in `BY_NAME`, or `typed` for what the VR asks for.

    Source: PS3.5 Table 6.2-1.
    """
    if name == "float64" and vr == "FL":
        return BY_VR["FD"]
    known = BY_VR.get(vr)
    if name not in BY_NAME or (known and known.arrow == BY_NAME[name].arrow):
        return known
    return BY_NAME[name]


def arrow_type(vr: str, name: str, *, multiple: bool) -> pa.DataType:
    """The Arrow type of an attribute's column; of lists where it is `multiple`."""
    known = value_type_of(vr, name)
    single = pa.binary() if vr in vrs.WORD_SIZES else pa.string()
    single = known.arrow if known is not None else single
    return pa.list_(single) if multiple else single
