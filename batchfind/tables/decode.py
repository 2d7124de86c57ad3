"""From captured bytes to levels of raw values, one response at a time.

This is the scalar decoder. Whatever replaces it has to yield the same `Decoded`:
everything above works on whole columns and does not know how they were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchfind.dicom import scalar
from batchfind.dicom.correction import correct_elements
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE
from batchfind.errors import IdentifierDefect
from batchfind.tables.dicom_json import JsonText
from batchfind.tables.layout import Layout
from batchfind.tables.level import Level, Wanted
from batchfind.tables.reading import Reading
from batchfind.tables.slabs import Origin, Part, Slab

_MEMBER_BYTES = 32
"""What an attribute takes as text beside its value: name, VR and brackets."""

EXPLODED_BYTES = 64 << 20
"""Identifier bytes times rows that one piece of a table may hold: an attribute
beside the exploded sequence is repeated in every row."""


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


@dataclass(frozen=True, slots=True)
class Decoded:
    """A slab taken apart.

    Attributes:
        slab: the responses, which may be a piece of the slab given.
        root: one entry a response.
        defects: by position in the slab.
        unasked: for responses that hold attributes nobody asked for, their DICOM
            JSON text, one a row, by position in the slab; empty unless wanted.
    """

    slab: Slab
    root: Level
    defects: Mapping[int, Defect]
    unasked: Mapping[int, Sequence[str | None]]


class Decoder:
    """Decodes the slabs of one query, each response once."""

    def __init__(self, layout: Layout, wanted: Wanted) -> None:
        self._layout = layout
        self._wanted = wanted
        self._request = ""
        self._json: JsonText | None = None

    def decode(self, slab: Slab) -> Iterator[Decoded]:
        """A slab taken apart.

        Args:
            slab: responses of the query.

        Yields:
            The slab; several pieces of it only when a peer's answer would explode
            into more than `EXPLODED_BYTES`.

        Source: PS3.5 Section 7.
        """
        start = 0
        while start < len(slab):
            rest = slab.cut(start, len(slab)) if start else slab
            decoded = self._decode_piece(rest)
            yield decoded
            start += len(decoded.slab)

    def _decode_piece(self, slab: Slab) -> Decoded:
        piece = _Piece(slab, self._layout, self._wanted)
        position = 0
        for part in slab.parts:
            json = self._json_of(part.origin)
            for offset, payload in enumerate(part.identifiers()):
                piece.take(payload, position, part, offset, json)
                position += 1
                if piece.weight > EXPLODED_BYTES:
                    return piece.decoded(slab.cut(0, position))
        return piece.decoded(slab)

    def _json_of(self, origin: Origin) -> JsonText:
        """How a request's responses are read; slabs come in plan order."""
        if self._json is None or self._request != origin.request:
            self._request, self._json = origin.request, JsonText(Reading(origin))
        return self._json


class _Piece:
    """A piece of a slab in the making.

    Attributes:
        weight: Identifier bytes times rows, of exploded responses.
    """

    def __init__(self, slab: Slab, layout: Layout, wanted: Wanted) -> None:
        self._transfer_syntax = slab.transfer_syntax
        self._layout = layout
        self._wanted = wanted
        self._noticed: set[int] = set()
        self._root = Level(layout.root, layout.chain, wanted.json, self._noticed)
        self._innermost = self._root
        for slot in layout.chain:
            self._innermost = self._innermost.children[slot]
        self._defects: dict[int, Defect] = {}
        self._unasked: dict[int, list[str | None]] = {}
        self.weight = 0

    def take(
        self, payload: bytes, position: int, part: Part, offset: int, json: JsonText
    ) -> None:
        """Decode one more response; one that cannot be decoded has a blank entry."""
        default = json.reading.default
        try:
            if not payload:
                message = "the response has no Identifier"
                raise IdentifierDefect("malformed", 0, message)  # noqa: TRY301 - as scalar.decode does
            elements = scalar.decode(
                payload, self._transfer_syntax, known=part.origin.dictionary
            )
            if part.origin.correction:
                correct_elements(elements)
            _check_explosion(
                elements, self._layout, len(payload), self._transfer_syntax
            )
        except IdentifierDefect as defect:
            self._root.add((), default, position, json)
            self._defects[position] = _defect(part.origin, part.first + offset, defect)
            return
        before = len(self._innermost)
        sets = json.reading.sets_of(elements, default)
        self._root.add(elements, sets, position, json)
        if self._wanted.unasked and position in self._noticed:
            layout = self._layout
            rows = json.unasked(elements, sets, layout.root, layout.chain)
            self._unasked[position] = [json.data_set(row) for row in rows]
        if self._layout.chain:
            self.weight += max(1, len(self._innermost) - before) * len(payload)

    def decoded(self, slab: Slab) -> Decoded:
        """The piece, which holds the responses of `slab`."""
        return Decoded(slab, self._root, self._defects, self._unasked)


def _check_explosion(
    elements: Sequence[RawElement], layout: Layout, size: int, transfer_syntax: str
) -> None:
    """Refuse a response whose repeated attributes would fill the memory."""
    # An item takes at least 8 bytes, so a small response cannot grow too large.
    small = size * size < 8 * EXPLODED_BYTES and transfer_syntax != DEFLATED_LE
    if not layout.chain or small:
        return
    rows, outer = 1, [list(elements)]
    for node, slot in zip(layout.nodes, layout.chain, strict=False):
        tag = node.attributes[slot].tag
        found = (e.value for entry in outer for e in entry if e.tag == tag)
        outer = [item for value in found if isinstance(value, list) for item in value]
        rows = max(rows, len(outer))
    if rows > 1 and rows * _size(elements) > EXPLODED_BYTES:
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
