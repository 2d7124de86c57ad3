"""ISO 2022 code extensions as DICOM uses them: G0, G1 and escape sequences.

The sets of value 1 are in force at the start of a value field, after a control
character, after a backslash between values, and after `^` and `=` of a person name.

Source: PS3.5 Section 6.1.2.5.
"""

from __future__ import annotations

import re
from typing import Final

from batchfind.dicom.repertoire import (
    BY_ESCAPE,
    KATAKANA,
    REPLACEMENT,
    Repertoire,
)

_ESC: Final = 0x1B
_SEQUENCE: Final = re.compile(rb"\x1b[\x20-\x2f]*[\x30-\x7e]?")
"""An escape sequence as ISO 2022 forms it, also one that the text cuts off."""

_RESETTING: Final = "\\^="


def decode(
    raw: bytes,
    initial: tuple[Repertoire, ...],
    declared: frozenset[Repertoire],
    delimiters: bytes,
) -> tuple[str, int]:
    """Unicode of bytes that may hold escape sequences.

    Args:
        raw: a value field.
        initial: the set of G0, then that of G1 if there is one.
        declared: what escape sequences may designate; when empty, code extensions
            are not in use and an unknown escape sequence is only control
            characters.
        delimiters: bytes before which the initial sets are in force again.

    Returns:
        The text, and how many U+FFFD it holds for what could not be decoded.
    """
    reader = _Reader(raw, initial, declared, delimiters)
    return reader.read()


def encode(
    text: str, initial: tuple[Repertoire, ...], choices: tuple[Repertoire, ...]
) -> bytes:
    """Bytes with escape sequences where the initial sets do not suffice.

    Args:
        text: what to encode.
        initial: the set of G0, then that of G1 if there is one.
        choices: what escape sequences may designate, in order of preference.

    Raises:
        UnicodeEncodeError: at the first character that no set has.
    """
    left, right = start = _halves(initial)
    out = bytearray()
    for position, char in enumerate(text):
        if char in _RESETTING or not char.isprintable():
            out += b"" if left is start[0] else start[0].escape
            left, right = start
            if char < "\x80":
                out.append(ord(char))
                continue
        active = (left, right) if right else (left,)
        chars = next((s for s in (*active, *choices) if s.encode(char)), None)
        if chars is None:
            raise UnicodeEncodeError("iso2022", text, position, position + 1, "no set")
        out += b"" if chars in active else chars.escape
        left, right = (left, chars) if chars.right else (chars, right)
        out += chars.encode(char) or b""
    return bytes(out if left is start[0] else out + start[0].escape)


def _halves(initial: tuple[Repertoire, ...]) -> tuple[Repertoire, Repertoire | None]:
    return initial[0], initial[1] if len(initial) > 1 else None


class _Reader:
    """A walk over one value field with G0 and G1 as its state."""

    __slots__ = (
        "_declared", "_delimiters", "_initial", "_left", "_out", "_position",
        "_raw", "_replaced", "_right",
    )  # fmt: skip

    def __init__(
        self,
        raw: bytes,
        initial: tuple[Repertoire, ...],
        declared: frozenset[Repertoire],
        delimiters: bytes,
    ) -> None:
        self._raw = raw
        self._initial = self._left, self._right = _halves(initial)
        self._declared = declared
        self._delimiters = delimiters
        self._out: list[str] = []
        self._position = 0
        self._replaced = 0

    def read(self) -> tuple[str, int]:
        raw = self._raw
        while self._position < len(raw):
            byte = raw[self._position]
            if byte == _ESC:
                self._escape()
            elif byte < 0x80:
                self._graphic_left(byte)
            else:
                self._graphic_right(byte)
        return "".join(self._out), self._replaced

    def _escape(self) -> None:
        sequence, chars = self._sequence()
        if chars is not None and chars in self._declared:
            if chars.right:
                self._right = chars
            else:
                self._left = chars
            self._position += len(sequence)
        elif chars is not None or self._declared:
            self._append(None, len(sequence))
        else:
            self._append("\x1b", 1)

    def _sequence(self) -> tuple[bytes, Repertoire | None]:
        """The escape sequence here, and what it designates if DICOM knows it."""
        match = _SEQUENCE.match(self._raw, self._position)
        sequence = match.group() if match else b"\x1b"
        return sequence, BY_ESCAPE.get(sequence)

    def _graphic_left(self, byte: int) -> None:
        if byte < 0x20 or byte == 0x7F:
            self._left, self._right = self._initial
        elif self._left.width == 2 and byte > 0x20:
            self._pair(self._left, 0x21, 0x7E)
            return
        elif byte in self._delimiters:
            self._left, self._right = self._initial
            self._append(chr(byte), 1)
            return
        code = bytes((byte,))
        self._append(self._left.decode(code) if byte > 0x20 else chr(byte), 1)

    def _graphic_right(self, byte: int) -> None:
        if self._right is None:
            self._append(None, 1)
        elif self._right.width == 2:
            self._pair(self._right, 0xA1, 0xFE)
        elif self._right is KATAKANA and not 0xA1 <= byte <= 0xDF:
            self._shift_jis()
        else:
            self._append(self._right.decode(bytes((byte,))), 1)

    def _pair(self, chars: Repertoire, low: int, high: int) -> None:
        """One two-byte character; a stray first byte costs only itself."""
        code = self._raw[self._position : self._position + 2]
        whole = len(code) == 2 and all(low <= byte <= high for byte in code)
        self._append(chars.decode(code) if whole else None, 2 if whole else 1)

    def _shift_jis(self) -> None:
        """Two bytes that JIS X 0201 does not have, but Shift JIS does.

        Peers declare ISO_IR 13 and send Shift JIS. Its lead bytes are no codes of
        ISO_IR 13, so nothing else can be meant, and its trail byte 5C ends no value.
        """
        code = self._raw[self._position : self._position + 2]
        char = KATAKANA.decode(code) if len(code) == 2 else None
        self._append(char, 2 if char else 1)

    def _append(self, char: str | None, length: int) -> None:
        if char is None:
            char = REPLACEMENT
            self._replaced += 1
        self._out.append(char)
        self._position += length
