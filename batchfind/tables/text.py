"""Raw values of one attribute as text: padding removed, character sets decoded."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom import values, vrs
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import RawElement

_STRIPPED_LEFT = frozenset({"AE", "CS", "DS", "IS", "LO", "SH"})
_PADDING = " \0"
# 7C and below stand for themselves in every initial character set, but for the
# backslash, which separates values; 7E is an overline in ISO_IR 13.
_PLAIN = bytes(set(range(0x20, 0x7E)) - {0x5C})
_SPECIAL = re.compile(b"[^" + re.escape(_PLAIN) + b"]")


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
    cells: Sequence[bytes | None],
    vr: str,
    sets: Sequence[CharacterSets],
    odd: dict[int, RawElement],
    *,
    big_endian: bool,
) -> TextColumn:
    """The text of one attribute.

    Args:
        cells: raw values, one an entry; None where absent or odd.
        vr: of all cells; not SQ.
        sets: character sets of each entry.
        odd: by entry, values that came with another VR.
        big_endian: byte order of binary numbers.

    Returns:
        Text of every entry.

    Source: PS3.5 Sections 6.2 and 6.4.
    """
    column = _Builder(list(cells), sets, big_endian)
    column.take_odd(odd, vr)
    array = column.strings(vr) if vr in vrs.STRING_VRS else column.mapped(vr)
    return TextColumn(array, column.replaced, column.broken)


class _Builder:
    """A column in the making: raw cells, and finished text for some of them."""

    def __init__(
        self, cells: list[Any], sets: Sequence[CharacterSets], big_endian: bool
    ) -> None:
        self.cells = cells
        self.sets = sets
        self.big_endian = big_endian
        self.finished: dict[int, str] = {}
        self.replaced: dict[int, int] = {}
        self.broken: dict[int, str] = {}

    def take_odd(self, odd: dict[int, RawElement], vr: str) -> None:
        """Finish values that came with another VR than the column's."""
        for entry, (_, sent, value) in odd.items():
            if isinstance(value, list):
                self.broken[entry] = f"a sequence of {len(value)} items"
                continue
            # UN is Implicit VR Little Endian whatever surrounds it: PS3.5 6.2.2.
            unknown = sent == "UN"
            known = vr if unknown else sent
            text = self._one(entry, value, known, self.big_endian and not unknown)
            if text is not None:
                self.finished[entry] = text

    def strings(self, vr: str) -> pa.Array:
        """String values: whole columns at once where every byte is plain ASCII."""
        left = vr in _STRIPPED_LEFT
        array = _trimmed(self.cells, left)
        if _has_special(array):
            self._finish_special(vr)
        if not self.finished:
            return array
        cells = list(self.cells)
        for entry, text in self.finished.items():
            cells[entry] = text.encode()
        return _trimmed(cells, left)

    def mapped(self, vr: str) -> pa.Array:
        """Values of the other VRs: each distinct one is rendered once."""
        known: dict[bytes, str | None] = {}
        texts: list[str | None] = []
        for entry, raw in enumerate(self.cells):
            if raw is None:
                texts.append(self.finished.get(entry))
                continue
            if raw not in known:
                known[raw] = self._one(entry, raw, vr, self.big_endian)
            text = known[raw]
            if text is None:
                self.broken[entry] = raw.hex()
            texts.append(text)
        return pa.array(texts, pa.string())

    def _finish_special(self, vr: str) -> None:
        known: dict[tuple[bytes, int], tuple[str, int]] = {}
        for entry, raw in enumerate(self.cells):
            if raw is None or not _SPECIAL.search(raw):
                continue
            sets = self.sets[entry]
            key = raw, id(sets)
            if key not in known:
                decoded = values.text_values(raw, vr, sets)
                known[key] = "\\".join(decoded.values), decoded.replaced
            self.finished[entry], replaced = known[key]
            if replaced:
                self.replaced[entry] = replaced

    def _one(self, entry: int, raw: bytes, vr: str, big_endian: bool) -> str | None:
        """The text of one value field; None when it has none."""
        if vr in vrs.STRING_VRS:
            decoded = values.text_values(raw, vr, self.sets[entry])
            if decoded.replaced:
                self.replaced[entry] = decoded.replaced
            return "\\".join(decoded.values)
        try:
            return _RENDER[vr](raw, vr, big_endian)
        except ValueError:
            self.broken[entry] = raw.hex()
            return None


def number_text(value: float, vr: str) -> str:
    """The shortest decimal text that reads back to the same value in its VR."""
    return str(np.float32(value)) if vr == "FL" else repr(value)


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


def _trimmed(cells: Sequence[Any], left: bool) -> pa.Array:
    """Bytes as a string array without padding; not valid text before it is checked."""
    array = pa.array(cells, pa.binary()).view(pa.string())
    array = pc.ascii_rtrim(array, characters=_PADDING)
    return pc.ascii_ltrim(array, characters=" ") if left else array


def _has_special(array: pa.Array) -> bool:
    """Whether any value needs more than its padding removed."""
    _, _, data = array.buffers()
    return data is not None and bool(data.to_pybytes().translate(None, _PLAIN))
