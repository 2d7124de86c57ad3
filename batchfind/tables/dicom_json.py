"""Elements in the DICOM JSON model, for what has no column of its own.

Source: PS3.18 Annex F.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence

from batchfind.dicom import values, vrs
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import Items, RawElement
from batchfind.tables.decode import (
    NEVER_EXTRA,
    SPECIFIC_CHARACTER_SET,
    Reading,
    private_slots,
)
from batchfind.tables.layout import Node
from batchfind.tables.text import number_text

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_PN_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class JsonText:
    """Renders elements of one request's responses.

    Attributes:
        replaced: U+FFFD put in so far.
    """

    __slots__ = ("_reading", "replaced")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.replaced = 0

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
        sets = self._reading.sets_of(item, inherited)
        slots = None if node is None else slots_of(node, item)
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
            vr, body = self._binary(value, vr)
        return f'"{tag:08X}":{{"vr":"{vr}"{body}}}'

    def unasked(
        self,
        elements: Sequence[RawElement],
        sets: CharacterSets,
        node: Node,
        chain: Sequence[tuple[int, int]],
    ) -> list[str]:
        """Members for attributes that were returned but not asked.

        Args:
            elements: of a data set or item.
            sets: its character sets.
            node: the asked attributes at this level.
            chain: slot of the exploded sequence and the item that is this row's,
                from here inwards; -1 when the row has no item.

        Returns:
            Members in tag order; an asked sequence appears with what was unasked
            in its items.
        """
        slots = slots_of(node, elements)
        members = []
        for element in elements:
            tag, _, value = element
            slot = slots.get(tag)
            if slot is None:
                if tag not in NEVER_EXTRA:
                    members.append(self.member(element, sets, None))
            elif slot >= 0 and isinstance(value, list):
                below = node.attributes[slot].node
                picked, deeper = _picked(value, slot, chain)
                if below is not None:
                    members += self._unasked_items(tag, picked, sets, below, deeper)
        return members

    def _unasked_items(
        self,
        tag: int,
        items: Items,
        inherited: CharacterSets,
        node: Node,
        chain: Sequence[tuple[int, int]],
    ) -> list[str]:
        found = [
            self.unasked(item, self._reading.sets_of(item, inherited), node, chain)
            for item in items
        ]
        if not any(found):
            return []
        body = ",".join("{" + ",".join(members) + "}" for members in found)
        return [f'"{tag:08X}":{{"vr":"SQ","Value":[{body}]}}']

    def _strings(self, raw: bytes, vr: str, sets: CharacterSets) -> str:
        decoded = values.text_values(raw, vr, sets)
        self.replaced += decoded.replaced
        if not any(decoded.values):
            return ""
        body = ",".join(_string(value, vr) for value in decoded.values)
        return f',"Value":[{body}]'

    def _binary(self, raw: bytes, vr: str) -> tuple[str, str]:
        """VR and the rest of a member; bytes that fit no number stay bytes."""
        if not raw:
            return vr, ""
        big_endian = self._reading.big_endian
        try:
            if vr == "AT":
                tags = values.tag_values(raw, big_endian=big_endian)
                return vr, f',"Value":{json.dumps(list(tags), separators=(",", ":"))}'
            if vr in vrs.NUMBER_FORMATS:
                numbers = values.number_values(vr, raw, big_endian=big_endian)
                body = ",".join(_number(number, vr) for number in numbers)
                return vr, f',"Value":[{body}]'
        except ValueError:
            vr = "UN"
        return vr, f',"InlineBinary":"{base64.b64encode(raw).decode("ascii")}"'


def slots_of(node: Node, elements: Sequence[RawElement]) -> dict[int, int]:
    """Slot of every asked tag in a data set or item; -1 for private creators."""
    slots = {
        attribute.tag: slot
        for slot, attribute in enumerate(node.attributes)
        if attribute.creator is None
    }
    private = {
        (attribute.tag >> 16, attribute.tag & 0xFF, attribute.creator): slot
        for slot, attribute in enumerate(node.attributes)
        if attribute.creator is not None
    }
    return slots | private_slots(elements, private) if private else slots


def _picked(
    items: Items, slot: int, chain: Sequence[tuple[int, int]]
) -> tuple[Items, Sequence[tuple[int, int]]]:
    """The items that belong to a row: its own of an exploded sequence, else all."""
    if not chain or chain[0][0] != slot:
        return items, ()
    item = chain[0][1]
    return (items[item : item + 1] if item >= 0 else []), chain[1:]


def _string(value: str, vr: str) -> str:
    if not value:
        return "null"
    if vr == "PN":
        groups = zip(_PN_GROUPS, value.split("=", 2), strict=False)
        return _dump({name: group for name, group in groups if group})
    if vr in {"DS", "IS"} and _JSON_NUMBER.fullmatch(value):
        return value
    return _dump(value)


def _number(value: float, vr: str) -> str:
    text = number_text(value, vr)
    return text if math.isfinite(value) else _dump(text)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
