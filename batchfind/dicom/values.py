"""The value field of one element as Python values."""

from __future__ import annotations

from array import array
from struct import error, pack, unpack
from typing import Final

from batchfind.dicom.charset import CharacterSets, DecodedText, decode_text
from batchfind.dicom.vrs import NUMBER_FORMATS, VALUE_SIZES, WORD_SIZES

_LEADING_SPACES: Final = frozenset({"AE", "CS", "DS", "IS", "LO", "SH"})
"""VRs in which leading spaces mean nothing.

Source: PS3.5 Table 6.2-1.
"""

_PADDING: Final = " \0"
_WORD_CODES: Final = {2: "H", 4: "I", 8: "Q"}
_DECIMAL_WORDS: Final = {"OD": "d", "OF": "f", "OL": "I", "OV": "Q"}
_FORMS: Final = {
    "OB": r"write the bytes in hexadecimal, such as 01\0A\FF",
    "UN": r"write the bytes in hexadecimal, such as 01\0A\FF",
    "OW": r"write the words in hexadecimal, such as 0001\00FF",
    "OF": r"write decimal numbers, such as 0.5\1",
    "OD": r"write decimal numbers, such as 0.5\1",
    "OL": r"write decimal numbers, such as 0\255",
    "OV": r"write decimal numbers, such as 0\255",
}


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


def number_text(vr: str, number: float) -> str:
    """A number in decimal, without `.0`, in digits enough to read back.

    Args:
        vr: FL has nine digits at most; FD as many as it takes.
        number: one of `number_values`.
    """
    if vr == "FL":
        return f"{number:.9g}"
    if vr != "FD":
        return str(number)
    shorter = (f"{number:.{digits}g}" for digits in (15, 16))
    return next((text for text in shorter if float(text) == number), f"{number:.17g}")


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


def words_of_text(vr: str, text: str) -> bytes:
    r"""The bytes of OB OW OF OD OL OV UN from a text in findscu's form.

    Args:
        vr: decides the form.
        text: `01\0A\FF` for bytes, `0001\00FF` for words (OW), decimal numbers for
            OF, OD, OL and OV; or empty.

    Returns:
        The value field in little endian, not padded.

    Raises:
        ValueError: saying what to write instead.
    """
    parts = text.split("\\") if text else []
    try:
        if vr in _DECIMAL_WORDS:
            convert = float if vr in {"OD", "OF"} else int
            return pack(f"<{len(parts)}{_DECIMAL_WORDS[vr]}", *map(convert, parts))
        digits = 2 * WORD_SIZES[vr]
        if not all(parts):
            raise ValueError(_FORMS[vr])  # noqa: TRY301 - as bytes.fromhex does
        if all(len(part) <= digits for part in parts):
            parts = [part.zfill(digits) for part in parts]
        raw = bytes.fromhex("".join(parts))
    except (ValueError, OverflowError, error):
        raise ValueError(_FORMS[vr]) from None
    return swapped_words(raw, vr)


def _count(vr: str, raw: bytes) -> int:
    size = VALUE_SIZES[vr]
    count, rest = divmod(len(raw), size)
    if rest:
        raise ValueError(f"{vr} of {len(raw)} bytes is no multiple of {size}")
    return count
