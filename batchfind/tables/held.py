"""What the responses of a slab hold in the places that requests asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from batchfind.tables.columns import LevelColumns
from batchfind.tables.decoded import Decoded
from batchfind.tables.entries import Entries

BoolVec: TypeAlias = npt.NDArray[np.bool_]
IntVec: TypeAlias = npt.NDArray[np.int64]
Route: TypeAlias = tuple[int, ...]
"""Slots of the sequences around a key from the outside in, then its own."""

_RESERVED: Final = 0xFF01


class Held:
    """The responses of a slab, part by part: each part answers one request.

    Attributes:
        parts: how many there are.
        part_of: the part that each response belongs to.
        read: of each part, responses that could be decoded.
    """

    def __init__(self, decoded: Decoded, columns: LevelColumns) -> None:
        """Of a slab, with the columns of its data sets."""
        self._decoded = decoded
        self._columns = columns
        counts = [len(part.ends) for part in decoded.slab.parts]
        self.parts = len(counts)
        self.part_of: IntVec = np.repeat(np.arange(len(counts)), counts)
        self._begins: IntVec = np.cumsum(counts, dtype=np.int64) - counts
        self._readable = np.ones(len(self.part_of), np.bool_)
        self._readable[list(decoded.defects)] = False
        self.read: IntVec = np.add.reduceat(
            self._readable.astype(np.int64), self._begins
        )

    @property
    def requests(self) -> list[str]:
        """Id of each part's request."""
        return [part.origin.request for part in self._decoded.slab.parts]

    def reserved(self) -> dict[str, int]:
        """Responses with status FF01, by request."""
        parts = self._decoded.slab.parts
        if self.parts == 1:
            codes = np.asarray(parts[0].statuses)
        else:
            every = chain.from_iterable(part.statuses for part in parts)
            codes = np.fromiter(every, np.int64, len(self.part_of))
        return self.by_request(codes == _RESERVED)

    def by_request(self, marks: BoolVec) -> dict[str, int]:
        """How many responses are marked, by request, of those that have any."""
        counts: Counter[str] = Counter()
        if marks.any():
            sums = np.add.reduceat(marks.astype(np.int64), self._begins)
            for request, count in zip(self.requests, sums.tolist(), strict=True):
                counts[request] += count
        return dict(+counts)

    def level(self, route: Route) -> tuple[Entries, LevelColumns]:
        """The level a key stands in."""
        entries, columns = self._decoded.root, self._columns
        for slot in route[:-1]:
            entries, columns = entries.children[slot], columns.children[slot]
        return entries, columns

    def is_sequence(self, route: Route) -> bool:
        """Whether tables take for a sequence what was asked as none."""
        entries, _ = self.level(route)
        return entries.node.attributes[route[-1]].vr == "SQ"

    def parts_without(self, route: Route, asked: Container[int]) -> list[int]:
        """Those of some parts with responses, none of which holds a key."""
        entries, columns = self.level(route)
        text = columns.text(route[-1])
        present = pc.is_valid(text.array).to_numpy(zero_copy_only=False)
        if text.broken:
            present = present.copy()
            present[list(text.broken)] = True
        if present.all() and len(route) == 1:
            return []
        held = np.zeros(len(self.part_of), np.bool_)
        held[entries.owners[present]] = True
        without = ~np.logical_or.reduceat(held & self._readable, self._begins)
        without &= self.read > 0
        return [part for part in np.flatnonzero(without).tolist() if part in asked]

    def owners_of(self, route: Route, found: BoolVec) -> BoolVec:
        """Which responses the entries found belong to."""
        entries, _ = self.level(route)
        owners = np.zeros(len(self.part_of), np.bool_)
        owners[entries.owners[found]] = True
        return owners

    def bad(self, route: Route, found: Mapping[Route, BoolVec]) -> BoolVec:
        """The entries around an attribute or sequence that it contradicts.

        A sequence does so when it has items, and something in each of them does: one
        item that may match is enough.

        Source: PS3.4 Section C.2.2.2.6.
        """
        if route in found:
            return found[route]
        depth = len(route)
        inner = {one[: depth + 1] for one in found if one[:depth] == route}
        items = np.logical_or.reduce([self.bad(one, found) for one in sorted(inner)])
        entries, _ = self.level(route)
        counts = entries.counts(route[-1])
        parents = np.repeat(np.arange(len(entries)), counts)
        good = np.zeros(len(entries), np.bool_)
        good[parents[~items]] = True
        return (counts > 0) & ~good
