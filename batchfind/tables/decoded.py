"""A slab taken apart, in the form that all tables are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from batchfind.tables.entries import Entries
from batchfind.tables.slabs import Slab

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
class Unasked:
    """DICOM JSON text of attributes returned but not asked, where there are any.

    Attributes:
        by_row: one text a row, by position of the response in the slab.
        in_every_row: a string array with one text a response for all its rows; null
            where `by_row` tells it. None when there are none.
    """

    by_row: Mapping[int, Sequence[str | None]] = field(default_factory=dict)
    in_every_row: pa.Array | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """A slab taken apart.

    Attributes:
        slab: the responses, which may be a piece of the slab given.
        root: one entry a response.
        defects: by position in the slab.
        unasked: empty unless wanted.
    """

    slab: Slab
    root: Entries
    defects: Mapping[int, Defect]
    unasked: Unasked
