"""From captured bytes to levels of raw values, slab by slab.

Small slabs are decoded one response at a time, large ones attribute by attribute;
nobody above can tell which.
"""

from __future__ import annotations

from collections.abc import Iterator

from batchfind.tables import decoded
from batchfind.tables.columnar import ColumnarDecoder
from batchfind.tables.decoded import Decoded, Unasked
from batchfind.tables.dicom_json import JsonText
from batchfind.tables.entries import entries_of
from batchfind.tables.layout import Layout
from batchfind.tables.level import Wanted
from batchfind.tables.reading import Reading
from batchfind.tables.single import Singles
from batchfind.tables.slabs import Origin, Slab

FEWEST_ROWS = 32
"""Responses from which on a sweep costs less than decoding them one at a time."""

_ONE_BY_ONE = 1 << 20
"""Identifier bytes after which a piece ends: as text they may take many times that."""


class Decoder:
    """Decodes the slabs of one query, each response once."""

    def __init__(self, layout: Layout, wanted: Wanted) -> None:
        self._layout = layout
        self._wanted = wanted
        self._columnar = ColumnarDecoder(layout, wanted)
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
            together = is_swept(rest)
            piece = self._columnar.decode(rest) if together else self._one_by_one(rest)
            yield piece
            start += len(piece.slab)

    def _one_by_one(self, slab: Slab) -> Decoded:
        singles = Singles(self._layout, self._wanted)
        position = weight = size = 0
        for part in slab.parts:
            json = self._json_of(part.origin)
            for offset, payload in enumerate(part.identifiers()):
                weight += singles.take(payload, position, part, offset, json)
                position += 1
                size += len(payload)
                if weight > decoded.EXPLODED_BYTES or size > _ONE_BY_ONE:
                    return _decoded(slab.cut(0, position), singles)
        return _decoded(slab, singles)

    def _json_of(self, origin: Origin) -> JsonText:
        """How a request's responses are read; slabs come in plan order."""
        if self._json is None or self._request != origin.request:
            self._request, self._json = origin.request, JsonText(Reading(origin))
        return self._json


def is_swept(slab: Slab) -> bool:
    """Whether a slab is decoded attribute by attribute.

    It has to be large, its responses read by one dictionary and shown as received.
    """
    dictionary = slab.parts[0].origin.dictionary
    return len(slab) >= FEWEST_ROWS and all(
        part.origin.dictionary is dictionary and not part.origin.correction
        for part in slab.parts
    )


def _decoded(slab: Slab, singles: Singles) -> Decoded:
    root = entries_of(singles.root)
    return Decoded(slab, root, singles.defects, Unasked(singles.unasked))
