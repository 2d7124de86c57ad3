"""A cell as text, and when a cell that is not empty is blank all the same."""

from __future__ import annotations

import unicodedata
from typing import Final

_INVISIBLE: Final = frozenset({"Cf", "Zl", "Zp", "Zs"})
"""Categories: format characters such as U+200B and U+FEFF, and separators."""

_FILLERS: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
"""Letters and marks that show nothing by themselves."""


def cell_text(raw: str) -> str:
    """A cell without the white space around it; "" when nobody could see it.

    Spreadsheets leave zero-width spaces and byte order marks behind. A cell of
    nothing else looks empty and therefore is.
    """
    text = raw.strip()
    return "" if all(map(_is_invisible, text)) else text


def _is_invisible(char: str) -> bool:
    if char < "\x7f":
        return char == " "
    return char in _FILLERS or unicodedata.category(char) in _INVISIBLE
