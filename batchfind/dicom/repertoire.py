"""The character repertoires of DICOM, and how one character of each is coded.

Only the 94- and 96-character sets that escape sequences can bring into G0 (bytes
21-7E) or G1 (bytes A0-FF); UTF-8, GB18030 and GBK are whole codes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

REPLACEMENT: Final = "\ufffd"


@dataclass(frozen=True, slots=True, eq=False)
class Repertoire:
    """One coded character set.

    Attributes:
        name: its ISO registration.
        escape: the sequence that designates it, with the leading ESC.
        right: it goes to G1, else to G0.
        width: bytes a character, 1 or 2.
        codec: Python codec that knows it.
        prefix: bytes the codec wants before each character.
    """

    name: str
    escape: bytes
    right: bool
    width: int
    codec: str
    prefix: bytes = b""

    def decode(self, code: bytes) -> str | None:
        """The character of one code; None when the set has no such code."""
        return _decode(self, code)

    def encode(self, char: str) -> bytes | None:
        """The code of one character; None when the set lacks it."""
        return _encode(self, char)


def _single(number: str, final: bytes, codec: str) -> Repertoire:
    return Repertoire(f"ISO-IR {number}", b"\x1b-" + final, True, 1, codec)


ASCII: Final = Repertoire("ISO-IR 6", b"\x1b(B", False, 1, "ascii")
ROMAJI: Final = Repertoire("ISO-IR 14", b"\x1b(J", False, 1, "romaji")
KATAKANA: Final = Repertoire("ISO-IR 13", b"\x1b)I", True, 1, "shift_jis")
KANJI: Final = Repertoire("ISO-IR 87", b"\x1b$B", False, 2, "euc_jp")
KANJI_MORE: Final = Repertoire("ISO-IR 159", b"\x1b$(D", False, 2, "euc_jp", b"\x8f")
KOREAN: Final = Repertoire("ISO-IR 149", b"\x1b$)C", True, 2, "euc_kr")
CHINESE: Final = Repertoire("ISO-IR 58", b"\x1b$)A", True, 2, "gb2312")

_EIGHT_BIT: Final = (
    _single("100", b"A", "latin_1"),
    _single("101", b"B", "iso8859_2"),
    _single("109", b"C", "iso8859_3"),
    _single("110", b"D", "iso8859_4"),
    _single("144", b"L", "iso8859_5"),
    _single("127", b"G", "iso8859_6"),
    _single("126", b"F", "iso8859_7"),
    _single("138", b"H", "iso8859_8"),
    _single("148", b"M", "iso8859_9"),
    _single("203", b"b", "iso8859_15"),
    _single("166", b"T", "tis_620"),
)

BY_NUMBER: Final = {
    "6": (ASCII,),
    "13": (ROMAJI, KATAKANA),
    "87": (ASCII, KANJI),
    "159": (ASCII, KANJI_MORE),
    "149": (ASCII, KOREAN),
    "58": (ASCII, CHINESE),
} | {chars.name.removeprefix("ISO-IR "): (ASCII, chars) for chars in _EIGHT_BIT}
"""Repertoires of a defined term by its ISO-IR number.

Source: PS3.3 Tables C.12-2 to C.12-4.
"""

BY_ESCAPE: Final = {
    chars.escape: chars for every in BY_NUMBER.values() for chars in every
}
"""Every escape sequence of DICOM with what it designates."""


@lru_cache(maxsize=16384)
def _decode(chars: Repertoire, code: bytes) -> str | None:
    if chars is ROMAJI:
        return {b"\\": "\u00a5", b"~": "\u203e"}.get(code) or code.decode("ascii")
    if chars.width == 2 and not chars.right:
        code = bytes(byte | 0x80 for byte in code)
    try:
        text = (chars.prefix + code).decode(chars.codec)
    except UnicodeDecodeError:
        return None
    return text if len(text) == 1 else None


@lru_cache(maxsize=16384)
def _encode(chars: Repertoire, char: str) -> bytes | None:
    if chars is ROMAJI:
        code = {"\u00a5": b"\\", "\u203e": b"~", "\\": None, "~": None}.get(char, b"")
        return code if code != b"" else _encode(ASCII, char)
    try:
        code = char.encode(chars.codec)
    except UnicodeEncodeError:
        return None
    if not code.startswith(chars.prefix):
        return None
    code = code[len(chars.prefix) :]
    graphic = range(0xA0, 0x100) if chars.right or chars.width == 2 else range(0x80)
    if len(code) != chars.width or any(byte not in graphic for byte in code):
        return None
    if chars.width == 2 and not chars.right:
        code = bytes(byte & 0x7F for byte in code)
    return code
