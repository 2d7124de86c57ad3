"""Attributes that responses hold though nobody asked, as DICOM JSON text."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom import scalar
from batchfind.dicom.columnar.model import BoolVec, IntVec, Loose, Swept
from batchfind.dicom.dictionary import is_private
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import IMPLICIT_LE
from batchfind.tables.cells import contents
from batchfind.tables.decoded import Unasked
from batchfind.tables.layout import Layout
from batchfind.tables.memory import Memory
from batchfind.tables.set_column import SetColumn
from batchfind.tables.single import unasked
from batchfind.tables.swept import is_extra

_ESCAPED_BYTES: Final = 256 << 10
"""Bytes that JSON writes as six characters each, in one piece of a table."""
_WRITTEN_AS_THEY_ARE: Final = bytes(range(0x20, 0x7F))


def fewer(memory: Memory, swept: Swept) -> int:
    """How many of the responses are rendered at once; all of them but for noise.

    Args:
        memory: the responses.
        swept: what was found in them.
    """
    extras = [loose for loose in swept.root.loose if is_extra(loose)]
    count = len(memory.begin)
    if sum(int(loose.length.sum()) for loose in extras) <= _ESCAPED_BYTES:
        return count
    escaped = sum(
        len(data.tobytes().translate(None, _WRITTEN_AS_THEY_ARE))
        for _, data in (contents(memory.span(loose).binary()) for loose in extras)
    )
    return (
        count
        if escaped <= _ESCAPED_BYTES
        else max(1, count * _ESCAPED_BYTES // escaped)
    )


def unasked_of(
    memory: Memory, swept: Swept, sets: SetColumn, layout: Layout, noticed: BoolVec
) -> Unasked:
    """What swept responses hold beside what was asked.

    Most of it stands in the data set itself, and many responses hold the same: it is
    rendered attribute by attribute, each different value once. Responses with more in
    the items of asked sequences, or with private elements whose VR was not sent, are
    rendered one at a time.

    Args:
        memory: the responses.
        swept: what was found in them.
        sets: character sets of the data sets.
        layout: what was asked.
        noticed: for each response, whether items in it hold what nobody asked for.
    """
    extras = [loose for loose in swept.root.loose if is_extra(loose)]
    owners = swept.root.owners
    alone = noticed.copy()
    for loose in extras:
        if is_private(loose.tag) and memory.transfer_syntax == IMPLICIT_LE:
            alone[owners[loose.entries]] = True
    alone[swept.odd] = False
    texts = _texts(memory, extras, owners, sets)
    positions = np.flatnonzero(alone).tolist()
    by_row = {at: _rows(memory, at, layout) for at in positions}
    if texts is None:
        return Unasked(by_row)
    # Of no use for a response that is rendered alone, or that was not swept.
    everywhere = np.full(len(alone), -1, np.int64)
    everywhere[owners] = np.arange(len(owners))
    everywhere[alone] = -1
    where = pa.array(everywhere, mask=everywhere < 0)
    return Unasked(by_row, texts.take(where))


def _texts(
    memory: Memory, extras: list[Loose], owners: IntVec, sets: SetColumn
) -> pa.Array | None:
    """One JSON object an entry, null without any member; None for none at all."""
    if not extras:
        return None
    members = [_members(memory, loose, owners, sets) for loose in extras]
    joined = pc.binary_join_element_wise(*members, "")
    # Each member begins with a comma; the brace takes the place of the first one.
    objects = pc.binary_join_element_wise(
        "{", pc.utf8_slice_codeunits(joined, 1), "}", ""
    )
    return pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), objects)


def _members(memory: Memory, loose: Loose, owners: IntVec, sets: SetColumn) -> pa.Array:
    """One attribute as a JSON member after a comma; empty where it is absent."""
    raws = memory.span(loose).binary()
    alike, which = memory.alike(raws, owners[loose.entries], sets.at(loose.entries))
    texts = [""]
    for raw, own, reader in alike:
        element = RawElement(loose.tag, loose.vr, raw)
        if loose.vr == "SQ":
            element = memory.element(raw)
        texts.append("," + reader.member(element, own, None))
    places = np.zeros(len(owners), np.int64)
    places[loose.entries] = which + 1
    return pa.array(texts, pa.string()).take(pa.array(places))


def _rows(memory: Memory, position: int, layout: Layout) -> list[str | None]:
    """The texts of one response, one a row."""
    raw = memory.payload[memory.begin[position] : memory.end[position]]
    known = memory.slab.parts[0].origin.dictionary
    elements = scalar.decode(raw, memory.transfer_syntax, known=known)
    return unasked(elements, layout, memory.readers[memory.policies[position]])
