"""How a set of matches is stored: lengths, statuses and Identifiers, compressed.

One set holds the responses of one attempt, which resemble each other: zstd at
level 1 makes a twentieth of them for less than the cost of hashing them. lz4 would save
a twentieth of a large run, but takes up twice the room, and pyarrow does not tell when
it gives fewer bytes than were announced.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

from batchfind.capture.records import StoredMatches
from batchfind.dimse.messages import Matches
from batchfind.errors import LocalProtocolError, StorageError

ZSTD: Final = "zstd"
PLAIN: Final = "plain"
MAX_RAW_BYTES: Final = 64 << 20
"""A set is flushed at 1 MiB and one Identifier has at most 16 MiB: ample."""

_WORTH_COMPRESSING: Final = 512
_LARGE: Final = 4 << 20
"""Bytes of a set of which no copy is made only to compress it."""
_SAMPLE: Final = 256 << 10
"""Bytes at its beginning that tell whether it pays."""
_PER_RESPONSE: Final = 6  # u32 length, u16 status
_FEW: Final = 16
_BEYOND: Final = "a set of matches has ends beyond its payload"


@dataclass(frozen=True, slots=True)
class Packed:
    """A set of matches as stored.

    Attributes:
        codec: `zstd` or `plain`.
        count: responses in it.
        raw_bytes: size once decompressed.
        payload: u32 lengths, u16 statuses (little endian), Identifiers.
    """

    codec: str
    count: int
    raw_bytes: int
    payload: bytes


def pack(matches: Matches) -> Packed:
    """A set of matches in the form in which it is stored.

    Args:
        matches: at most 64 MiB.

    Returns:
        The set compressed, or plain where compression gains nothing.

    Raises:
        LocalProtocolError: the set contradicts itself or is too large.
    """
    count = len(matches.ends)
    total = matches.ends[-1] if count else 0
    if len(matches.statuses) != count or total != len(matches.payload):
        raise LocalProtocolError(_BEYOND)
    head = _head_of_few(matches) if count <= _FEW else _head_of_many(matches)
    size = len(head) + total
    if size > MAX_RAW_BYTES:
        raise LocalProtocolError("a set of matches is larger than 64 MiB")
    if size > _LARGE:
        codec, stored = _compress_in_pieces(head, matches.payload)
    else:
        codec, stored = _compress(head + matches.payload)
    return Packed(codec, count, size, stored)


def unpack(packed: Packed, first: int) -> StoredMatches:
    """The set of matches that was packed.

    Args:
        packed: as read from the capture; nothing in it is trusted.
        first: index of its first response within the attempt, from 0.

    Returns:
        The responses with ends as a signed 64-bit and statuses as an unsigned
        16-bit array.

    Raises:
        StorageError: the stored bytes are damaged.
    """
    count = packed.count
    head = count * _PER_RESPONSE
    if not 0 <= head <= packed.raw_bytes <= MAX_RAW_BYTES:
        raise StorageError("its sizes contradict each other")
    if packed.codec == ZSTD and packed.raw_bytes > _LARGE:
        lead, payload = _decompress_in_pieces(packed, head)
    else:
        raw = _decompress(packed)
        lead, payload = raw[:head], bytes(raw[head:])
    read = _read_few if count <= _FEW else _read_many
    ends, statuses = read(lead, count)
    if (ends[-1] if count else 0) != len(payload):
        raise StorageError("its lengths do not add up to its size")
    return StoredMatches(first, payload, ends, statuses)


def _head_of_few(matches: Matches) -> bytes:
    """What stands before the payload; arrays cost more than they save here."""
    count = len(matches.ends)
    lengths = [end - start for start, end in pairwise((0, *matches.ends))]
    if any(length < 0 for length in lengths):
        raise LocalProtocolError(_BEYOND)
    return struct.pack(f"<{count}I{count}H", *lengths, *matches.statuses)


def _head_of_many(matches: Matches) -> bytes:
    import numpy as np  # noqa: PLC0415  # 0.14 s that `status` never needs

    ends = np.asarray(matches.ends, dtype=np.int64)
    lengths = ends.copy()
    lengths[1:] -= ends[:-1]
    if (lengths < 0).any():
        raise LocalProtocolError(_BEYOND)
    statuses = np.asarray(matches.statuses, dtype="<u2")
    return lengths.astype("<u4").tobytes() + statuses.tobytes()


def _read_few(raw: memoryview, count: int) -> tuple[array[int], array[int]]:
    """Ends and statuses."""
    numbers = struct.unpack_from(f"<{count}I{count}H", raw)
    return array("q", accumulate(numbers[:count])), array("H", numbers[count:])


def _read_many(raw: memoryview, count: int) -> tuple[array[int], array[int]]:
    import numpy as np  # noqa: PLC0415  # as above

    lengths = np.frombuffer(raw, dtype="<u4", count=count)
    statuses = np.frombuffer(raw, dtype="<u2", count=count, offset=4 * count)
    ends = np.cumsum(lengths, dtype=np.int64)
    return (
        array("q", ends.tobytes()),
        array("H", statuses.astype(np.uint16).tobytes()),
    )


def _compress(raw: bytes) -> tuple[str, bytes]:
    if len(raw) < _WORTH_COMPRESSING:
        return PLAIN, raw
    from pyarrow import Codec  # noqa: PLC0415  # 0.17 s that `validate` never needs

    if not Codec.is_available(ZSTD):
        return PLAIN, raw
    stored: bytes = Codec(ZSTD, compression_level=1).compress(raw, asbytes=True)
    return (ZSTD, stored) if len(stored) < len(raw) else (PLAIN, raw)


def _compress_in_pieces(head: bytes, payload: bytes) -> tuple[str, bytes]:
    """As `_compress`, for few and large sets: it takes longer and less memory."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    if pa.Codec.is_available(ZSTD) and _compress(payload[:_SAMPLE])[0] == ZSTD:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, ZSTD) as stream:
            stream.write(head)
            stream.write(payload)
        stored = sink.getvalue()
        if stored.size < len(head) + len(payload):
            return ZSTD, stored.to_pybytes()
        del sink, stored
    return PLAIN, head + payload


def _decompress(packed: Packed) -> memoryview:
    """Never makes more than the announced, already bounded size."""
    if packed.codec == PLAIN:
        raw = memoryview(packed.payload)
    elif packed.codec == ZSTD:
        raw = _decompress_zstd(packed)
    else:
        raise StorageError(f"its codec {packed.codec[:20]!r} is unknown")
    if len(raw) != packed.raw_bytes:
        raise StorageError("its size is not the one recorded")
    return raw


def _decompress_in_pieces(packed: Packed, head: int) -> tuple[memoryview, bytes]:
    """What stands before the payload, and the payload, without a copy of either."""
    import pyarrow as pa  # noqa: PLC0415  # as above

    with pa.CompressedInputStream(pa.BufferReader(packed.payload), ZSTD) as stream:
        try:
            lead, payload = stream.read(head), stream.read(packed.raw_bytes - head)
            more = stream.read(1)
        except OSError as error:
            raise _damaged(error) from error
    if len(lead) + len(payload) != packed.raw_bytes or more:
        raise StorageError("its size is not the one recorded")
    return memoryview(lead), payload


def _damaged(error: OSError) -> StorageError:
    return StorageError(f"its compressed bytes are damaged ({error})")


def _decompress_zstd(packed: Packed) -> memoryview:
    from pyarrow import Codec  # noqa: PLC0415  # as above

    try:
        # In a buffer of its own pool, which costs no new pages for every set.
        raw = Codec(ZSTD).decompress(packed.payload, packed.raw_bytes)
    except OSError as error:
        raise _damaged(error) from error
    return memoryview(raw)
