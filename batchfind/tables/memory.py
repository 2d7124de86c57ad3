"""The Identifiers of a slab in one piece of memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from batchfind.dicom import scalar
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.columnar.model import IntVec, Loose, Values
from batchfind.dicom.columnar.sweep import LARGEST_IDENTIFIER
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_LE
from batchfind.errors import IdentifierDefect
from batchfind.tables.cells import Span
from batchfind.tables.dicom_json import JsonText
from batchfind.tables.reading import SPECIFIC_CHARACTER_SET, Reading
from batchfind.tables.set_column import SetColumn
from batchfind.tables.slabs import Slab

_INFLATED_BYTES = 64 << 20
"""Inflated Identifiers that are held at once; what goes beyond is decoded alone."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Identifiers back to back, with what is needed to read them.

    Attributes:
        payload: their bytes, inflated.
        begin, end: of each Identifier; empty where it must be decoded alone.
        transfer_syntax: of these bytes.
        slab: the responses.
        readers: one for each character set policy among the requests.
        policies: which of them reads each Identifier.
    """

    payload: bytes
    begin: IntVec
    end: IntVec
    transfer_syntax: str
    slab: Slab
    readers: tuple[JsonText, ...]
    policies: IntVec

    def span(self, values: Values | Loose) -> Span:
        """Values as a span of this memory."""
        if isinstance(values, Loose):
            present = np.ones(len(values.begin), np.bool_)
        else:
            present = values.present
        return Span(pa.py_buffer(self.payload), values.begin, values.length, present)

    def element(self, raw: bytes) -> RawElement:
        """The only element of a data set."""
        known = self.slab.parts[0].origin.dictionary
        return scalar.decode(raw, self.transfer_syntax, known=known)[0]

    def default_sets(self, owners: IntVec) -> SetColumn:
        """Character sets of Identifiers without (0008,0005)."""
        defaults = tuple(reader.reading.default for reader in self.readers)
        return SetColumn(defaults, self.policies[owners])

    def sets(
        self, owners: IntVec, values: Values | None, inherited: SetColumn
    ) -> SetColumn:
        """Character sets of data sets or items.

        Args:
            owners: position of each one's Identifier.
            values: of (0008,0005), as swept.
            inherited: what holds where there are none.

        Source: PS3.3 Section C.12.1.1.2.
        """
        if values is None:
            return inherited
        present = np.flatnonzero(values.present)
        raws = self.span(values).binary().drop_null()
        alike, own = self.alike(raws, owners[present], inherited.at(present))
        tag = SPECIFIC_CHARACTER_SET
        distinct = [
            reader.reading.sets_of([RawElement(tag, "CS", raw)], sets)
            for raw, sets, reader in alike
        ]
        which = inherited.which.copy()
        which[present] = own + len(inherited.distinct)
        return SetColumn((*inherited.distinct, *distinct), which)

    def alike(
        self, raws: pa.Array, owners: IntVec, sets: SetColumn
    ) -> tuple[list[tuple[bytes, CharacterSets, JsonText]], IntVec]:
        """The different values, and for each value which of these it is.

        Args:
            raws: binary array without nulls.
            owners: position of each one's Identifier.
            sets: character sets of each.

        Returns:
            Bytes, character sets and reader of each value that differs in any.
        """
        encoded = raws.dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        keys = codes * len(sets.distinct) + sets.which
        keys = keys * len(self.readers) + self.policies[owners]
        used, which = np.unique(keys, return_inverse=True)
        code, rest = np.divmod(used, len(sets.distinct) * len(self.readers))
        own, policy = np.divmod(rest, len(self.readers))
        different = [
            (raw, sets.distinct[at], self.readers[reader])
            for raw, at, reader in zip(
                encoded.dictionary.take(pa.array(code)).to_pylist(),
                own.tolist(),
                policy.tolist(),
                strict=True,
            )
        ]
        return different, which


def memory_of(slab: Slab) -> Memory:
    """The Identifiers of a slab; copied only where they stand in several places."""
    parts = slab.parts
    known: dict[tuple[str | None, str | None], int] = {}
    readers: list[JsonText] = []
    policies = []
    for part in parts:
        policy = part.origin.assume, part.origin.override
        if policy not in known:
            known[policy] = len(readers)
            readers.append(JsonText(Reading(part.origin)))
        policies.append(known[policy])
    syntax = slab.transfer_syntax
    if syntax == DEFLATED_LE:
        syntax = EXPLICIT_LE
        payload, begin, end = _inflated(slab)
    else:
        payload, begin, end = _joined(slab)
    counts = [len(part.ends) for part in parts]
    which = np.repeat(np.array(policies, np.int64), counts)
    return Memory(payload, begin, end, syntax, slab, tuple(readers), which)


def _joined(slab: Slab) -> tuple[bytes, IntVec, IntVec]:
    if len(slab.parts) == 1:
        (part,) = slab.parts
        end = np.asarray(part.ends, np.int64)
        return part.payload, np.append(part.begin, end[:-1]), end
    pieces, ends = [], []
    size = 0
    for part in slab.parts:
        pieces.append(part.payload[part.begin : part.ends[-1]])
        ends.append(np.asarray(part.ends, np.int64) + (size - part.begin))
        size += part.size
    end = np.concatenate(ends)
    return b"".join(pieces), np.append(0, end[:-1]), end


def _inflated(slab: Slab) -> tuple[bytes, IntVec, IntVec]:
    """Identifiers inflated one by one; nothing for what is broken or too large."""
    pieces: list[bytes] = []
    held = 0
    for part in slab.parts:
        for identifier in part.identifiers():
            most = min(LARGEST_IDENTIFIER, _INFLATED_BYTES - held)
            try:
                piece = scalar.inflate(identifier, most)
            except IdentifierDefect:
                piece = b""
            pieces.append(piece)
            held += len(piece)
    end = np.cumsum([len(piece) for piece in pieces])
    return b"".join(pieces), np.append(0, end[:-1]), end
