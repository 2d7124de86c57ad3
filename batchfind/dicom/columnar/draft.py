"""Levels in the making, and levels put together anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from batchfind.dicom.columnar.model import (
    BoolVec,
    IntVec,
    Items,
    Level,
    Loose,
    Shape,
    Values,
)


class Draft:
    """What a sweep finds in the entries of one level."""

    def __init__(self, owners: IntVec, begin: IntVec, shape: Shape) -> None:
        self._owners = owners
        self._begin = begin
        self._shape = shape
        self._everywhere = np.ones(len(owners), np.bool_)
        self._values: dict[int, Values] = {}
        self._items: dict[int, Items] = {}
        self._loose: list[Loose] = []

    def add(
        self, tag: int, vr: str, entries: IntVec, begin: IntVec, length: IntVec
    ) -> None:
        """One attribute, as some entries have it; each entry at most once.

        Args:
            tag: 0xGGGGEEEE.
            vr: of all these entries.
            entries: ascending.
            begin: where each value field begins, and of a sequence its header.
            length: in bytes, up to the next element.
        """
        wanted = self._shape.vrs.get(tag)
        if wanted != vr:
            # A group length is dropped, as in `scalar.decode`.
            if tag & 0xFFFF or vr == "SQ":
                is_wanted = wanted is not None
                self._loose.append(Loose(tag, vr, is_wanted, entries, begin, length))
            return
        if tag not in self._values and len(entries) == len(self._owners):
            self._values[tag] = Values(begin, length, self._everywhere)
            return
        known = self._values.get(tag)
        if known is None:
            count = len(self._owners)
            known = Values(
                self._begin.copy(), np.zeros(count, np.int64), np.zeros(count, np.bool_)
            )
            self._values[tag] = known
        known.begin[entries] = begin
        known.length[entries] = length
        known.present[entries] = True

    def add_items(self, tag: int, parents: IntVec, level: Level) -> None:
        """The items of a wanted sequence; only one call a tag."""
        self._items[tag] = Items(parents, level)

    def level(self) -> Level:
        """All that was found."""
        loose = tuple(sorted(self._loose, key=lambda one: one.tag))
        return Level(self._owners, self._begin, self._values, self._items, loose)


def arranged(levels: Sequence[Level], order: IntVec) -> Level:
    """Some entries of several levels as one level.

    Args:
        levels: of the same shape; their entries are numbered on from one to the next.
        order: the entries wanted, in the order wanted; none twice.

    Returns:
        A level whose items stand in the order of their entries.
    """
    counts = [len(level) for level in levels]
    places = np.full(sum(counts), -1, np.int64)
    places[order] = np.arange(len(order))
    firsts = np.cumsum([0, *counts[:-1]])
    new_places = [
        places[first : first + count]
        for first, count in zip(firsts.tolist(), counts, strict=True)
    ]
    value_tags = dict.fromkeys(tag for level in levels for tag in level.values)
    item_tags = dict.fromkeys(tag for level in levels for tag in level.items)
    loose = [
        moved
        for level, new in zip(levels, new_places, strict=True)
        for one in level.loose
        if len((moved := _moved(one, new)).entries)
    ]
    return Level(
        np.concatenate([level.owners for level in levels])[order],
        np.concatenate([level.begin for level in levels])[order],
        {tag: _values(levels, tag, order) for tag in value_tags},
        {tag: _items(levels, tag, new_places) for tag in item_tags},
        tuple(sorted(loose, key=lambda one: one.tag)),
    )


def _values(levels: Sequence[Level], tag: int, order: IntVec) -> Values:
    every = [level.values.get(tag) or _nowhere(level) for level in levels]
    return Values(
        np.concatenate([values.begin for values in every])[order],
        np.concatenate([values.length for values in every])[order],
        np.concatenate([values.present for values in every])[order],
    )


def _nowhere(level: Level) -> Values:
    count = len(level)
    absent: BoolVec = np.zeros(count, np.bool_)
    return Values(level.begin, np.zeros(count, np.int64), absent)


def _items(levels: Sequence[Level], tag: int, new_places: Sequence[IntVec]) -> Items:
    pairs = [
        (level.items[tag].level, new[level.items[tag].parents])
        for level, new in zip(levels, new_places, strict=True)
        if tag in level.items
    ]
    parents = np.concatenate([parents for _, parents in pairs])
    order = np.argsort(parents, kind="stable")
    # Items of entries that are not wanted come first, with -1 as their parent.
    order = order[np.count_nonzero(parents < 0) :]
    return Items(parents[order], arranged([level for level, _ in pairs], order))


def _moved(loose: Loose, new_places: IntVec) -> Loose:
    """The same elements under the new numbers of their entries."""
    entries = new_places[loose.entries]
    order = np.argsort(entries, kind="stable")
    order = order[np.count_nonzero(entries < 0) :]
    return Loose(
        loose.tag,
        loose.vr,
        loose.wanted,
        entries[order],
        loose.begin[order],
        loose.length[order],
    )
