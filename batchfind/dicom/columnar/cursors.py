"""The cursors of one level: each stands on the next element of its entry."""

from __future__ import annotations

from functools import partial
from typing import Final, TypeAlias

import numpy as np

from batchfind.dicom.columnar.draft import Draft
from batchfind.dicom.columnar.headers import (
    DONE,
    FIRST_ITEM_KEY,
    ITEM_END_KEY,
    UNDEFINED,
)
from batchfind.dicom.columnar.items import Extents, Sequences
from batchfind.dicom.columnar.model import BoolVec, IntVec, Level, Shape
from batchfind.dicom.columnar.run import Run
from batchfind.dicom.vrs import LONG_FORM

_LONGEST_VALUE: Final = 9_999
"""Below every limit that `DecodeLimits` sets on one element."""

_MOST_DEPTH: Final = 8

Chosen: TypeAlias = "IntVec | slice"
"""Positions of entries, ascending; a slice for all of them, since it copies nothing."""


def sweep_level(
    run: Run, extents: Extents, shape: Shape | None, depth: int = 0
) -> tuple[IntVec, Level | None]:
    """Sweep data sets or items.

    Args:
        run: learns which Identifiers are odd.
        extents: where the entries stand, ascending.
        shape: what is wanted; None only checks them.
        depth: sequences around them.

    Returns:
        Where each entry stops, and what was found if there is a shape. Both mean
        nothing for entries of odd Identifiers.

    Source: PS3.5 Sections 7.1 and 7.5.
    """
    cursors = _Cursors(run, extents, shape, depth)
    cursors.run_to_the_end()
    return cursors.at, cursors.draft.level() if cursors.draft else None


class _Cursors:
    """Where each entry is read, and what is next there.

    Attributes:
        at: where each cursor stands.
        draft: what was found; None when nothing is wanted.
    """

    __slots__ = (
        "_depth",
        "_every",
        "_extents",
        "_keys",
        "_run",
        "_shape",
        "_words",
        "at",
        "draft",
    )

    def __init__(
        self, run: Run, extents: Extents, shape: Shape | None, depth: int
    ) -> None:
        self.at = extents.begin.copy()
        self.draft = Draft(extents.owners, extents.begin, shape) if shape else None
        self._run = run
        self._extents = extents
        self._shape = shape
        self._depth = depth
        self._every = np.arange(len(extents))
        self._words = np.zeros(len(extents), np.uint64)
        self._keys = np.full(len(extents), DONE, np.uint64)

    def run_to_the_end(self) -> None:
        """Advance the cursors with the smallest key until none is left."""
        if not len(self._extents):
            return
        self._read(slice(None), 1)
        while (key := int(self._keys.min())) != DONE:
            if not self._run.spend():
                self._spoil(self._keys != DONE)
                return
            everywhere = int(self._keys.max()) == key
            chosen = slice(None) if everywhere else np.flatnonzero(self._keys == key)
            if key >= FIRST_ITEM_KEY:
                self._end_items(chosen, key)
            else:
                self._advance(chosen, key >> 16, key & 0xFFFF)

    def _advance(self, chosen: Chosen, tag: int, code: int) -> None:
        """Pass one element, which all the chosen entries have next."""
        vr = self._run.vr_of(tag, code)
        if vr is None or (self._shape and tag >> 16 in self._shape.groups):
            self._spoil(chosen)
            return
        if self._run.headers.implicit:
            header, length = 8, self._run.headers.long_lengths(self._words[chosen])
        elif vr not in LONG_FORM:
            header, length = 8, self._run.headers.short_lengths(self._words[chosen])
        else:
            header = 12
            room = self._extents.end[chosen] - self.at[chosen]
            chosen = self._without(chosen, room < header)
            length = self._run.headers.lengths_at(self.at[chosen] + 8)
        if vr == "SQ":
            self._pass_sequences(chosen, tag, header, length)
        else:
            self._pass_values(chosen, tag, vr, header, length)

    def _pass_values(
        self, chosen: Chosen, tag: int, vr: str, header: int, length: IntVec
    ) -> None:
        begin = self.at[chosen] + header
        stop = begin + length
        # An undefined length is longer than the longest value as well.
        wrong = (stop > self._extents.end[chosen]) | (length > _LONGEST_VALUE)
        if wrong.any():
            chosen = self._without(chosen, wrong)
            begin, length, stop = begin[~wrong], length[~wrong], stop[~wrong]
        if vr == "UN" and not self._run.headers.implicit:
            vr = self._run.vr_of_unknown(tag)
        if self._shape and self._shape.misfits(tag, vr):
            self._spoil(chosen)
            return
        self._found(chosen, tag, vr, begin, length)
        self.at[chosen] = stop
        self._read(chosen, tag + 1)

    def _pass_sequences(
        self, chosen: Chosen, tag: int, header: int, length: IntVec
    ) -> None:
        if self._depth == _MOST_DEPTH or (
            self._shape and self._shape.misfits(tag, "SQ")
        ):
            self._spoil(chosen)
            return
        undefined = length == UNDEFINED
        begin, enclosing = self.at[chosen] + header, self._extents.end[chosen]
        end = np.where(undefined, enclosing, begin + length)
        wrong = end > enclosing
        if wrong.any():
            chosen = self._without(chosen, wrong)
            begin, end, undefined = begin[~wrong], end[~wrong], undefined[~wrong]
        entries = self._entries(chosen)
        owners = self._extents.owners[entries]
        below = self._shape.below.get(tag) if self._shape else None
        sequences = Sequences(
            self._run,
            Extents(begin, end, undefined, owners),
            partial(sweep_level, self._run, shape=below, depth=self._depth + 1),
        )
        stop, items = sequences.read()
        if items is not None and self.draft:
            self.draft.add_items(tag, entries[items.parents], items.level)
        odd = self._run.odd[owners]
        chosen, stop = self._without(chosen, odd), stop[~odd]
        begin = self.at[chosen].copy()
        self._found(chosen, tag, "SQ", begin, stop - begin)
        self.at[chosen] = stop
        self._read(chosen, tag + 1)

    def _end_items(self, chosen: Chosen, key: int) -> None:
        """End items of undefined length; any other delimiter is a stray one."""
        empty = self._run.headers.long_lengths(self._words[chosen]) == 0
        right = self._extents.undefined[chosen] & empty & (key == ITEM_END_KEY)
        ended = self._without(chosen, ~right)
        self.at[ended] += 8
        self._keys[ended] = DONE

    def _found(
        self, chosen: Chosen, tag: int, vr: str, begin: IntVec, length: IntVec
    ) -> None:
        if self.draft and len(begin):
            self.draft.add(tag, vr, self._entries(chosen), begin, length)

    def _read(self, chosen: Chosen, smallest: int) -> None:
        """Read the next header of the chosen entries, whose tag must be no smaller."""
        at = self.at[chosen]
        rest = self._extents.end[chosen] - at
        if (rest < 8).any():
            self._keys[chosen] = DONE
            left = (rest > 0) | self._extents.undefined[chosen]
            cut_off = (rest < 8) & left
            entries = self._entries(chosen)
            self._spoil(entries[cut_off])
            chosen, at = entries[rest >= 8], at[rest >= 8]
        words = self._run.headers.words(at)
        keys = self._run.headers.keys(words)
        self._words[chosen] = words
        self._keys[chosen] = keys
        descending = keys < smallest << 16
        if descending.any():
            self._without(chosen, descending)

    def _without(self, chosen: Chosen, wrong: BoolVec) -> Chosen:
        """The chosen entries but the wrong ones, whose Identifiers are odd."""
        if not wrong.any():
            return chosen
        entries = self._entries(chosen)
        self._spoil(entries[wrong])
        return entries[~wrong]

    def _spoil(self, entries: Chosen | BoolVec) -> None:
        self._run.odd[self._extents.owners[entries]] = True
        self._keys[entries] = DONE

    def _entries(self, chosen: Chosen) -> IntVec:
        return self._every if isinstance(chosen, slice) else chosen
