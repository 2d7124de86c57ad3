"""The raw values of one nesting level, filled response by response."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import Items, RawElement
from batchfind.tables.dicom_json import JsonText
from batchfind.tables.layout import Node
from batchfind.tables.reading import NEVER_EXTRA, private_slots

Cell: TypeAlias = bytes | str | None
"""A value field, the DICOM JSON text of a sequence, or None for absent or odd."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to keep of each response beside its values.

    Attributes:
        json: for the root and each exploded level, the slots of sequences whose
            DICOM JSON text is shown; a sequence asked as a whole always has it.
        unasked: DICOM JSON text of attributes returned but not asked.
    """

    json: tuple[frozenset[int], ...] = ()
    unasked: bool = False


class Level:
    """Every entry of one node within a slab: a data set each, or an item each.

    Attributes:
        sets: character sets of each entry.
        owners: position in the slab of the response each entry belongs to.
        odd: values whose VR is not the dictionary's, by entry and slot; their
            cells are None.
        children: the level below a slot, for sequences with asked attributes.
        starts: for the same slots, where each entry's items begin in the child.
        replaced: U+FFFD in the JSON text of sequences asked as a whole, by owner.
    """

    __slots__ = (
        "_blank", "_json", "_noticed", "_private", "_rows", "_sequences", "_slots",
        "_vrs", "children", "node", "odd", "owners", "replaced", "sets", "starts",
    )  # fmt: skip

    def __init__(
        self,
        node: Node,
        chain: Sequence[int],
        json: Sequence[frozenset[int]],
        noticed: set[int],
    ) -> None:
        """An empty level.

        Args:
            node: the asked attributes.
            chain: slots of the exploded sequences from here inwards.
            json: as in `Wanted`, from here inwards.
            noticed: owners that hold attributes nobody asked for are added to it.
        """
        self.node = node
        self.sets: list[CharacterSets] = []
        self.owners: list[int] = []
        self.odd: dict[tuple[int, int], RawElement] = {}
        self.children = {
            slot: Level(attribute.node, chain[1:], json[1:], noticed)
            if slot in chain[:1]
            else Level(attribute.node, (), (), noticed)
            for slot, attribute in enumerate(node.attributes)
            if attribute.node is not None
        }
        self.starts: dict[int, list[int]] = {slot: [] for slot in self.children}
        self.replaced: Counter[int] = Counter()
        self._json = json[0] if json else frozenset()
        self._noticed = noticed
        self._rows: list[list[Cell]] = []
        self._blank: list[Cell] = [None] * len(node.attributes)
        self._vrs = [attribute.vr for attribute in node.attributes]
        self._sequences = [slot for slot, vr in enumerate(self._vrs) if vr == "SQ"]
        self._slots = node.public_slots
        self._private = node.private_slots

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        elements: Sequence[RawElement],
        sets: CharacterSets,
        owner: int,
        json: JsonText,
    ) -> None:
        """One more entry; items of asked sequences become entries below."""
        entry = len(self._rows)
        row: list[Any] = self._blank.copy()
        slots = self._slots
        if self._private:
            slots = slots | private_slots(elements, self._private)
        for element in elements:
            tag, vr, value = element
            slot = slots.get(tag)
            if slot is None:
                if tag not in NEVER_EXTRA:
                    self._noticed.add(owner)
            elif slot < 0:
                continue
            elif vr == self._vrs[slot]:
                row[slot] = value
            else:
                self.odd[entry, slot] = element
        for slot in self._sequences:
            row[slot] = self._enter(slot, row[slot], sets, owner, json)
        self._rows.append(row)
        self.sets.append(sets)
        self.owners.append(owner)

    def columns(self) -> list[tuple[Cell, ...]]:
        """The cells of each slot, one an entry."""
        if not self._rows:
            return [() for _ in self._blank]
        return list(zip(*self._rows, strict=True))

    def _enter(
        self,
        slot: int,
        items: Items | None,
        sets: CharacterSets,
        owner: int,
        json: JsonText,
    ) -> str | None:
        """The items of a sequence as entries below; its cell in this level."""
        child = self.children.get(slot)
        if child is not None:
            self.starts[slot].append(len(child))
        if items is None:
            return None
        if child is not None:
            for item in items:
                child.add(item, json.reading.sets_of(item, sets), owner, json)
            if slot not in self._json:
                return ""
            return json.items(
                items, sets, child.node if child.node.attributes else None
            )
        before = json.replaced
        text = json.items(items, sets, None)
        if json.replaced > before:
            self.replaced[owner] += json.replaced - before
        return text
