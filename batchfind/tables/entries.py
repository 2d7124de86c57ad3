"""Every entry of one nesting level as columns, however they were decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from batchfind.dicom.raw import RawElement
from batchfind.tables.cells import Cells, IntVec, cells_of, joined
from batchfind.tables.layout import Node
from batchfind.tables.level import Level
from batchfind.tables.set_column import SetColumn, set_column

OddValues = Mapping[int, Mapping[int, RawElement]]
"""By slot and entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Data sets, or items of one sequence, in the order of their responses.

    Attributes:
        owners: position in the slab of the response each entry belongs to.
        sets: character sets of each entry.
        cells: values by slot, of attributes that are no sequences; absent where
            they came with a VR that is not the dictionary's.
        json: by slot of a sequence, a string array: null where it is absent, its
            DICOM JSON text where it is shown as such, else "".
        odd: those other values.
        starts: by slot of a sequence with asked attributes, where each entry's
            items begin in the child.
        children: the level below, for the same slots.
        replaced: U+FFFD in the JSON text of sequences asked as a whole, by owner.
    """

    node: Node
    owners: IntVec
    sets: SetColumn
    cells: Mapping[int, Cells]
    json: Mapping[int, pa.Array]
    odd: OddValues = field(default_factory=dict)
    starts: Mapping[int, IntVec] = field(default_factory=dict)
    children: Mapping[int, Entries] = field(default_factory=dict)
    replaced: Counter[int] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.owners)

    def counts(self, slot: int) -> IntVec:
        """How many items a sequence has in each entry."""
        return np.diff(self.starts[slot], append=len(self.children[slot]))

    def chained(self, chain: Sequence[int]) -> Iterator[Entries]:
        """This level, then those of the exploded sequences from here inwards."""
        level = self
        yield level
        for slot in chain:
            level = level.children[slot]
            yield level


def entries_of(level: Level) -> Entries:
    """The entries of a level that was filled response by response."""
    odd: dict[int, dict[int, RawElement]] = {}
    for (entry, slot), element in level.odd.items():
        odd.setdefault(slot, {})[entry] = element
    columns = list(enumerate(level.columns()))
    sequences = {at for at, each in enumerate(level.node.attributes) if each.vr == "SQ"}
    return Entries(
        node=level.node,
        owners=np.array(level.owners, np.int64),
        sets=set_column(level.sets),
        cells={at: cells_of(cells) for at, cells in columns if at not in sequences},
        json={
            at: pa.array(cells, pa.string()) for at, cells in columns if at in sequences
        },
        odd=odd,
        starts={slot: np.array(each, np.int64) for slot, each in level.starts.items()},
        children={slot: entries_of(child) for slot, child in level.children.items()},
        replaced=level.replaced,
    )


def merged(one: Entries, other: Entries) -> Entries:
    """Entries of different responses as one level, in the order of the responses."""
    owners = np.concatenate([one.owners, other.owners])
    order = np.argsort(owners, kind="stable")
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    where = pa.array(order)
    return Entries(
        node=one.node,
        owners=owners[order],
        sets=_merged_sets(one.sets, other.sets, order),
        cells={
            slot: joined([cells, other.cells[slot]], order)
            for slot, cells in one.cells.items()
        },
        json={
            slot: pa.concat_arrays([texts, other.json[slot]]).take(where)
            for slot, texts in one.json.items()
        },
        odd=_merged_odd(one.odd, places[: len(one)], other.odd, places[len(one) :]),
        starts={
            slot: _starts(np.append(one.counts(slot), other.counts(slot))[order])
            for slot in one.starts
        },
        children={
            slot: merged(child, other.children[slot])
            for slot, child in one.children.items()
        },
        replaced=one.replaced + other.replaced,
    )


def _merged_sets(one: SetColumn, other: SetColumn, order: IntVec) -> SetColumn:
    which = np.append(one.which, other.which + len(one.distinct))
    return SetColumn(one.distinct + other.distinct, which[order])


def _merged_odd(
    one: OddValues, places: IntVec, other: OddValues, other_places: IntVec
) -> OddValues:
    odd: dict[int, dict[int, RawElement]] = {}
    for values, moved in ((one, places), (other, other_places)):
        for slot, found in values.items():
            here = odd.setdefault(slot, {})
            here |= {int(moved[entry]): element for entry, element in found.items()}
    return odd


def _starts(counts: IntVec) -> IntVec:
    starts: IntVec = np.cumsum(counts) - counts
    return starts
