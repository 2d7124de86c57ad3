"""Data sets as bytes, as peers send them and as nobody should."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

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


def data_sets(
    wire: Wire,
    values: Mapping[int, st.SearchStrategy[bytes]],
    sequences: Sequence[int] = (),
    *,
    vrs: st.SearchStrategy[str] | None = None,
    depth: int = 2,
) -> st.SearchStrategy[bytes]:
    """Data sets in tag order, each attribute at most once.

    Args:
        wire: transfer syntax.
        values: value fields by tag; each attribute may be absent.
        sequences: tags of sequences, whose items are made in the same way.
        vrs: now and then an attribute has one of these instead of its own.
        depth: sequences within sequences.
    """
    members = [
        st.builds(_element(wire, tag), raws, _vr_of(tag, vrs))
        for tag, raws in values.items()
    ]
    if depth:
        below = data_sets(wire, values, sequences, vrs=vrs, depth=depth - 1)
        items = st.lists(below, max_size=3)
        members += [
            st.builds(_sequence(wire, tag), items, st.booleans()) for tag in sequences
        ]
    chosen = st.lists(st.one_of(members), max_size=10, unique_by=lambda pair: pair[0])
    return chosen.map(lambda pairs: b"".join(raw for _, raw in sorted(pairs)))


def mutations(data: bytes) -> st.SearchStrategy[bytes]:
    """The same bytes with some overwritten, and perhaps cut off or followed by more."""
    if not data:
        return st.just(data)
    place = st.integers(0, len(data) - 1)
    byte = st.sampled_from([0, 1, 8, 0x20, 0xE0, 0xFE, 0xFF]) | st.integers(0, 255)
    end = st.none() | place
    tail = st.sampled_from([b"", b"", b"\0", b"\0" * 8, b"\0" * 9])
    return st.builds(
        _mutated(data), st.lists(st.tuples(place, byte), max_size=3), end, tail
    )


def _element(wire: Wire, tag: int) -> Callable[[bytes, str], tuple[int, bytes]]:
    return lambda raw, vr: (tag, wire.element(tag, raw, vr))


def _sequence(wire: Wire, tag: int) -> Callable[[list[bytes], bool], tuple[int, bytes]]:
    return lambda items, opened: (tag, wire.sequence(tag, items, opened=opened))


def _vr_of(tag: int, others: st.SearchStrategy[str] | None) -> st.SearchStrategy[str]:
    own = st.just(dictionary.vr_of(tag))
    return own if others is None else st.one_of(own, own, own, others)


def _mutated(
    data: bytes,
) -> Callable[[list[tuple[int, int]], int | None, bytes], bytes]:
    def change(places: list[tuple[int, int]], end: int | None, tail: bytes) -> bytes:
        changed = bytearray(data)
        for place, byte in places:
            changed[place] = byte
        return bytes(changed[:end]) + tail

    return change
