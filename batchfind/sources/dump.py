"""Base Identifiers as text that dump2dcm reads and dcmdump writes."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from batchfind.dicom.dcmtk_names import uid_named
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import RawElement
from batchfind.dicom.vrs import LONG_FORM, NUMBER_FORMATS, SHORT_FORM
from batchfind.sources.dataset import parsed
from batchfind.sources.elements import (
    DEEPEST,
    FormatError,
    Parsed,
    holds_bytes,
    tag_of,
    vr_of,
)

_VRS: Final = [
    *(vr.encode("ascii") for vr in sorted(SHORT_FORM | LONG_FORM)),
    # DCMTK's own: a choice of VRs, not applicable, pixel items, unknown.
    *(b"ox", b"px", b"xs", b"lt", b"up", b"na", b"pi", b"ps", b"??", b"-"),
]
_LINE: Final = re.compile(
    rb"\s*\(\s*([0-9A-Fa-f]{4})\s*,\s*([0-9A-Fa-f]{4})\s*\)\s*"
    rb"(?:(%b)(?=\s|$))?\s*(.*)" % b"|".join(map(re.escape, _VRS)),
    re.DOTALL,
)
_EMPTY: Final = b"(no value available)"
_NOT_IDENTIFIER: Final = frozenset({0x0000, 0x0002})
"""Command set and file meta information, which dcmdump prints too."""
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_FLOATS: Final = frozenset({"FD", "FL"})


def read_dump(
    raw: bytes, known: Dictionary = STANDARD, *, as_written: bool = False
) -> Parsed:
    """The data set of a dump.

    Args:
        raw: lines of `(gggg,eeee) VR value # comment`; values in brackets, bare
            numbers, hexadecimal bytes, and sequences with their item lines.
        known: VRs of lines that have none.
        as_written: as for `read_identifier`.

    Returns:
        The Identifier; text is decoded as its (0008,0005) says.

    Raises:
        FormatError: with the line that cannot be read.
    """
    reader = _Reader(known)
    # Bytes beyond ASCII are values: only their character set tells what they mean.
    for number, line in enumerate(raw.split(b"\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(b"#"):
            reader.line(stripped, number)
    elements = sorted(reader.finish(), key=lambda one: one.tag)
    return parsed(elements, as_written=as_written)


@dataclass(slots=True)
class _Item:
    """A data set or item whose end is not reached."""

    elements: list[RawElement] = field(default_factory=list)
    tags: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Sequence:
    """A sequence whose end is not reached."""

    tag: int
    line: int
    items: list[list[RawElement]] = field(default_factory=list)


class _Reader:
    """Lines to elements, with a stack of open items and sequences."""

    def __init__(self, known: Dictionary) -> None:
        self._known = known
        self._stack: list[_Item | _Sequence] = [_Item()]

    def line(self, text: bytes, number: int) -> None:
        match = _LINE.fullmatch(text)
        if match is None:
            message = "is no line of a dump; write (gggg,eeee) VR [value]"
            raise FormatError(message, number)
        tag = int(match[1] + match[2], 16)
        if tag >> 16 in _NOT_IDENTIFIER:
            return
        if tag in {_ITEM, _ITEM_END, _SEQUENCE_END}:
            self._delimiter(tag, number)
            return
        item = self._stack[-1]
        if not isinstance(item, _Item):
            message = (
                "stands between the items of a sequence; begin one with (fffe,e000)"
            )
            raise FormatError(message, number)
        if tag in item.tags:
            raise FormatError("this tag stands twice; keep one of them", number)
        item.tags.add(tag)
        vr = vr_of(tag, (match[3] or b"").decode("ascii"), self._known)
        if vr == "SQ":
            self._open(_Sequence(tag, number), number)
        else:
            value = _value(vr, match[4], number)
            item.elements.append(RawElement(tag, vr, value))

    def _open(self, opened: _Item | _Sequence, number: int) -> None:
        if len(self._stack) > 2 * DEEPEST:
            raise FormatError(f"nested deeper than {DEEPEST} sequences", number)
        self._stack.append(opened)

    def _delimiter(self, tag: int, number: int) -> None:
        top = self._stack[-1]
        if tag == _ITEM and isinstance(top, _Sequence):
            self._open(_Item(), number)
        elif tag == _ITEM_END and isinstance(top, _Item) and len(self._stack) > 1:
            self._stack.pop()
            above = self._stack[-1]
            assert isinstance(above, _Sequence)  # noqa: S101 - an item opens in none else
            above.items.append(sorted(top.elements, key=lambda one: one.tag))
        elif tag == _SEQUENCE_END and isinstance(top, _Sequence):
            self._stack.pop()
            above = self._stack[-1]
            assert isinstance(above, _Item)  # noqa: S101 - a sequence opens in none else
            above.elements.append(RawElement(top.tag, "SQ", top.items))
        else:
            raise FormatError("this delimiter ends nothing that is open", number)

    def finish(self) -> list[RawElement]:
        for opened in reversed(self._stack):
            if isinstance(opened, _Sequence):
                message = "this sequence has no end; write (fffe,e00d) after each item "
                raise FormatError(f"{message}and (fffe,e0dd) last", opened.line)
        root = self._stack[0]
        assert isinstance(root, _Item)  # noqa: S101 - it was put there first
        return root.elements


def _value(vr: str, text: bytes, line: int) -> bytes:
    if text.startswith(b"["):
        end = text.rfind(b"]")
        if end < 1:
            raise FormatError("its value has no closing bracket ]", line)
        return text[1:end]
    bare = text.partition(b"#")[0].strip()
    if not bare or bare == _EMPTY:
        return b""
    if bare.startswith(b"="):
        return _named_uid(vr, bare[1:].decode("latin-1"), line)
    if holds_bytes(vr):
        return _hexadecimal(vr, bare, line)
    if vr in NUMBER_FORMATS:
        return _numbers(vr, bare.decode("latin-1"), line)
    if vr == "AT":
        tags = (tag_of(one, line) for one in bare.decode("latin-1").split("\\"))
        return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in tags)
    if bare[:1] in {b"(", b"<"}:
        raise FormatError(f"its value cannot begin with {bare[:1].decode()}", line)
    return bare


def _numbers(vr: str, text: str, line: int) -> bytes:
    read = float if vr in _FLOATS else int
    try:
        values = [read(one) for one in text.split("\\")]
        return struct.pack(f"<{len(values)}{NUMBER_FORMATS[vr]}", *values)
    except (ValueError, OverflowError, struct.error):
        raise FormatError(f"'{text[:30]}' is no {vr}", line) from None


def _hexadecimal(vr: str, text: bytes, line: int) -> bytes:
    """Hexadecimal bytes, or words in their reading order, as little endian."""
    digits = 4 if vr == "OW" else 2
    parts = text.replace(b"\\", b" ").split()
    if any(len(part) != digits for part in parts):
        message = (
            f"{vr} is written as {digits} hexadecimal digits, backslash, and so on"
        )
        raise FormatError(message, line)
    try:
        words = [bytes.fromhex(part.decode("ascii")) for part in parts]
    except ValueError:
        raise FormatError("its value is not hexadecimal", line) from None
    return b"".join(word[::-1] for word in words)


def _named_uid(vr: str, name: str, line: int) -> bytes:
    if vr != "UI":
        raise FormatError("its value is another file; write the value here", line)
    uid = uid_named(name)
    if uid is not None:
        return uid.encode("ascii")
    raise FormatError(f"the UID name '{name[:64]}' is unknown; write [1.2…]", line)
