"""Text of one attribute as values of an Arrow type, by its VR alone."""

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
from batchfind.tables.layout import Attribute

_DATE = re.compile(r"(\d{4})(?:(\d\d)(\d\d)|\.(\d\d)\.(\d\d))", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)

VALUE_TYPES: dict[str, pa.DataType] = {
    "DA": pa.date32(),
    "DS": pa.float64(),
    "FD": pa.float64(),
    "FL": pa.float32(),
    "IS": pa.int64(),
    "SL": pa.int32(),
    "SS": pa.int16(),
    "SV": pa.int64(),
    "UL": pa.uint32(),
    "US": pa.uint16(),
    "UV": pa.uint64(),
    **dict.fromkeys(vrs.WORD_SIZES, pa.binary()),
}
"""Arrow type of one value; every VR that is not here stays text."""


@dataclass(frozen=True, slots=True)
class TypedColumn:
    """One attribute of a level as typed values.

    Attributes:
        array: pyarrow array of `value_type(...)`.
        unfit: entries whose text, or part of it, is no value of the type; null
            in `array`.
    """

    array: pa.Array
    unfit: tuple[int, ...] = ()


def value_type(attribute: Attribute) -> pa.DataType:
    """The Arrow type of an attribute that is no sequence.

    Source: PS3.5 Table 6.2-1 for the VR, PS3.6 for the multiplicity.
    """
    single = VALUE_TYPES.get(attribute.vr, pa.string())
    return pa.list_(single) if attribute.multiple else single


def typed_column(text: pa.Array, attribute: Attribute) -> TypedColumn:
    """Typed values of one attribute.

    Args:
        text: pyarrow string array: null for absent, "" for present and empty,
            several values joined by a backslash.
        attribute: says VR and multiplicity; its VR is not binary.

    Returns:
        An array of the same length. Present and empty is null, or an empty list
        where the attribute may have several values. A value that does not fit is
        null; in a list only that value is.
    """
    if not attribute.multiple:
        return _values(text, attribute.vr)
    absent = pc.is_null(text)
    # Splitting "" would give one empty value instead of none.
    filled = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    split = pc.split_pattern(filled, "\\")
    flat = _values(split.values, attribute.vr)
    array = pa.ListArray.from_arrays(split.offsets, flat.array, mask=absent)
    offsets = split.offsets.to_numpy()
    entries = offsets.searchsorted(flat.unfit, side="right") - 1
    return TypedColumn(array, tuple(sorted(set(entries.tolist()))))


def _values(text: pa.Array, vr: str) -> TypedColumn:
    """One value an entry; each distinct text is read once."""
    read = _READERS.get(vr)
    if read is None:
        return TypedColumn(text)
    encoded = text.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    found = [_fitting(read, value, vr) for value in texts]
    array = pa.array(found, VALUE_TYPES[vr]).take(encoded.indices)
    unfit = [at for at, value in enumerate(found) if value is None and texts[at] != ""]
    if not unfit:
        return TypedColumn(array)
    mask = pc.is_in(encoded.indices, pa.array(unfit, encoded.indices.type))
    return TypedColumn(array, tuple(pc.indices_nonzero(mask).to_pylist()))


def _fitting(read: Callable[[str], Any], text: str, vr: str) -> Any:
    """The value of a text, or None when the column's type has no place for it."""
    try:
        value = read(text)
        pa.scalar(value, VALUE_TYPES[vr])
    except (ValueError, OverflowError, pa.ArrowInvalid):
        return None
    return value


def _date(text: str) -> dt.date:
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError
    year, *rest = filter(None, match.groups())
    return dt.date(int(year), *map(int, rest))


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def _decimal(text: str) -> float:
    value = float(text) if _DECIMAL.fullmatch(text) else math.inf
    if math.isinf(value):
        raise ValueError
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    "DA": _date,
    "DS": _decimal,
    "IS": _integer,
    **dict.fromkeys(set(vrs.NUMBER_FORMATS) - {"FD", "FL"}, _integer),
    **dict.fromkeys(("FD", "FL"), float),
}
