"""Where templates stand in a text, found in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_OPENING: Final = re.compile(r"\{[{%]")
_ENDS: Final = {"{{": "}}", "{%": "%}"}


def templates_in(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of each `{{ }}` and `{% %}`; what is never closed is none.

    Time grows with the length of the text, however many templates it opens.

    >>> [*templates_in("a-{{ b }}-{{ c")]
    [(2, 9)]
    """
    ends = dict(_ENDS)
    position = 0
    while ends and (opening := _OPENING.search(text, position)) is not None:
        begin, kind = opening.start(), opening[0]
        end = text.find(ends[kind], begin + 2) if kind in ends else -1
        if end >= 0:
            position = end + 2
            yield begin, position
        else:
            ends.pop(kind, None)  # no later one is closed either
            position = begin + 1


def without_templates(text: str) -> str:
    """What is left when all templates are taken out."""
    kept, position = [], 0
    for begin, end in templates_in(text):
        kept.append(text[position:begin])
        position = end
    return "".join((*kept, text[position:]))
