"""A data set encoded anew as DCMTK writes a file.

Sequences and items get undefined lengths, group lengths are counted, elements are in
order, each tag once, and no value has an odd length. All else is as received.

Source: PS3.5 Sections 6.2, 7.1, 7.2 and 7.5, Annex A.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from struct import Struct, pack
from typing import Final

from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_BE, IMPLICIT_LE
from batchfind.dicom.vrs import LONG_FORM, STRING_VRS

_UNDEFINED: Final = 0xFFFF_FFFF
_ITEM: Final = (0xFFFE, 0xE000)
_ITEM_END: Final = (0xFFFE, 0xE00D)
_SEQUENCE_END: Final = (0xFFFE, 0xE0DD)


def rewritten(
    elements: Sequence[RawElement], transfer_syntax: str, *, deflate_level: int = 6
) -> bytes:
    """The bytes of a data set.

    Args:
        elements: decoded verbatim.
        transfer_syntax: UID of the one they were decoded in.
        deflate_level: 0 to 9; only for the deflated syntax.
    """
    data = _Writer(transfer_syntax).data_set(elements)
    if transfer_syntax != DEFLATED_LE:
        return data
    stream = zlib.compressobj(deflate_level, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = stream.compress(data) + stream.flush()
    return deflated + b"\0" * (len(deflated) % 2)


class _Writer:
    """The choices that hold for a whole data set."""

    def __init__(self, transfer_syntax: str) -> None:
        self._implicit = transfer_syntax == IMPLICIT_LE
        self._order = ">" if transfer_syntax == EXPLICIT_BE else "<"
        self._long_header = Struct(self._order + "HH2sHL").pack
        self._short_header = Struct(self._order + "HH2sH").pack
        self._item_header = Struct(self._order + "HHL").pack

    def data_set(self, elements: Sequence[RawElement]) -> bytes:
        written = [self._element(element) for element in elements]
        for at, (tag, vr, _) in enumerate(elements):
            if not tag & 0xFFFF:
                length = sum(
                    len(data)
                    for other, data in zip(elements, written, strict=True)
                    if other.tag >> 16 == tag >> 16 and other.tag != tag
                )
                value = pack(self._order + "L", length)
                written[at] = self._element(RawElement(tag, vr, value))
        return b"".join(written)

    def _element(self, element: RawElement) -> bytes:
        tag, vr, value = element
        if isinstance(value, list):
            end = self._item_header(*_SEQUENCE_END, 0)
            return self._header(tag, vr, _UNDEFINED) + self._items(value) + end
        if len(value) % 2:
            value += b" " if vr in STRING_VRS and vr != "UI" else b"\0"
        return self._header(tag, vr, len(value)) + value

    def _items(self, items: list[list[RawElement]]) -> bytes:
        begin = self._item_header(*_ITEM, _UNDEFINED)
        end = self._item_header(*_ITEM_END, 0)
        return b"".join(begin + self.data_set(item) + end for item in items)

    def _header(self, tag: int, vr: str, length: int) -> bytes:
        group, number = tag >> 16, tag & 0xFFFF
        if self._implicit:
            return self._item_header(group, number, length)
        code = vr.encode("ascii")
        if vr in LONG_FORM:
            return self._long_header(group, number, code, 0, length)
        return self._short_header(group, number, code, length)
