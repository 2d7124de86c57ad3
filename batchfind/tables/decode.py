"""From captured bytes to levels of raw values, one response at a time.

This is the scalar decoder. Whatever replaces it has to yield the same `Decoded`:
everything above works on whole columns and does not know how they were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchfind.dicom import charset, dictionary, scalar
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_BE
from batchfind.errors import IdentifierDefect
from batchfind.tables.layout import Layout, Node
from batchfind.tables.slabs import Origin, Slab

SPECIFIC_CHARACTER_SET = 0x00080005
QUERY_RETRIEVE_LEVEL = 0x00080052
NEVER_EXTRA = frozenset({SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL})
"""They describe how to read an answer; tables hold Unicode and know the level."""

EXPLODED_BYTES = 64 << 20
"""Identifier bytes times rows that one piece of a table may hold: an attribute
beside the exploded sequence is repeated in every row."""

Cell = bytes | list[list[RawElement]] | None


@dataclass(frozen=True, slots=True)
class Defect:
    """A response that cannot be decoded.

    Attributes:
        request: id of its request.
        response: its index within the request, from 0.
        kind: malformed, depth, limit or inflate.
        offset: byte offset in the data set where decoding stopped, from 0.
        message: one sentence without values.
    """

    request: str
    response: int
    kind: str
    offset: int
    message: str


class Reading:
    """How the text of one request's responses is read: the peer's charset policy."""

    __slots__ = ("_assume", "_known", "_override", "big_endian", "default")

    def __init__(self, origin: Origin) -> None:
        self._assume = origin.assume
        self._override = origin.override
        self._known: dict[bytes, CharacterSets] = {}
        self.big_endian = origin.transfer_syntax == EXPLICIT_BE
        self.default = charset.resolve(
            None, assume=self._assume, override=self._override
        )

    def sets_of(
        self, elements: Sequence[RawElement], inherited: CharacterSets
    ) -> CharacterSets:
        """The character sets of a data set or item.

        Source: PS3.3 Section C.12.1.1.2: an item without (0008,0005) has those of
        the data set around it.
        """
        for tag, _, value in elements:
            if tag >= SPECIFIC_CHARACTER_SET:
                if tag == SPECIFIC_CHARACTER_SET and isinstance(value, bytes):
                    return self._resolve(value)
                break
        return inherited

    def _resolve(self, raw: bytes) -> CharacterSets:
        sets = self._known.get(raw)
        if sets is None:
            sets = charset.resolve(raw, assume=self._assume, override=self._override)
            if len(self._known) < 256:
                self._known[raw] = sets
        return sets


class Level:
    """Every entry of one node within a slab: a data set each, or an item each.

    Attributes:
        sets: character sets of each entry.
        owners: position in the slab of the response each entry belongs to.
        odd: values whose VR is not the dictionary's, by entry and slot; their
            cells are None.
        children: the level below a slot, for sequences with asked attributes.
        starts: for the same slots, where each entry's items begin in the child.
    """

    __slots__ = (
        "_blank", "_private", "_rows", "_slots", "_vrs", "children", "node", "odd",
        "owners", "sets", "starts", "unasked",
    )  # fmt: skip

    def __init__(self, node: Node, unasked: set[int]) -> None:
        self.node = node
        self.sets: list[CharacterSets] = []
        self.owners: list[int] = []
        self.odd: dict[tuple[int, int], RawElement] = {}
        self.children = {
            slot: Level(attribute.node, unasked)
            for slot, attribute in enumerate(node.attributes)
            if attribute.node is not None
        }
        self.starts: dict[int, list[int]] = {slot: [] for slot in self.children}
        self.unasked = unasked
        self._rows: list[list[Cell]] = []
        self._blank: list[Cell] = [None] * len(node.attributes)
        self._slots: dict[int, int] = {}
        self._private: dict[tuple[int, int, str], int] = {}
        self._vrs = [attribute.vr for attribute in node.attributes]
        for slot, attribute in enumerate(node.attributes):
            if attribute.creator is None:
                self._slots[attribute.tag] = slot
            else:
                group, element = attribute.tag >> 16, attribute.tag & 0xFF
                self._private[group, element, attribute.creator] = slot

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        elements: Sequence[RawElement],
        sets: CharacterSets,
        owner: int,
        reading: Reading,
    ) -> None:
        """One more entry; items of asked sequences become entries below."""
        row = self._blank.copy()
        entry = len(self._rows)
        slots = self._slots
        if self._private:
            slots = slots | private_slots(elements, self._private)
        for element in elements:
            tag, vr, value = element
            slot = slots.get(tag)
            if slot is None:
                if tag not in NEVER_EXTRA:
                    self.unasked.add(owner)
            elif slot < 0:
                continue
            elif vr == self._vrs[slot]:
                row[slot] = value
            else:
                self.odd[entry, slot] = element
        self._rows.append(row)
        self.sets.append(sets)
        self.owners.append(owner)
        for slot, child in self.children.items():
            self.starts[slot].append(len(child))
            items = row[slot]
            if items and not isinstance(items, bytes):
                for item in items:
                    child.add(item, reading.sets_of(item, sets), owner, reading)

    def add_blank(self, sets: CharacterSets, owner: int) -> None:
        """One more entry in which every attribute is absent."""
        self._rows.append(self._blank)
        self.sets.append(sets)
        self.owners.append(owner)
        for slot, child in self.children.items():
            self.starts[slot].append(len(child))

    def columns(self) -> list[tuple[Cell, ...]]:
        """The cells of each slot, one an entry; None where absent or odd."""
        if not self._rows:
            return [() for _ in self._blank]
        return list(zip(*self._rows, strict=True))


@dataclass(frozen=True, slots=True)
class Decoded:
    """A slab taken apart.

    Attributes:
        slab: the responses, which may be a piece of the slab given.
        root: one entry a response.
        readings: how each response's text is read.
        defects: by position in the slab.
        unasked: elements of each response that holds some nobody asked for, by
            position in the slab; empty unless they were to be kept.
    """

    slab: Slab
    root: Level
    readings: Sequence[Reading]
    defects: Mapping[int, Defect]
    unasked: Mapping[int, list[RawElement]]


def decode(
    slab: Slab,
    layout: Layout,
    readings: dict[str, Reading],
    *,
    keep_unasked: bool,
) -> Iterator[Decoded]:
    """A slab's responses, each decoded once.

    Args:
        slab: responses of one query.
        layout: what to take out of each.
        readings: by request id; filled as requests come.
        keep_unasked: keep what `bf_extra` needs.

    Yields:
        The slab; several pieces of it only when a peer's answer would explode
        into more than `EXPLODED_BYTES`.

    Source: PS3.5 Section 7.
    """
    start = 0
    while start < len(slab):
        piece = _decode_piece(
            slab.cut(start, len(slab)), layout, readings, keep_unasked
        )
        yield piece
        start += len(piece.slab)


def _decode_piece(
    slab: Slab, layout: Layout, known: dict[str, Reading], keep_unasked: bool
) -> Decoded:
    unasked: set[int] = set()
    root = Level(layout.root, unasked)
    readings: list[Reading] = []
    defects: dict[int, Defect] = {}
    extras: dict[int, list[RawElement]] = {}
    exploded = _exploded(root, layout)
    weight = before = 0
    for part in slab.parts:
        reading = _reading(part.origin, known)
        for offset, payload in enumerate(part.identifiers()):
            position = len(readings)
            readings.append(reading)
            try:
                elements = scalar.decode(payload, slab.transfer_syntax)
                _check_explosion(elements, layout, len(payload), slab.transfer_syntax)
            except IdentifierDefect as defect:
                root.add_blank(reading.default, position)
                defects[position] = _defect(part.origin, part.first + offset, defect)
                continue
            sets = reading.sets_of(elements, reading.default)
            root.add(elements, sets, position, reading)
            if keep_unasked and position in unasked:
                extras[position] = elements
            if exploded is not None:
                weight += max(1, len(exploded) - before) * len(payload)
                before = len(exploded)
                if weight > EXPLODED_BYTES:
                    return Decoded(
                        slab.cut(0, position + 1), root, readings, defects, extras
                    )
    return Decoded(slab, root, readings, defects, extras)


def _reading(origin: Origin, known: dict[str, Reading]) -> Reading:
    reading = known.get(origin.request)
    if reading is None:
        reading = known[origin.request] = Reading(origin)
    return reading


def _exploded(root: Level, layout: Layout) -> Level | None:
    """The innermost level whose entries become rows, when rows are exploded."""
    level = root
    for slot in layout.chain:
        level = level.children[slot]
    return level if layout.chain else None


def _check_explosion(
    elements: list[RawElement], layout: Layout, size: int, transfer_syntax: str
) -> None:
    """Refuse a response whose repeated attributes would fill the memory."""
    # An item takes at least 8 bytes, so a small response cannot grow too large.
    small = size * size < 8 * EXPLODED_BYTES and transfer_syntax != DEFLATED_LE
    if not layout.chain or small:
        return
    rows, outer = 1, [elements]
    for node, slot in zip(layout.nodes, layout.chain, strict=False):
        tag = node.attributes[slot].tag
        found = (e.value for entry in outer for e in entry if e.tag == tag)
        outer = [item for value in found if isinstance(value, list) for item in value]
        rows = max(rows, len(outer))
    if rows > 1 and rows * _size(elements) > EXPLODED_BYTES:
        message = f"{rows} rows would repeat what stands beside the exploded sequence"
        raise IdentifierDefect("limit", 0, message)


def _size(elements: Sequence[RawElement]) -> int:
    """Bytes of all values at all depths."""
    total = 0
    for _, _, value in elements:
        if isinstance(value, bytes):
            total += len(value)
        else:
            total += sum(_size(item) for item in value)
    return total


def _defect(origin: Origin, response: int, defect: IdentifierDefect) -> Defect:
    return Defect(origin.request, response, defect.kind, defect.offset, str(defect))


def private_slots(
    elements: Sequence[RawElement], asked: Mapping[tuple[int, int, str], int]
) -> dict[int, int]:
    """Where asked private elements stand in this data set; -1 for their creators.

    Args:
        elements: of one data set or item.
        asked: slot by group, element within its block, and private creator.

    Source: PS3.5 Section 7.8.1: a creator reserves the block it names.
    """
    slots: dict[int, int] = {}
    for tag, _, value in elements:
        if dictionary.is_private_creator(tag) and isinstance(value, bytes):
            creator = value.decode("latin-1").strip(" \0")
            for (group, element, name), slot in asked.items():
                if group == tag >> 16 and name == creator:
                    slots[tag] = -1
                    slots.setdefault(group << 16 | (tag & 0xFF) << 8 | element, slot)
    return slots
