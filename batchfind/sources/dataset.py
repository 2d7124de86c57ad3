"""Base Identifiers in bytes: DICOM files and raw data sets."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from batchfind.dicom import dictionary
from batchfind.dicom.charset import CharacterSets, resolve
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.raw import RawElement
from batchfind.dicom.scalar import decode
from batchfind.dicom.transfer_syntaxes import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    TITLES,
)
from batchfind.dicom.values import (
    number_values,
    swapped_words,
    tag_values,
    text_values,
)
from batchfind.dicom.vrs import (
    LONG_FORM,
    NUMBER_FORMATS,
    SHORT_FORM,
    STRING_VRS,
    WORD_SIZES,
)
from batchfind.errors import IdentifierDefect
from batchfind.sources.elements import (
    CHARACTER_SET,
    LEFT_OUT_GROUPS,
    FormatError,
    Found,
    Parsed,
    data_set,
)

_PREAMBLE: Final = 132
_TRANSFER_SYNTAX: Final = (0x0002, 0x0010)


def read_part10(
    raw: bytes, known: Dictionary = STANDARD, *, as_written: bool = False
) -> Parsed:
    """The data set of a DICOM file.

    Args:
        raw: the file.
        known: VRs of elements in Implicit VR.
        as_written: as for `read_identifier`.

    Raises:
        FormatError: for broken file meta information, a transfer syntax no
            Identifier can have, or a broken data set.

    Source: PS3.10 Section 7.1.
    """
    syntax, begin = file_meta(raw)
    if syntax not in TITLES:
        message = f"its transfer syntax {syntax[:64] or '(none)'} holds no Identifier"
        raise FormatError(message)
    return _read(raw[begin:], syntax, known, as_written=as_written)


def read_raw(
    raw: bytes, known: Dictionary = STANDARD, *, as_written: bool = False
) -> Parsed:
    """A data set without file meta information, its transfer syntax guessed.

    Args:
        raw: the file.
        known: VRs of elements in Implicit VR.
        as_written: as for `read_identifier`.

    Raises:
        FormatError: when it is no data set.
    """
    return _read(raw, guess_transfer_syntax(raw), known, as_written=as_written)


def guess_transfer_syntax(raw: bytes) -> str:
    """The transfer syntax that the first element of a data set shows.

    Two capital letters of a known VR after the tag mean explicit VR. The first
    group of an Identifier is small, so its non-zero byte tells the byte order.

    Source: PS3.5 Section 7.1.
    """
    vr = raw[4:6].decode("latin-1")
    if vr not in SHORT_FORM and vr not in LONG_FORM:
        return IMPLICIT_LE
    little, big = struct.unpack("<H", raw[:2]), struct.unpack(">H", raw[:2])
    return EXPLICIT_LE if little <= big else EXPLICIT_BE


def parsed(
    elements: Iterable[RawElement],
    *,
    big_endian: bool = False,
    as_written: bool = False,
) -> Parsed:
    """Decoded elements as an Identifier with the terms of its (0008,0005).

    Args:
        elements: of the data set itself.
        big_endian: byte order of their values.
        as_written: as for `read_identifier`.

    Raises:
        FormatError: when a value does not fit its VR or its character set.
    """
    elements = tuple(elements)
    terms = _terms(elements)
    charset = tuple(terms.split("\\")) if terms else ()
    if as_written:
        return Parsed(_as_written(elements, big_endian=big_endian), charset)
    sets = _character_sets(elements, resolve(None))
    return Parsed(_identifier(elements, sets, big_endian=big_endian), charset)


def _read(
    payload: bytes, syntax: str, known: Dictionary, *, as_written: bool
) -> Parsed:
    try:
        elements = decode(payload, syntax, known=known, verbatim=as_written)
    except IdentifierDefect as defect:
        raise FormatError(f"is no {TITLES[syntax]} data set: {defect}") from None
    big_endian = syntax == EXPLICIT_BE
    return parsed(elements, big_endian=big_endian, as_written=as_written)


def file_meta(raw: bytes) -> tuple[str, int]:
    """Transfer syntax UID of a DICOM file, and where its data set begins.

    Raises:
        FormatError: the file meta information is cut off.

    Source: PS3.10 Section 7.1.
    """
    syntax, at = "", _PREAMBLE
    while at + 8 <= len(raw):
        group, element = struct.unpack_from("<HH", raw, at)
        if group != _TRANSFER_SYNTAX[0]:
            break
        vr = raw[at + 4 : at + 6].decode("latin-1")
        if vr in LONG_FORM and at + 12 <= len(raw):
            length, begin = struct.unpack_from("<I", raw, at + 8)[0], at + 12
        else:
            length, begin = struct.unpack_from("<H", raw, at + 6)[0], at + 8
        at = begin + length
        if (group, element) == _TRANSFER_SYNTAX:
            syntax = raw[begin:at].decode("latin-1").strip("\0 ")
    if at > len(raw):
        raise FormatError("its file meta information is cut off")
    return syntax, at


def _terms(elements: Iterable[RawElement]) -> str:
    for tag, _, value in elements:
        if tag == CHARACTER_SET and isinstance(value, bytes):
            return value.decode("latin-1").strip("\0 ")
    return ""


def _character_sets(
    elements: Iterable[RawElement], outer: CharacterSets
) -> CharacterSets:
    """What (0008,0005) of a data set or an item says, else what holds around it."""
    terms = _terms(elements)
    return resolve(terms) if terms else outer


def _identifier(
    elements: Iterable[RawElement], sets: CharacterSets, *, big_endian: bool
) -> Identifier:
    return data_set(
        Found(Element(raw.tag, raw.vr, _value(raw, sets, big_endian=big_endian)))
        for raw in elements
    )


def _as_written(elements: Iterable[RawElement], *, big_endian: bool) -> Identifier:
    """Elements with their padding, and group lengths."""
    return tuple(
        Element(raw.tag, raw.vr, _value_as_written(raw, big_endian=big_endian))
        for raw in elements
        if raw.tag >> 16 not in LEFT_OUT_GROUPS
    )


def _value_as_written(
    raw: RawElement, *, big_endian: bool
) -> str | bytes | tuple[Identifier, ...]:
    tag, vr, value = raw
    if not isinstance(value, bytes):
        return tuple(_as_written(item, big_endian=big_endian) for item in value)
    if vr in STRING_VRS:
        return value.decode("ascii") if value.isascii() else value
    return _value(RawElement(tag, vr, value), resolve(None), big_endian=big_endian)


def _value(
    raw: RawElement, sets: CharacterSets, *, big_endian: bool
) -> str | bytes | tuple[Identifier, ...]:
    tag, vr, value = raw
    if not isinstance(value, bytes):
        return tuple(
            _identifier(item, _character_sets(item, sets), big_endian=big_endian)
            for item in value
        )
    if vr in WORD_SIZES:
        return swapped_words(value, vr) if big_endian else value
    try:
        return "\\".join(_texts(vr, value, sets, big_endian=big_endian))
    except ValueError as error:
        raise FormatError(f"{dictionary.label(tag)}: {error}") from None


def _texts(
    vr: str, value: bytes, sets: CharacterSets, *, big_endian: bool
) -> Iterator[str]:
    if vr in NUMBER_FORMATS:
        numbers = number_values(vr, value, big_endian=big_endian)
        yield from (_decimal(vr, number) for number in numbers)
    elif vr == "AT":
        yield from tag_values(value, big_endian=big_endian)
    elif vr in STRING_VRS:
        text = text_values(value, vr, sets)
        if text.replaced:
            declared = "\\".join(sets.terms)
            raise ValueError(f"its bytes are not {declared}; mend (0008,0005)")
        yield from text.values


def _decimal(vr: str, number: float) -> str:
    """The shortest decimal that reads back as the same number."""
    if vr != "FL":
        return repr(number)
    bits = struct.pack("<f", number)
    texts = (f"{number:.{digits}g}" for digits in range(1, 10))
    return next(text for text in texts if struct.pack("<f", float(text)) == bits)
