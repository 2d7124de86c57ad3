"""Slabs in pieces whose documents stay small, whatever has to be escaped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from batchfind.tables.slabs import Slab

_PLAIN: Final = bytes(set(range(0x20, 0x7F)) - set(b"\"&'<>\\"))
"""What stands for itself in JSON and XML; anything else may take six characters."""

_USUAL: Final = 5 << 18
"""Other bytes that a slab has at most as a rule: a third of it are headers."""

_PIECE: Final = 256 << 10
"""Such bytes in one piece of a slab with more."""


def pieces(slab: Slab) -> Iterator[Slab]:
    """The slab, in several pieces when a peer sends little but what is escaped."""
    escaped = sum(
        len(part.payload[part.begin : part.ends[-1]].translate(None, _PLAIN))
        for part in slab.parts
    )
    if escaped <= _USUAL:
        yield slab
        return
    count = len(slab)
    step = max(1, count * _PIECE // escaped)
    for start in range(0, count, step):
        yield slab.cut(start, min(start + step, count))
