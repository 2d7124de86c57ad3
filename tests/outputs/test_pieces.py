"""Slabs in pieces: what has to be escaped takes many times its bytes."""

from __future__ import annotations

import pytest

from batchfind.capture.records import Verdict
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from batchfind.outputs.pieces import pieces
from batchfind.tables.slabs import Origin, Part, Slab

ORIGIN = Origin(
    request="1",
    query="q",
    peer="p",
    verdict=Verdict.COMPLETE,
    transfer_syntax=EXPLICIT_LE,
)
COUNT, SIZE = 300, 10_000


def slab_of(byte: bytes) -> Slab:
    ends = [SIZE * number for number in range(1, COUNT + 1)]
    return Slab((Part(ORIGIN, 0, byte * (SIZE * COUNT), 0, ends, [0xFF00] * COUNT),))


def test_usual_text_stays_in_one_piece() -> None:
    slab = slab_of(b"a")
    assert list(pieces(slab)) == [slab]


@pytest.mark.parametrize("byte", [b"\0", b'"', b"<", b"\\", b"\xfc"])
def test_what_is_escaped_comes_in_pieces_that_are_all_of_it(byte: bytes) -> None:
    slab = slab_of(byte)
    parts = [part for piece in pieces(slab) for part in piece.parts]
    assert len(parts) > 1
    assert max(part.size for part in parts) <= 256 << 10
    told = [one for part in parts for one in part.identifiers()]
    assert told == list(slab.parts[0].identifiers())
