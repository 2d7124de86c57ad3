"""Sequences of many Identifiers, taken apart into their items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from batchfind.dicom.columnar.draft import arranged
from batchfind.dicom.columnar.headers import ITEM, SEQUENCE_END, UNDEFINED
from batchfind.dicom.columnar.model import BoolVec, IntVec, Items, Level
from batchfind.dicom.columnar.run import Run


@dataclass(frozen=True, slots=True)
class Extents:
    """Where many data sets, items or sequences stand.

    Attributes:
        begin: first byte of the content.
        end: the offset it must not pass.
        undefined: a delimiter ends it, before `end`.
        owners: position of the Identifier each one belongs to.
    """

    begin: IntVec
    end: IntVec
    undefined: BoolVec
    owners: IntVec

    def __len__(self) -> int:
        return len(self.begin)

    def chosen(self, which: IntVec | BoolVec) -> Extents:
        """Some of them, by position or mask."""
        return Extents(
            self.begin[which],
            self.end[which],
            self.undefined[which],
            self.owners[which],
        )


SweepContent: TypeAlias = Callable[[Extents], tuple[IntVec, Level | None]]
"""Sweeps the content of items: where each one stops, and what was found."""


@dataclass(slots=True)
class Sequences:
    """Sequences being read item by item.

    The first items of all sequences are read at once, then the second ones, and so
    on. Items of defined length are only noted, and their content swept together in
    the end; one of undefined length has to be swept to know where the next begins.

    Attributes:
        run: learns which Identifiers are odd.
        extents: of the sequences.
        at: where each one is read.
    """

    run: Run
    extents: Extents
    sweep_content: SweepContent
    at: IntVec = field(init=False)
    _noted: list[tuple[IntVec, Extents]] = field(init=False, default_factory=list)
    _found: list[tuple[IntVec, Level]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.at = self.extents.begin.copy()

    def read(self) -> tuple[IntVec, Items | None]:
        """Where each sequence stops, and its items if their content is wanted.

        Source: PS3.5 Section 7.5.
        """
        unfinished = np.arange(len(self.extents))
        while len(unfinished := self._unended(unfinished)):
            if not self.run.spend():
                self._spoil(unfinished)
                break
            unfinished = self._read_headers(unfinished)
        if self._noted:
            parents = np.concatenate([parents for parents, _ in self._noted])
            items = _joined([items for _, items in self._noted])
            order = np.argsort(items.begin)
            self._sweep(parents[order], items.chosen(order))
        return self.at, self._items()

    def _unended(self, unfinished: IntVec) -> IntVec:
        """Those of the sequences that have not reached their end."""
        rest = self.extents.end[unfinished] - self.at[unfinished]
        room = rest >= 8
        cut_off = ~room & ((rest > 0) | self.extents.undefined[unfinished])
        if cut_off.any():
            self._spoil(unfinished[cut_off])
        return _of(unfinished, room)

    def _read_headers(self, sequences: IntVec) -> IntVec:
        """Enter or pass the next item of each sequence; those not yet finished."""
        words = self.run.headers.words(self.at[sequences])
        tags = self.run.headers.keys(words) >> 16
        lengths = self.run.headers.long_lengths(words)
        self.at[sequences] += 8
        is_item = tags == ITEM
        if not is_item.all():
            undefined = self.extents.undefined[sequences]
            ended = (tags == SEQUENCE_END) & undefined & (lengths == 0)
            self._spoil(sequences[~(is_item | ended)])
            sequences, lengths = sequences[is_item], lengths[is_item]
        undefined = lengths == UNDEFINED
        limit, begin = self.extents.end[sequences], self.at[sequences]
        end = np.where(undefined, limit, begin + lengths)
        too_long = end > limit
        if too_long.any():
            self._spoil(sequences[too_long])
        items = Extents(begin, end, undefined, self.extents.owners[sequences])
        return self._take(sequences, items, ~too_long)

    def _take(self, parents: IntVec, items: Extents, good: BoolVec) -> IntVec:
        noted = good & ~items.undefined
        if noted.any():
            self.at[parents[noted]] = items.end[noted]
            self._noted.append((parents[noted], items.chosen(noted)))
        swept = good & items.undefined
        if swept.any():
            self.at[parents[swept]] = self._sweep(parents[swept], items.chosen(swept))
        return _of(parents, good)

    def _sweep(self, parents: IntVec, items: Extents) -> IntVec:
        stops, level = self.sweep_content(items)
        if level is not None:
            self._found.append((parents, level))
        return stops

    def _spoil(self, sequences: IntVec) -> None:
        self.run.odd[self.extents.owners[sequences]] = True

    def _items(self) -> Items | None:
        if not self._found:
            return None
        if len(self._found) == 1:
            return Items(*self._found[0])
        parents = np.concatenate([parents for parents, _ in self._found])
        levels = [level for _, level in self._found]
        # A payload holds the items of one entry before those of the next.
        order = np.argsort(np.concatenate([level.begin for level in levels]))
        return Items(parents[order], arranged(levels, order))


def _of(positions: IntVec, mask: BoolVec) -> IntVec:
    chosen: IntVec = positions[mask]
    return chosen


def _joined(extents: list[Extents]) -> Extents:
    return Extents(
        np.concatenate([one.begin for one in extents]),
        np.concatenate([one.end for one in extents]),
        np.concatenate([one.undefined for one in extents]),
        np.concatenate([one.owners for one in extents]),
    )
