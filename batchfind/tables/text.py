"""Raw values of one attribute as text: padding removed, character sets decoded."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom import values, vrs
from batchfind.dicom.charset import DecodedText
from batchfind.dicom.raw import RawElement
from batchfind.tables.cells import Cells, IntVec, contents, holders, trimmed
from batchfind.tables.set_column import SetColumn

STRIPPED_LEFT = frozenset({"AE", "CS", "DS", "IS", "LO", "SH"})
"""VRs in which leading spaces are padding."""

_SPACE, _BACKSLASH = 0x20, 0x5C
_PLAIN_COUNT = 0x7E - _SPACE
"""Bytes from the space on that stand for themselves in every initial character set;
7E is an overline in ISO_IR 13, and the backslash separates values."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """One attribute of a level as text.

    Attributes:
        array: pyarrow string array; null is absent, "" is present and empty,
            several values are joined by a backslash.
        replaced: how many U+FFFD were put in, by entry.
        broken: values that have no text, as hexadecimal digits, by entry; null in
            `array`.
    """

    array: pa.Array
    replaced: dict[int, int] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)


def text_column(
    cells: Cells,
    vr: str,
    sets: SetColumn,
    odd: Mapping[int, RawElement],
    *,
    big_endian: bool,
) -> TextColumn:
    """The text of one attribute.

    Args:
        cells: raw values, one an entry; absent also where odd.
        vr: of all cells; not SQ.
        sets: character sets of each entry.
        odd: by entry, values that came with another VR.
        big_endian: byte order of binary numbers.

    Returns:
        Text of every entry.

    Source: PS3.5 Sections 6.2 and 6.4.
    """
    column = _Builder(cells, sets, big_endian)
    column.take_odd(odd, vr)
    array = column.strings(vr) if vr in vrs.STRING_VRS else column.mapped(vr)
    return TextColumn(array, column.replaced, column.broken)


class _Builder:
    """A column in the making: raw cells, and finished text for some of them."""

    def __init__(self, cells: Cells, sets: SetColumn, big_endian: bool) -> None:
        self.cells = cells
        self.sets = sets
        self.big_endian = big_endian
        self.finished: dict[int, str] = {}
        self.replaced: dict[int, int] = {}
        self.broken: dict[int, str] = {}

    def take_odd(self, odd: Mapping[int, RawElement], vr: str) -> None:
        """Finish values that came with another VR than the column's."""
        for entry, (_, sent, value) in odd.items():
            if isinstance(value, list):
                self.broken[entry] = f"a sequence of {len(value)} items"
                continue
            # UN is Implicit VR Little Endian whatever surrounds it: PS3.5 6.2.2.
            unknown = sent == "UN"
            known = vr if unknown else sent
            if known in vrs.STRING_VRS:
                decoded = values.text_values(value, known, self.sets.of(entry))
                self._finish(entry, decoded)
                continue
            text = _rendered(value, known, self.big_endian and not unknown)
            if text is None:
                self.broken[entry] = value.hex()
            else:
                self.finished[entry] = text

    def strings(self, vr: str) -> pa.Array:
        """String values: whole columns at once where every byte is plain ASCII."""
        left = vr in STRIPPED_LEFT
        array = self.cells.trimmed(left=left)
        special = special_entries(array, vr)
        if len(special):
            self._finish_special(vr, special)
        return self._with_finished(array, left=left)

    def mapped(self, vr: str) -> pa.Array:
        """Values of the other VRs: each distinct one is rendered once."""
        encoded = self.cells.binary().dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        texts = [_rendered(raw, vr, self.big_endian) for raw in distinct]
        if None in texts:
            for entry, at in enumerate(encoded.indices.to_pylist()):
                if at is not None and texts[at] is None:
                    self.broken[entry] = distinct[at].hex()
        array = pa.array(texts, pa.string()).take(encoded.indices)
        return self._with_finished(array, left=False)

    def _finish_special(self, vr: str, special: IntVec) -> None:
        known: dict[tuple[bytes, int], DecodedText] = {}
        raws = self.cells.binary().take(pa.array(special)).to_pylist()
        for entry, raw in zip(special.tolist(), raws, strict=True):
            key = raw, int(self.sets.which[entry])
            if key not in known:
                known[key] = values.text_values(raw, vr, self.sets.of(entry))
            self._finish(entry, known[key])

    def _finish(self, entry: int, decoded: DecodedText) -> None:
        self.finished[entry] = "\\".join(decoded.values)
        if decoded.replaced:
            self.replaced[entry] = decoded.replaced

    def _with_finished(self, array: pa.Array, *, left: bool) -> pa.Array:
        """The array with finished texts in their places."""
        if not self.finished:
            return array
        entries = sorted(self.finished)
        texts = pa.array([self.finished[entry] for entry in entries], pa.string())
        mask = np.zeros(len(array), np.bool_)
        mask[entries] = True
        # As bytes: what is being replaced need not be valid text.
        patched = pc.replace_with_mask(
            array.view(pa.binary()),
            pa.array(mask),
            trimmed(texts, left=left).view(pa.binary()),
        )
        return patched.view(pa.string())


def number_text(value: float, vr: str) -> str:
    """The shortest decimal text that reads back to the same value in its VR."""
    return str(np.float32(value)) if vr == "FL" else repr(value)


def _rendered(raw: bytes, vr: str, big_endian: bool) -> str | None:
    """The text of one value field that is no string; None when it has none."""
    try:
        return _RENDER[vr](raw, vr, big_endian)
    except ValueError:
        return None


def _numbers(raw: bytes, vr: str, big_endian: bool) -> str:
    numbers = values.number_values(vr, raw, big_endian=big_endian)
    return "\\".join(number_text(number, vr) for number in numbers)


def _tags(raw: bytes, _: str, big_endian: bool) -> str:
    return "\\".join(values.tag_values(raw, big_endian=big_endian))


def _base64(raw: bytes, _vr: str, _big_endian: bool) -> str:
    return base64.b64encode(raw).decode("ascii")


_RENDER: dict[str, Callable[[bytes, str, bool], str]] = {
    "AT": _tags,
    **dict.fromkeys(vrs.NUMBER_FORMATS, _numbers),
    **dict.fromkeys(vrs.WORD_SIZES, _base64),
}


def special_entries(array: pa.Array, vr: str) -> IntVec:
    """Entries that need more than the padding around them removed.

    Args:
        array: of strings without that padding.
        vr: one of the string VRs.
    """
    offsets, data = contents(array)
    special = data - np.uint8(_SPACE) >= _PLAIN_COUNT
    separators = np.flatnonzero(data == _BACKSLASH)
    if len(separators):
        # Several values need a look only for padding between them.
        near = (data[np.maximum(separators - 1, 0)] == _SPACE) | (
            data[np.minimum(separators + 1, len(data) - 1)] == _SPACE
        )
        single = vr in vrs.SINGLE_VALUED_VRS
        special[separators if single else separators[near]] = True
    if not special.any():
        return np.zeros(0, np.int64)
    return np.unique(holders(offsets, np.flatnonzero(special)))
