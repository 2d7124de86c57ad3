"""The hash chain of an attempt: proof that nothing was changed or left out.

The first link binds what was asked and agreed, each set of matches adds one over
its stored bytes, the last one binds the ending. A changed bit, a missing set or
an ending that was rewritten breaks every later link.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final, NamedTuple

from batchfind.capture.codec import Packed

LINK_BYTES: Final = 32
_NUMBERS: Final = struct.Struct("<QQ?")
_HEADER: Final = struct.Struct("<QQIQ8s")


class Asked(NamedTuple):
    """What identifies a stored request: its id, request key and spec's JSON."""

    request: str
    key: str
    spec: str


def first_link(number: int, ordinal: int, facts: str | None, asked: Asked) -> bytes:
    """The link before the first response.

    Args:
        number: of the attempt in this capture, from 1.
        ordinal: 1 for the first try at the request.
        facts: JSON of what was negotiated, or None without association.
        asked: the request, as stored.

    Returns:
        32 bytes.
    """
    digest = hashlib.sha256(b"batchfind attempt 1\0")
    digest.update(_NUMBERS.pack(number, ordinal, facts is not None))
    for text in (facts or "", *asked):
        value = text.encode()
        digest.update(len(value).to_bytes(8, "little") + value)
    return digest.digest()


def next_link(previous: bytes, sequence: int, first: int, packed: Packed) -> bytes:
    """The link over one stored set of matches.

    Args:
        previous: link before it, 32 bytes.
        sequence: number of the set within the attempt, from 0.
        first: index of its first response within the attempt, from 0.
        packed: the set as stored.

    Returns:
        32 bytes.
    """
    codec = packed.codec.encode("ascii", "replace")[:8]
    head = _HEADER.pack(sequence, first, packed.count, packed.raw_bytes, codec)
    digest = hashlib.sha256(previous)
    digest.update(b"matches\0" + head)
    digest.update(packed.payload)
    return digest.digest()


def last_link(previous: bytes, ending: str) -> bytes:
    """The head of an ended attempt's chain: the link over its ending's JSON."""
    return hashlib.sha256(previous + b"ending\0" + ending.encode()).digest()
