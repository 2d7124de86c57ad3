"""The value field of one element as Python values."""

from __future__ import annotations

from array import array
from struct import unpack
from typing import Final

from batchfind.dicom.charset import CharacterSets, DecodedText, decode_text
from batchfind.dicom.vrs import NUMBER_FORMATS, VALUE_SIZES, WORD_SIZES

_LEADING_SPACES: Final = frozenset({"AE", "CS", "DS", "IS", "LO", "SH"})
"""VRs in which leading spaces mean nothing.

Source: PS3.5 Table 6.2-1.
"""

_PADDING: Final = " \0"
_WORD_CODES: Final = {2: "H", 4: "I", 8: "Q"}


def text_values(raw: bytes, vr: str, sets: CharacterSets) -> DecodedText:
    """The values of a string element as Unicode, without padding.

    Spaces and NUL are taken from the end of each value, spaces also from the front
    where they mean nothing. NUL is padding only in UI, but peers pad text with it.

    Args:
        raw: the value field.
        vr: one of the string VRs.
        sets: what (0008,0005) of the same data set says.

    Returns:
        The values; () when nothing but padding was sent.

    Source: PS3.5 Sections 6.2 and 6.4.
    """
    values, replaced = decode_text(raw, vr, sets)
    stripped = tuple([value.rstrip(_PADDING) for value in values])
    if vr in _LEADING_SPACES:
        stripped = tuple([value.lstrip(" ") for value in stripped])
    return DecodedText(() if stripped == ("",) else stripped, replaced)


def number_values(
    vr: str, raw: bytes, *, big_endian: bool = False
) -> tuple[int | float, ...]:
    """The values of a binary number: US SS UL SL UV SV FL FD.

    Raises:
        ValueError: when the length is no multiple of the value's size; only this
            element is spoilt by it.

    Source: PS3.5 Table 6.2-1.
    """
    count = _count(vr, raw)
    order = ">" if big_endian else "<"
    return unpack(f"{order}{count}{NUMBER_FORMATS[vr]}", raw)


def tag_values(raw: bytes, *, big_endian: bool = False) -> tuple[str, ...]:
    """The values of an AT element, each as eight hexadecimal digits `GGGGEEEE`.

    Raises:
        ValueError: when the length is no multiple of four.

    Source: PS3.5 Table 6.2-1.
    """
    order = ">" if big_endian else "<"
    halves = unpack(f"{order}{2 * _count('AT', raw)}H", raw)
    pairs = zip(halves[::2], halves[1::2], strict=True)
    return tuple(f"{group:04X}{element:04X}" for group, element in pairs)


def swapped_words(raw: bytes, vr: str) -> bytes:
    """The bytes of OB OW OF OD OL OV UN in the other byte order.

    Args:
        raw: the value field; returned as it is when it is no whole number of words.
        vr: decides the size of a word.

    Source: PS3.5 Section 7.3.
    """
    size = WORD_SIZES[vr]
    if size == 1 or len(raw) % size:
        return raw
    words = array(_WORD_CODES[size], raw)
    words.byteswap()
    return words.tobytes()


def _count(vr: str, raw: bytes) -> int:
    size = VALUE_SIZES[vr]
    count, rest = divmod(len(raw), size)
    if rest:
        raise ValueError(f"{vr} of {len(raw)} bytes is no multiple of {size}")
    return count
