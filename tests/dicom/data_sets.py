"""Data sets as bytes, as peers send them and as nobody should."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from batchfind.dicom import dictionary
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from batchfind.dicom.vrs import LONG_FORM

UNCOMPRESSED = (EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE)
UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Wire:
    """Elements in one transfer syntax; nothing is padded, checked or put in order."""

    transfer_syntax: str

    @property
    def order(self) -> str:
        return ">" if self.transfer_syntax == EXPLICIT_BE else "<"

    def element(
        self, tag: int, raw: bytes, vr: str | None = None, length: int | None = None
    ) -> bytes:
        vr = vr or dictionary.vr_of(tag)
        length = len(raw) if length is None else length
        head = struct.pack(f"{self.order}HH", tag >> 16, tag & 0xFFFF)
        if self.transfer_syntax == IMPLICIT_LE:
            return head + struct.pack("<L", length) + raw
        if vr in LONG_FORM or len(vr) != 2 or not vr.isalpha():
            return head + vr.encode() + struct.pack(f"{self.order}HL", 0, length) + raw
        return head + vr.encode() + struct.pack(f"{self.order}H", length) + raw

    def item(self, tag: int, length: int) -> bytes:
        """The header of an item, or a delimiter."""
        return struct.pack(f"{self.order}HHL", tag >> 16, tag & 0xFFFF, length)

    def sequence(
        self, tag: int, items: Sequence[bytes], *, opened: bool = False
    ) -> bytes:
        """A sequence; `opened` with undefined lengths and delimiters throughout."""
        body = b""
        for content in items:
            body += self.item(0xFFFEE000, UNDEFINED if opened else len(content))
            body += content + (self.item(0xFFFEE00D, 0) if opened else b"")
        if not opened:
            return self.element(tag, body, "SQ")
        body += self.item(0xFFFEE0DD, 0)
        return self.element(tag, body, "SQ", UNDEFINED)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes data sets at random: drawing each byte by Hypothesis takes too long.

    Attributes:
        random: decides everything, so that one seed tells all.
        wire: transfer syntax.
        values: value fields to choose from, by tag; each attribute may be absent.
        sequences: tags of sequences, whose items are made in the same way.
        vrs: one element in four has one of these instead of its own.
    """

    random: Random
    wire: Wire
    values: Mapping[int, Sequence[bytes]]
    sequences: Sequence[int] = ()
    vrs: Sequence[str] = ()

    def data_set(self, depth: int = 2) -> bytes:
        """Elements in ascending order; `depth` sequences within sequences at most."""
        chance = self.random.choice([0.2, 0.5, 0.9])
        tags = [*self.values, *(self.sequences if depth else ())]
        kept = sorted(tag for tag in tags if self.random.random() < chance)
        return b"".join(self._element(tag, depth) for tag in kept)

    def damaged(self) -> bytes:
        """A data set with some bytes overwritten, cut off, or followed by more."""
        data = bytearray(self.data_set())
        for _ in range(self.random.choice([0, 1, 1, 2])):
            if data:
                byte = self.random.choice([0, 1, 8, 0x20, 0xE0, 0xFE, 0xFF])
                data[self.random.randrange(len(data))] = byte
        if self.random.random() < 0.2:
            del data[self.random.randrange(len(data) + 1) :]
        return bytes(data) + b"\0" * self.random.choice([0, 0, 0, 0, 1, 8, 9])

    def _element(self, tag: int, depth: int) -> bytes:
        if tag not in self.sequences:
            vr = None
            if self.vrs and self.random.random() < 0.25:
                vr = self.random.choice(self.vrs)
            return self.wire.element(tag, self.random.choice(self.values[tag]), vr)
        count = self.random.choice([0, 1, 1, 2, 3])
        items = [self.data_set(depth - 1) for _ in range(count)]
        return self.wire.sequence(tag, items, opened=self.random.random() < 0.5)
