"""Elements in the DICOM JSON model, for what has no column of its own.

Source: PS3.18 Annex F.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.dicom import vrs
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import Items, RawElement
from batchfind.tables.json_values import binary_value, text_value
from batchfind.tables.layout import Node, PrivateSlots, PublicSlots
from batchfind.tables.reading import (
    NEVER_EXTRA,
    SPECIFIC_CHARACTER_SET,
    Reading,
    private_slots,
)

REMEMBERED = 4096
"""Distinct values whose JSON is kept for the next response that repeats them."""
LONGEST_REMEMBERED = 1024
"""Bytes of such a value; thousands of longer ones would fill the memory."""


class JsonText:
    """Renders elements of one request's responses.

    Attributes:
        reading: how they are read.
        replaced: U+FFFD put in so far.
    """

    __slots__ = ("_seen", "_slots", "reading", "replaced")

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.replaced = 0
        # Both know their keys by identity, so they hold the objects as well.
        self._slots: dict[int, tuple[Node, PublicSlots, PrivateSlots]] = {}
        self._seen: dict[tuple[bytes, str, int], tuple[CharacterSets, str, int]] = {}

    def items(self, items: Items, sets: CharacterSets, node: Node | None) -> str:
        """Items of a sequence as a JSON array of data sets.

        Args:
            items: as decoded.
            sets: character sets of the data set around them.
            node: the asked attributes; None takes all but (0008,0005), which does
                not describe JSON.

        Returns:
            JSON text; `[]` for a sequence without items.
        """
        return "[" + ",".join(self._item(item, sets, node) for item in items) + "]"

    def _item(
        self, item: Sequence[RawElement], inherited: CharacterSets, node: Node | None
    ) -> str:
        sets = self.reading.sets_of(item, inherited)
        slots = None if node is None else self._slots_of(node, item)
        members = []
        for element in item:
            tag = element.tag
            if slots is None:
                if tag != SPECIFIC_CHARACTER_SET:
                    members.append(self.member(element, sets, None))
            elif slots.get(tag, -1) >= 0 and node is not None:
                below = node.attributes[slots[tag]].node
                members.append(self.member(element, sets, below))
        return "{" + ",".join(members) + "}"

    def member(
        self, element: RawElement, sets: CharacterSets, node: Node | None
    ) -> str:
        """One attribute as `"ggggeeee":{"vr":…,"Value":[…]}`."""
        tag, vr, value = element
        if not isinstance(value, bytes):
            body = f',"Value":{self.items(value, sets, node)}' if value else ""
        elif vr in vrs.STRING_VRS:
            body = self._strings(value, vr, sets)
        else:
            vr, body = binary_value(value, vr, big_endian=self.reading.big_endian)
        return f'"{tag:08X}":{{"vr":"{vr}"{body}}}'

    @staticmethod
    def data_set(members: Sequence[str]) -> str | None:
        """Members as one JSON object; None without any."""
        return "{" + ",".join(members) + "}" if members else None

    def unasked(
        self,
        elements: Sequence[RawElement],
        sets: CharacterSets,
        node: Node,
        chain: Sequence[int],
    ) -> list[list[str]]:
        """Members for attributes that were returned but not asked, one list a row.

        Args:
            elements: of a data set or item.
            sets: its character sets.
            node: the asked attributes at this level.
            chain: slots of the exploded sequences from here inwards; a row has
                only its own item of them.

        Returns:
            Members in tag order; an asked sequence appears with what was unasked
            in its items. One list when nothing is exploded.
        """
        slots = self._slots_of(node, elements)
        rows: list[list[str]] = [[]]
        for tag, vr, value in elements:
            slot = slots.get(tag)
            if slot is None:
                if tag not in NEVER_EXTRA:
                    member = self.member(RawElement(tag, vr, value), sets, None)
                    for row in rows:
                        row.append(member)
            elif slot >= 0 and isinstance(value, list) and value:
                below = node.attributes[slot].node
                exploded = bool(chain) and chain[0] == slot
                inner = self._unasked_items(
                    value, sets, below, chain[1:] if exploded else ()
                )
                if exploded:
                    found = [
                        self._sequence(tag, [one]) for item in inner for one in item
                    ]
                    rows = [[*rows[0], *members] for members in found]
                else:
                    members = self._sequence(tag, [item[0] for item in inner])
                    for row in rows:
                        row.extend(members)
        return rows

    def _unasked_items(
        self,
        items: Items,
        inherited: CharacterSets,
        node: Node | None,
        chain: Sequence[int],
    ) -> list[list[list[str]]]:
        """Unasked members of each item; none in a sequence asked as a whole."""
        if node is None:
            return [[[]] for _ in items]
        sets_of = self.reading.sets_of
        return [
            self.unasked(item, sets_of(item, inherited), node, chain) for item in items
        ]

    @staticmethod
    def _sequence(tag: int, items: Sequence[Sequence[str]]) -> list[str]:
        """A sequence as one member, or none when its items have no members."""
        if not any(items):
            return []
        body = ",".join("{" + ",".join(members) + "}" for members in items)
        return [f'"{tag:08X}":{{"vr":"SQ","Value":[{body}]}}']

    def _slots_of(self, node: Node, elements: Sequence[RawElement]) -> dict[int, int]:
        """Slot of every asked tag in a data set or item; -1 for private creators."""
        known = self._slots.get(id(node))
        if known is None:
            known = self._slots[id(node)] = node, node.public_slots, node.private_slots
        _, public, private = known
        return public | private_slots(elements, private) if private else public

    def _strings(self, raw: bytes, vr: str, sets: CharacterSets) -> str:
        key = raw, vr, id(sets)
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            seen = sets, *text_value(raw, vr, sets)
            if len(raw) <= LONGEST_REMEMBERED:
                self._seen[key] = seen
        _, body, replaced = seen
        self.replaced += replaced
        return body
