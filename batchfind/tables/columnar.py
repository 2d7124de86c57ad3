"""Whole slabs decoded attribute by attribute; odd responses one at a time."""

from __future__ import annotations

from math import isqrt

import numpy as np

from batchfind.dicom.columnar.model import BoolVec, IntVec
from batchfind.dicom.columnar.sweep import LARGEST_IDENTIFIER, sweep
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE
from batchfind.tables import decoded
from batchfind.tables.decoded import Decoded, Unasked
from batchfind.tables.entries import Entries, entries_of, merged
from batchfind.tables.extras import fewer, unasked_of
from batchfind.tables.layout import Layout
from batchfind.tables.level import Wanted
from batchfind.tables.memory import Memory, memory_of
from batchfind.tables.single import Singles, largest_harmless
from batchfind.tables.slabs import Slab
from batchfind.tables.swept import Chain, SweptEntries, shape_of


class ColumnarDecoder:
    """Decodes the slabs of one query by sweeping them."""

    def __init__(self, layout: Layout, wanted: Wanted) -> None:
        self._layout = layout
        self._wanted = wanted
        self._shape = shape_of(layout.root)

    def decode(self, slab: Slab) -> Decoded:
        """A slab taken apart, or as much of it as a piece of a table may hold.

        Args:
            slab: all its responses are read by one dictionary.

        Source: PS3.5 Section 7.
        """
        memory = memory_of(slab)
        swept = sweep(
            memory.payload,
            memory.begin,
            memory.end,
            memory.transfer_syntax,
            self._shape,
            known=slab.parts[0].origin.dictionary,
            largest=self._largest(slab.transfer_syntax),
        )
        make = SweptEntries(memory)
        chain = Chain(self._layout.chain, self._wanted.json)
        root = make.root(swept.root, self._layout.root, chain)
        unasked = Unasked()
        if self._wanted.unasked:
            if (few := fewer(memory, swept)) < len(slab):
                return self.decode(slab.cut(0, few))
            unasked = unasked_of(memory, swept, root.sets, self._layout, make.noticed)
        singles = self._singles(memory, swept.odd)
        if len(singles.root):
            root = merged(root, entries_of(singles.root))
            by_row = {**unasked.by_row, **singles.unasked}
            unasked = Unasked(by_row, unasked.in_every_row)
        cut = self._first_piece(slab, root, singles)
        if cut < len(slab):
            return self.decode(slab.cut(0, cut))
        return Decoded(slab, root, singles.defects, unasked)

    def _largest(self, transfer_syntax: str) -> int:
        """Bytes of an Identifier that needs no look at how far it explodes."""
        harmless = largest_harmless(self._layout, transfer_syntax)
        if harmless is None:
            return LARGEST_IDENTIFIER
        if transfer_syntax == DEFLATED_LE:
            # All of it inflated: an item a row, and all its attributes as text.
            harmless = isqrt(decoded.EXPLODED_BYTES)
        return min(harmless, LARGEST_IDENTIFIER)

    def _singles(self, memory: Memory, odd: BoolVec) -> Singles:
        """The odd responses, decoded one at a time."""
        singles = Singles(self._layout, self._wanted)
        first = 0
        for part in memory.slab.parts:
            count = len(part.ends)
            for offset in np.flatnonzero(odd[first : first + count]).tolist():
                begin = part.ends[offset - 1] if offset else part.begin
                payload = part.payload[begin : part.ends[offset]]
                position = first + offset
                reader = memory.readers[memory.policies[position]]
                singles.take(payload, position, part, offset, reader)
            first += count
        return singles

    def _first_piece(self, slab: Slab, root: Entries, singles: Singles) -> int:
        """How many responses a piece holds before they explode into too much."""
        if not self._layout.chain:
            return len(slab)
        *_, innermost = root.chained(self._layout.chain)
        rows = np.bincount(innermost.owners, minlength=len(slab))
        weights = np.maximum(rows, 1) * _sizes(slab)
        weights[list(singles.defects)] = 0
        beyond = np.flatnonzero(np.cumsum(weights) > decoded.EXPLODED_BYTES)
        return int(beyond[0]) + 1 if len(beyond) else len(slab)


def _sizes(slab: Slab) -> IntVec:
    """Bytes of each Identifier as received."""
    return np.concatenate(
        [
            np.diff(np.asarray(part.ends, np.int64), prepend=part.begin)
            for part in slab.parts
        ]
    )
