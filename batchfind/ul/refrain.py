"""The usual stream in bulk: one PDU comes again and again, with another between.

A peer that answers with many matches repeats one P-DATA-TF byte for byte and puts one
of any content behind it each time. Comparing bytes then replaces reading headers, which
makes the loop of `find_refrain` the hottest of the project: once a response, it
unpacks, compares and appends.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, error

_HEADER = 6
#: PDU type and reserved octet, PDU length, PDV length, context ID and control octet.
_PREFIX = Struct(">HLLH")
_DATA_TF = 0x0400
_SHORTEST_BODY = 6
_CONTEXT, _CONTROL = 10, 11
_USED_BITS = 3
#: More bytes are compared in no time, but nobody repeats them.
_LONGEST_LEAD = 4096


@dataclass(frozen=True, slots=True)
class Refrain:
    """Pairs of P-DATA-TF with one PDV each, whose first PDUs are all the same.

    Attributes:
        first: where the first pair begins in the burst's data.
        lead: length of the PDU that repeats, with its header, in bytes.
        ends: where each pair ends; at least one.
        contexts: presentation context ID of the first and of the second of each pair.
        controls: their message control headers, reserved bits cleared.

    Source: PS3.8 Sections 9.3.5 and E.2.
    """

    first: int
    lead: int
    ends: list[int]
    contexts: bytes
    controls: bytes

    @property
    def gap(self) -> int:
        """Bytes between the end of a pair and the second fragment of the next."""
        return self.lead + _PREFIX.size

    def repeated(self, data: bytes) -> bytes:
        """The fragment in the first PDU of every pair, out of the burst's data."""
        return data[self.first + _PREFIX.size : self.first + self.lead]


def find_refrain(buffer: bytearray, first: int, longest: int) -> Refrain | None:
    """The refrain that begins at a PDU.

    Args:
        buffer: bytes received.
        first: where a PDU begins.
        longest: longest body accepted, in bytes.

    Returns:
        Its complete pairs; None unless the PDU comes again behind the next one.
    """
    size = len(buffer)
    second = _behind(buffer, first, longest)
    third = _behind(buffer, second, longest) if second else 0
    lead = second - first
    if not third or lead > _LONGEST_LEAD:
        return None
    head = bytes(buffer[first:second])
    if buffer[third : third + lead] != head:
        return None
    unpack = Struct(f">{lead}sHLLH").unpack_from
    *_, usual = _PREFIX.unpack_from(buffer, second)
    ends: list[int] = []
    position, beyond = first, lead + _HEADER
    try:
        while True:
            again, kind, length, inner, mark = unpack(buffer, position)
            if (
                again != head
                or mark != usual
                or inner + 4 != length
                or kind != _DATA_TF
                or not _SHORTEST_BODY <= length <= longest
            ):
                break
            position += beyond + length
            ends.append(position)
    except error:
        pass  # what is left is shorter than a pair
    if ends and ends[-1] > size:
        ends.pop()
    if not ends:
        return None
    context, control = divmod(usual, 256)
    return Refrain(
        first,
        lead,
        ends,
        bytes([head[_CONTEXT], context]),
        bytes([head[_CONTROL] & _USED_BITS, control & _USED_BITS]),
    )


def _behind(buffer: bytearray, position: int, longest: int) -> int:
    """Where a complete P-DATA-TF of one PDV ends; 0 if it is none."""
    if len(buffer) - position < _PREFIX.size:
        return 0
    kind, length, inner, _ = _PREFIX.unpack_from(buffer, position)
    stop: int = position + _HEADER + length
    plain = kind == _DATA_TF and inner + 4 == length
    fits = _SHORTEST_BODY <= length <= longest and stop <= len(buffer)
    return stop if plain and fits else 0
