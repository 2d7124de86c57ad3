"""Quotes and blocks that reach further than their author meant."""

from __future__ import annotations

import re
from typing import Final

import yaml

_RANGE: Final = re.compile(r">=?\s*(\d{8})")
_MAY_FOLLOW: Final = ",]}:#"


def unclosed_quote(text: str, before: int) -> tuple[int, int] | None:
    """Line and column, from 1, of a quote that the next line's quote ended.

    In `A: "x` and below it `B: "y"` YAML reads the text `x B: ` and stumbles over y,
    a line or many lines after the quote that is missing.

    Args:
        text: of the whole file.
        before: offset at which YAML stumbled.
    """
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if token.start_mark.index > before:
                break
            if isinstance(token, yaml.ScalarToken) and _is_runaway(token, text):
                return token.start_mark.line + 1, token.start_mark.column + 1
    except yaml.YAMLError:
        pass  # what stopped YAML has a message of its own
    return None


def _is_runaway(token: yaml.ScalarToken, text: str) -> bool:
    """Whether a quoted text ends on another line, and something follows it there."""
    start, end = token.start_mark, token.end_mark
    if token.style not in {'"', "'"} or start.line == end.line:
        return False
    rest = text[end.index :].partition("\n")[0].strip()
    return bool(rest) and rest[0] not in _MAY_FOLLOW


def block_hint(line: str) -> str:
    """What to write instead of an unquoted value that begins with > or |.

    >>> block_hint(">=20200101")
    'an unquoted > begins a block of text in YAML; write "20200101-" for a range'
    >>> block_hint("|x  # a comment")
    'an unquoted | begins a block of text in YAML; write "|x" in quotes'
    """
    value = line.partition(" #")[0].strip()
    begins = f"an unquoted {value[:1]} begins a block of text in YAML; write"
    if dated := _RANGE.fullmatch(value):
        return f'{begins} "{dated[1]}-" for a range'
    return f'{begins} "{value[:60]}" in quotes'
