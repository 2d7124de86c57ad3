"""What every reader of Identifiers shares: elements checked, sorted, each once."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from batchfind.dicom import dictionary
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.vrs import (
    LONG_FORM,
    NUMBER_FORMATS,
    SHORT_FORM,
    WORD_SIZES,
)

CHARACTER_SET: Final = 0x00080005
DEEPEST: Final = 16
"""Sequences within sequences; no information model nests a third as deep."""
MOST_ELEMENTS: Final = 20_000

LEFT_OUT_GROUPS: Final = frozenset({0x0000, 0x0002})
"""Command set and file meta information, which no Identifier holds."""

_PADDING_TAG: Final = 0xFFFCFFFC
_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_FLOATS: Final = frozenset({"FD", "FL"})
_KEEP_LEADING_SPACES: Final = frozenset({"LT", "PN", "ST", "UC", "UR", "UT"})


class FormatError(ValueError):
    """A file is not what its content promised; `line` is 0 when it has no lines."""

    def __init__(self, message: str, line: int = 0) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Parsed:
    """An Identifier and the terms of its (0008,0005)."""

    identifier: Identifier
    charset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """An element as a file states it, with its line; 0 when it has none."""

    element: Element
    line: int = 0


def vr_of(tag: int, written: str | None, known: Dictionary = STANDARD) -> str:
    """The VR a file writes, or the dictionary's when it writes none we know."""
    if written in SHORT_FORM or written in LONG_FORM:
        return written or ""
    return known.vr_of(tag)


def tag_of(text: str, line: int = 0) -> int:
    """A tag written as `ggggeeee`, `gggg,eeee` or `(gggg,eeee)`.

    Raises:
        FormatError: for any other text.
    """
    found = _TAG.fullmatch(text.strip())
    if found is None:
        raise FormatError(f"'{text[:20]}' is no tag; write ggggeeee", line)
    return int(found[1] + found[2], 16)


def text_element(tag: int, vr: str, values: Iterable[str], line: int = 0) -> Element:
    """An element whose values are text, numbers or tags.

    Raises:
        FormatError: for a number its VR cannot hold, or half a surrogate pair.
    """
    texts = [one.rstrip(" \0") for one in values]
    if vr not in _KEEP_LEADING_SPACES:
        texts = [one.lstrip(" ") for one in texts]
    if vr in NUMBER_FORMATS:
        texts = [_number(tag, vr, one, line) for one in texts]
    elif vr == "AT":
        texts = [f"{tag_of(one, line):08X}" for one in texts]
    text = "\\".join(texts)
    if any("\ud800" <= char <= "\udfff" for char in text):
        message = f"{dictionary.label(tag)} holds half of a surrogate pair"
        raise FormatError(message, line)
    return Element(tag, vr, text)


def holds_bytes(vr: str) -> bool:
    """Whether an element of this VR is bytes in an Identifier."""
    return vr in WORD_SIZES


def data_set(found: Iterable[Found]) -> Identifier:
    """Elements in ascending order, without those batchfind writes itself.

    Raises:
        FormatError: when a tag stands twice.
    """
    elements: dict[int, Element] = {}
    for one in found:
        tag = one.element.tag
        if tag in elements:
            message = f"{dictionary.label(tag)} stands twice; keep one of them"
            raise FormatError(message, one.line)
        elements[tag] = one.element
    return tuple(elements[tag] for tag in sorted(elements) if not _is_left_out(tag))


def charset_of(found: Iterable[Found]) -> tuple[str, ...]:
    """Terms of (0008,0005) among elements; () when it is absent or empty."""
    for one in found:
        value = one.element.value
        if one.element.tag == CHARACTER_SET and isinstance(value, str) and value:
            return tuple(term.strip() for term in value.split("\\"))
    return ()


def _is_left_out(tag: int) -> bool:
    """Tags that an Identifier never carries or that batchfind writes.

    Source: PS3.5 Sections 7.2 and 7.8, PS3.10 Section 7.
    """
    if tag >> 16 in LEFT_OUT_GROUPS or not tag & 0xFFFF:
        return True
    return tag in {CHARACTER_SET, _PADDING_TAG}


def _number(tag: int, vr: str, text: str, line: int) -> str:
    """A number in decimal as an Identifier holds it."""
    try:
        if vr in _FLOATS:
            struct.pack(f"<{NUMBER_FORMATS[vr]}", float(text))
            return text
        value = int(text)
        struct.pack(f"<{NUMBER_FORMATS[vr]}", value)
    except (ValueError, OverflowError, struct.error):
        message = f"{dictionary.label(tag)}: '{text[:30]}' is no {vr}"
        raise FormatError(message, line) from None
    return str(value)
