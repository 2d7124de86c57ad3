"""A few values of each response, without a table: what rows are told apart by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from batchfind.dicom.paths import KeyPath
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.plan.model import PlannedQuery
from batchfind.tables.columns import LevelColumns
from batchfind.tables.decode import Decoder
from batchfind.tables.decoded import Decoded
from batchfind.tables.entries import Entries
from batchfind.tables.layout import Layout, layout_of
from batchfind.tables.level import Wanted
from batchfind.tables.slabs import Slab

DIGEST_BYTES: Final = 16
"""Bytes of a digest: 2**64 different Identifiers before two are likely to agree."""

Texts: TypeAlias = tuple[str | None, ...]
"""None is absent, "" is present and empty; several values are joined by a backslash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRows:
    """What some responses hold, one element a response in every list.

    Attributes:
        requests: id of the request each answers.
        responses: its index within the request, from 0, as in `bf_response`.
        values: by path, the texts of each response: one for an attribute of the data
            set itself, one an item for an attribute in a sequence, none where the
            sequence has no items. Text has lost its padding as it has in tables.
        digests: 16 bytes of each Identifier as received.
        undecodable: positions of responses that cannot be decoded; their values are
            those of a response that holds nothing.
    """

    requests: list[str]
    responses: list[int]
    values: Mapping[KeyPath, list[Texts]]
    digests: list[bytes]
    undecodable: frozenset[int]

    def __len__(self) -> int:
        return len(self.requests)


def read_keys(
    query: PlannedQuery, slabs: Iterable[Slab], paths: Sequence[KeyPath]
) -> Iterator[KeyRows]:
    """The values of some keys, response by response, decoded as tables decode them.

    It holds nothing between slabs, and uses nothing but its arguments: any thread
    may run it, with a capture of its own.

    Args:
        query: the query all slabs belong to.
        slabs: as joined.
        paths: of attributes, not of sequences; item numbers in them are ignored.

    Yields:
        One piece after another, in the order of the slabs, with every response once.

    Raises:
        ValueError: a path names a sequence: a bug of ours.
    """
    for path in paths:
        if path.vr == "SQ":
            raise ValueError(f"{path} is a sequence and has no text")
    layout = layout_of(replace(query, columns=()), paths)
    decoder = Decoder(layout, Wanted())
    for slab in slabs:
        for decoded in decoder.decode(slab):
            yield _key_rows(decoded, layout, paths)


def digest_of(identifier: bytes) -> bytes:
    """What stands for an Identifier as received, `DIGEST_BYTES` long."""
    return blake2b(identifier, digest_size=DIGEST_BYTES).digest()


def _key_rows(decoded: Decoded, layout: Layout, paths: Sequence[KeyPath]) -> KeyRows:
    parts = decoded.slab.parts
    big_endian = decoded.slab.transfer_syntax == EXPLICIT_BE
    columns = LevelColumns(decoded.root, big_endian=big_endian)
    return KeyRows(
        requests=[part.origin.request for part in parts for _ in part.ends],
        responses=[part.first + at for part in parts for at in range(len(part.ends))],
        values={path: _texts(decoded.root, columns, layout, path) for path in paths},
        digests=[digest_of(each) for part in parts for each in part.identifiers()],
        undecodable=frozenset(decoded.defects),
    )


def _texts(
    root: Entries, columns: LevelColumns, layout: Layout, path: KeyPath
) -> list[Texts]:
    """The texts of one path, by response."""
    level, node = root, layout.root
    for step in path.sequences:
        slot = node.slot(step)
        level, columns = level.children[slot], columns.children[slot]
        node = level.node
    texts = columns.text(node.slot(path.leaf)).array.to_pylist()
    if not path.is_nested:
        return [(text,) for text in texts]
    # Entries stand in the order of their responses.
    begins = np.searchsorted(level.owners, np.arange(len(root) + 1)).tolist()
    return [tuple(texts[begin:end]) for begin, end in pairwise(begins)]
