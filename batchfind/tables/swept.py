"""What a sweep found, as entries of the levels that tables are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from batchfind.dicom.columnar.model import (
    BoolVec,
    IntVec,
    Items,
    Level,
    Loose,
    Shape,
    Values,
)
from batchfind.dicom.raw import RawElement
from batchfind.tables.cells import Cells
from batchfind.tables.entries import Entries
from batchfind.tables.layout import Attribute, Node
from batchfind.tables.memory import Memory
from batchfind.tables.reading import NEVER_EXTRA, SPECIFIC_CHARACTER_SET
from batchfind.tables.set_column import SetColumn

_NONE = np.zeros(0, np.int64)
_NO_ITEMS = Items(_NONE, Level(_NONE, _NONE, {}, {}, ()))


def shape_of(node: Node) -> Shape:
    """What the sweep has to look for in a node's entries.

    Identifiers with elements of an asked private group are left to the scalar
    decoder, since their creators say what they are.
    """
    private = {one.tag >> 16 for one in node.attributes if one.tag >> 16 & 1}
    public = [one for one in node.attributes if not one.tag >> 16 & 1]
    return Shape(
        {one.tag: one.vr for one in public} | {SPECIFIC_CHARACTER_SET: "CS"},
        {one.tag: shape_of(one.node) for one in public if one.node is not None},
        exact=frozenset({SPECIFIC_CHARACTER_SET}),
        groups=frozenset(private),
    )


def is_extra(loose: Loose) -> bool:
    """Whether nobody asked for the attribute."""
    return not loose.wanted and loose.tag not in NEVER_EXTRA


@dataclass(frozen=True, slots=True)
class Chain:
    """The exploded sequences from one level inwards.

    Attributes:
        slots: of the sequences, one a level.
        json: from this level inwards, as in `Wanted`.
    """

    slots: Sequence[int] = ()
    json: Sequence[frozenset[int]] = ()

    def below(self, slot: int) -> Chain:
        """From the items of a sequence inwards."""
        if slot not in self.slots[:1]:
            return Chain()
        return Chain(self.slots[1:], self.json[1:])

    def shows(self, slot: int) -> bool:
        """Whether a sequence of this level is shown as DICOM JSON."""
        return bool(self.json) and slot in self.json[0]


class SweptEntries:
    """Makes entries out of swept levels.

    Attributes:
        noticed: for each Identifier, whether an item in it holds attributes that
            nobody asked for.
    """

    def __init__(self, memory: Memory) -> None:
        self.noticed: BoolVec = np.zeros(len(memory.begin), np.bool_)
        self._memory = memory

    def root(self, level: Level, node: Node, chain: Chain) -> Entries:
        """The data sets as entries.

        Args:
            level: swept with the shape of the node.
            node: the asked attributes.
            chain: from the data set inwards.
        """
        sets = self._memory.default_sets(level.owners)
        return self._entries(level, node, sets, chain)

    def _entries(
        self, level: Level, node: Node, inherited: SetColumn, chain: Chain
    ) -> Entries:
        values = level.values.get(SPECIFIC_CHARACTER_SET)
        sets = self._memory.sets(level.owners, values, inherited)
        cells: dict[int, Cells] = {}
        json: dict[int, pa.Array] = {}
        starts: dict[int, IntVec] = {}
        children: dict[int, Entries] = {}
        replaced: Counter[int] = Counter()
        for slot, attribute in enumerate(node.attributes):
            values = level.values.get(attribute.tag) or _absent(level)
            if attribute.vr != "SQ":
                cells[slot] = Cells((self._memory.span(values),))
            elif attribute.node is None:
                json[slot], counts = self._json(values, level, sets, None)
                replaced.update(counts)
            else:
                items = level.items.get(attribute.tag) or _NO_ITEMS
                starts[slot] = items.parents.searchsorted(np.arange(len(level)))
                children[slot] = self._below(items, attribute, sets, chain.below(slot))
                json[slot] = _presence(values)
                if chain.shows(slot):
                    shown = attribute.node if attribute.node.attributes else None
                    json[slot], _ = self._json(values, level, sets, shown)
        return Entries(
            node=node,
            owners=level.owners,
            sets=sets,
            cells=cells,
            json=json,
            odd=self._odd(level, node),
            starts=starts,
            children=children,
            replaced=replaced,
        )

    def _below(
        self, items: Items, attribute: Attribute, sets: SetColumn, chain: Chain
    ) -> Entries:
        """The items of an asked sequence as entries."""
        level = items.level
        for loose in filter(is_extra, level.loose):
            self.noticed[level.owners[loose.entries]] = True
        node = attribute.node or Node(())
        return self._entries(level, node, sets.at(items.parents), chain)

    def _json(
        self, values: Values, level: Level, sets: SetColumn, node: Node | None
    ) -> tuple[pa.Array, Counter[int]]:
        """DICOM JSON text of a sequence, and U+FFFD in it by owner."""
        present = np.flatnonzero(values.present)
        owners = level.owners[present]
        raws = self._memory.span(values).binary().drop_null()
        alike, which = self._memory.alike(raws, owners, sets.at(present))
        texts, costs = [], []
        for raw, own, reader in alike:
            before = reader.replaced
            items = self._memory.element(raw).value
            texts.append(
                reader.items(items if isinstance(items, list) else [], own, node)
            )
            costs.append(reader.replaced - before)
        counts: Counter[int] = Counter()
        if any(costs):
            for owner, at in zip(owners.tolist(), which.tolist(), strict=True):
                counts[owner] += costs[at]
        places = np.zeros(len(level), np.int64)
        places[present] = which
        array = pa.array(texts, pa.string())
        return array.take(pa.array(places, mask=~values.present)), +counts

    def _odd(self, level: Level, node: Node) -> dict[int, dict[int, RawElement]]:
        odd: dict[int, dict[int, RawElement]] = {}
        for loose in level.loose:
            slot = node.public_slots.get(loose.tag) if loose.wanted else None
            if slot is not None:
                odd.setdefault(slot, {}).update(self._elements(loose))
        return odd

    def _elements(self, loose: Loose) -> Iterator[tuple[int, RawElement]]:
        """Loose elements by entry."""
        raws = self._memory.span(loose).binary().to_pylist()
        for entry, raw in zip(loose.entries.tolist(), raws, strict=True):
            if loose.vr == "SQ":
                yield entry, self._memory.element(raw)
            else:
                yield entry, RawElement(loose.tag, loose.vr, raw)


def _absent(level: Level) -> Values:
    count = len(level)
    return Values(level.begin, np.zeros(count, np.int64), np.zeros(count, np.bool_))


def _presence(values: Values) -> pa.Array:
    """An empty text where a sequence is present."""
    absent = pa.array((~values.present).astype(np.int64))
    return pa.array(["", None], pa.string()).take(absent)
