"""Sets of matches beyond what a set usually holds: one Identifier may fill 16 MiB."""

from __future__ import annotations

from array import array
from hashlib import shake_256

import pytest

from batchfind.capture.codec import PLAIN, ZSTD, Packed, pack, unpack
from batchfind.dimse.messages import Matches
from batchfind.errors import StorageError

SIZE = 5 << 20


def set_of(payload: bytes) -> Matches:
    ends = [1000, len(payload)]
    return Matches(1, payload, array("q", ends), array("H", [0xFF00, 0xFF01]))


@pytest.mark.parametrize(
    ("payload", "codec"),
    [(b"ab" * (SIZE // 2), ZSTD), (shake_256(b"7").digest(SIZE), PLAIN)],
    ids=["compressed", "plain"],
)
def test_a_large_set_comes_back_as_it_was(payload: bytes, codec: str) -> None:
    packed = pack(set_of(payload))
    stored = unpack(packed, 3)
    assert packed.codec == codec
    assert (stored.first, stored.payload) == (3, payload)
    assert list(stored.ends) == [1000, SIZE]
    assert list(stored.statuses) == [0xFF00, 0xFF01]


@pytest.mark.parametrize("change", [-1, 1])
def test_a_large_set_of_another_size_is_refused(change: int) -> None:
    packed = pack(set_of(bytes(SIZE)))
    other = Packed(ZSTD, 2, packed.raw_bytes + change, packed.payload)
    with pytest.raises(StorageError, match=r"size|lengths"):
        unpack(other, 0)


def test_damaged_bytes_of_a_large_set_are_refused() -> None:
    packed = pack(set_of(bytes(SIZE)))
    damaged = Packed(ZSTD, 2, packed.raw_bytes, b"\0" * len(packed.payload))
    with pytest.raises(StorageError):
        unpack(damaged, 0)
