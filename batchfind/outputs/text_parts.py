"""Columns of text put together from parts that differ and parts that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.tables.cells import IntVec, Span, contents

Parts: TypeAlias = "tuple[pa.Array | str, ...]"
"""What stands one after another in each text: arrays, and what is always the same."""

_FEW: Final = 1 << 16


def joined(parts: Parts, count: int) -> pa.Array:
    """Parts one after another, as one text for each of `count` entries."""
    if not any(isinstance(part, pa.Array) for part in parts):
        text = pa.array(["".join(parts)], pa.string())
        return text.take(pa.array(np.zeros(count, np.int64)))
    return pc.binary_join_element_wise(
        *parts, "", null_handling="replace", null_replacement=""
    )


def grouped(texts: pa.Array, counts: IntVec, separator: str) -> pa.Array:
    """Neighbouring texts as one.

    Args:
        texts: none null.
        counts: of texts in each group.
        separator: stands between two of a group.
    """
    if len(texts) == len(counts) and (counts == 1).all():
        return texts
    offsets = np.append(0, np.cumsum(counts))
    lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), texts)
    return pc.binary_join(lists, separator)


def without_first(texts: pa.Array, size: int) -> pa.Array:
    """Texts without so many bytes at the front; what is shorter becomes empty."""
    _, _, data = texts.buffers()
    if not size or data is None:
        return texts
    offsets, _ = contents(texts)
    begin, length = offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int64)
    cut = np.minimum(length, size)
    every = np.ones(len(texts), np.bool_)
    return Span(data, begin + cut, length - cut, every).binary().view(pa.string())


def utf8(texts: pa.Array) -> memoryview:
    """All texts one after another in UTF-8, as Arrow keeps them."""
    return contents(texts)[1].data


def framed(
    frame: Callable[..., tuple[str, str]], *keys: IntVec
) -> tuple[pa.Array, pa.Array]:
    """Begins and ends that numbers tell apart.

    Args:
        frame: makes both of one number from each of `keys`.
        keys: as for `spelled`.
    """
    begins = spelled(lambda *numbers: frame(*numbers)[0], *keys)
    ends = spelled(lambda *numbers: frame(*numbers)[1], *keys)
    return begins, ends


def spelled(spell: Callable[..., str], *keys: IntVec) -> pa.Array:
    """One text for each tuple of numbers; equal tuples are spelled once.

    Args:
        spell: makes a text of one number from each of `keys`.
        keys: of equal length, none negative.
    """
    combined, *rest = keys
    sizes = [int(key.max(initial=0)) + 1 for key in rest]
    for key, size in zip(rest, sizes, strict=True):
        combined = combined * size + key
    used, which = _distinct(combined)
    numbers: list[IntVec] = []
    for size in reversed(sizes):
        used, number = np.divmod(used, size)
        numbers.insert(0, number)
    columns = [column.tolist() for column in (used, *numbers)]
    texts = [spell(*numbers) for numbers in zip(*columns, strict=True)]
    return pa.array(texts, pa.string()).take(pa.array(which))


def _distinct(keys: IntVec) -> tuple[IntVec, IntVec]:
    """The different numbers, and for each number which of these it is."""
    if int(keys.max(initial=0)) >= _FEW:
        used, which = np.unique(keys, return_inverse=True)
        return used, which
    # Small numbers need not be sorted.
    used = np.flatnonzero(np.bincount(keys))
    places = np.zeros(_FEW, np.int64)
    places[used] = np.arange(len(used))
    return used, places[keys]
