"""Responses decoded one at a time, into levels of raw values.

This is what the columnar decoder has to agree with.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

from batchfind.dicom import scalar
from batchfind.dicom.correction import correct_elements
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE
from batchfind.errors import IdentifierDefect
from batchfind.tables import decoded
from batchfind.tables.decoded import Defect
from batchfind.tables.dicom_json import JsonText
from batchfind.tables.layout import Layout
from batchfind.tables.level import Level, Wanted
from batchfind.tables.reading import RESPONSE_LIMITS
from batchfind.tables.slabs import Origin, Part

_MEMBER_BYTES = 32
"""What an attribute takes as text beside its value: name, VR and brackets."""


class Singles:
    """Some responses of a slab, decoded in order.

    Attributes:
        root: one entry a response taken.
        defects: by position in the slab.
        unasked: for responses that hold attributes nobody asked for, their DICOM
            JSON text, one a row, by position in the slab; empty unless wanted.
    """

    def __init__(self, layout: Layout, wanted: Wanted) -> None:
        self._layout = layout
        self._wanted = wanted
        self._noticed: set[int] = set()
        self.root = Level(layout.root, layout.chain, wanted.json, self._noticed)
        self._innermost = self.root
        for slot in layout.chain:
            self._innermost = self._innermost.children[slot]
        self.defects: dict[int, Defect] = {}
        self.unasked: dict[int, list[str | None]] = {}

    def take(
        self, payload: bytes, position: int, part: Part, offset: int, json: JsonText
    ) -> int:
        """Decode one more response; one that cannot be decoded has a blank entry.

        Args:
            payload: its Identifier as received.
            position: in the slab.
            part: of the slab, that holds it.
            offset: its position in the part.
            json: how the part's responses are read.

        Returns:
            Identifier bytes times rows; 0 when nothing is exploded.
        """
        default = json.reading.default
        try:
            elements = self._decoded(payload, part.origin)
        except IdentifierDefect as defect:
            self.root.add((), default, position, json)
            index = part.first + offset
            self.defects[position] = _defect(part.origin, index, defect)
            return 0
        before = len(self._innermost)
        sets = json.reading.sets_of(elements, default)
        self.root.add(elements, sets, position, json)
        if self._wanted.unasked and position in self._noticed:
            self.unasked[position] = unasked(elements, self._layout, json)
        if not self._layout.chain:
            return 0
        return max(1, len(self._innermost) - before) * len(payload)

    def _decoded(self, payload: bytes, origin: Origin) -> list[RawElement]:
        if not payload:
            raise IdentifierDefect("malformed", 0, "the response has no Identifier")
        syntax = origin.transfer_syntax
        elements = scalar.decode(
            payload, syntax, limits=RESPONSE_LIMITS, known=origin.dictionary
        )
        if origin.correction:
            correct_elements(elements)
        _check_explosion(elements, self._layout, len(payload), syntax)
        return elements


def unasked(
    elements: Sequence[RawElement], layout: Layout, json: JsonText
) -> list[str | None]:
    """DICOM JSON text of attributes that nobody asked for, one a row.

    Args:
        elements: of one response.
        layout: what was asked.
        json: how the response is read.
    """
    sets = json.reading.sets_of(elements, json.reading.default)
    rows = json.unasked(elements, sets, layout.root, layout.chain)
    return [json.data_set(row) for row in rows]


def largest_harmless(layout: Layout, transfer_syntax: str) -> int | None:
    """Bytes up to which an Identifier cannot explode too far; None for any.

    An item takes at least 8 bytes, so a small response cannot grow too large.
    """
    if not layout.chain:
        return None
    return 0 if transfer_syntax == DEFLATED_LE else isqrt(8 * decoded.EXPLODED_BYTES)


def _check_explosion(
    elements: Sequence[RawElement], layout: Layout, size: int, transfer_syntax: str
) -> None:
    """Refuse a response whose repeated attributes would fill the memory."""
    harmless = largest_harmless(layout, transfer_syntax)
    if harmless is None or size <= harmless:
        return
    rows, outer = 1, [list(elements)]
    for node, slot in zip(layout.nodes, layout.chain, strict=False):
        tag = node.attributes[slot].tag
        found = (e.value for entry in outer for e in entry if e.tag == tag)
        outer = [item for value in found if isinstance(value, list) for item in value]
        rows = max(rows, len(outer))
    if rows > 1 and rows * _size(elements) > decoded.EXPLODED_BYTES:
        message = f"{rows} rows would repeat what stands beside the exploded sequence"
        raise IdentifierDefect("limit", 0, message)


def _size(elements: Sequence[RawElement]) -> int:
    """Bytes that all attributes at all depths take as text, roughly."""
    total = _MEMBER_BYTES * len(elements)
    for _, _, value in elements:
        if isinstance(value, bytes):
            total += len(value)
        else:
            total += sum(_size(item) for item in value)
    return total


def _defect(origin: Origin, response: int, defect: IdentifierDefect) -> Defect:
    return Defect(origin.request, response, defect.kind, defect.offset, str(defect))
