"""P-DATA-TF in bulk: a buffer's complete PDUs become one burst, a message PDUs.

The loop in `frame` runs once for every PDV a peer sends and is the hottest of the
project, hence its plain look: one unpack, one comparison, three appends.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, pack

from batchfind.errors import PduError

HEADER_LENGTH = 6
#: Shortest P-DATA-TF body: one PDV of length, context ID and control header.
SHORTEST_BODY = 6
#: Longest P-DATA-TF we send, whatever the peer allows. Nothing gains from longer
#: ones, and peers that announce "unlimited" have been seen to have a limit.
_LONGEST_SENT = 131_072
_DATA_TF = 4
_COMMAND, _LAST = 1, 2

#: PDU type, PDU length, first PDV length, context ID and control octet as one.
_FIRST_PDV = Struct(">BxLLH")
_PDV = Struct(">LH")
_WHOLE_PDU = Struct(">BxLLBB")
#: Bits 2 to 7 are reserved and not tested (PS3.8 Section E.2).
_USED_BITS = bytes(control & (_COMMAND | _LAST) for control in range(256))


@dataclass(frozen=True, slots=True)
class Burst:
    """The PDVs of every complete P-DATA-TF at the head of the buffer.

    The four vectors have one entry a PDV, in the order received.

    Attributes:
        data: the PDUs with their headers; owned and immutable.
        begin: where each PDV's fragment starts in `data`.
        end: where it ends.
        contexts: its presentation context ID, 0 to 255, as received.
        controls: its message control header: 1 command, 2 last fragment, 3 both;
            reserved bits cleared.

    Source: PS3.8 Sections 9.3.5 and E.2.
    """

    data: bytes
    begin: list[int]
    end: list[int]
    contexts: bytes
    controls: bytes

    def __len__(self) -> int:
        return len(self.begin)


def frame(buffer: bytearray, longest: int) -> Burst | None:
    """The burst at the head of `buffer`, which stays as it is.

    The caller drops `len(burst.data)` bytes. A broken PDU behind good ones ends the
    burst before it and is reported when it has become the first.

    Args:
        buffer: bytes received that start with a P-DATA-TF header.
        longest: longest body accepted, in bytes.

    Returns:
        The burst, or None while the first PDU is not complete.

    Raises:
        PduError: the PDVs of the first PDU do not fill it exactly.

    Source: PS3.8 Section 9.3.5.
    """
    begin: list[int] = []
    end: list[int] = []
    marks: list[int] = []
    size = len(buffer)
    last = size - _FIRST_PDV.size
    position = 0
    while position <= last:
        pdu_type, length, pdv_length, mark = _FIRST_PDV.unpack_from(buffer, position)
        stop = position + HEADER_LENGTH + length
        if pdu_type != _DATA_TF or stop > size or length > longest:
            break
        if pdv_length + 4 == length and pdv_length >= 2:
            begin.append(position + 12)
            end.append(stop)
            marks.append(mark)
        else:
            try:
                several = _split(buffer, position + HEADER_LENGTH, stop)
            except PduError:
                if not position:
                    raise
                break
            for start, past, pdv_mark in several:
                begin.append(start)
                end.append(past)
                marks.append(pdv_mark)
        position = stop
    if not position:
        return None
    octets = pack(f">{len(marks)}H", *marks)
    return Burst(
        bytes(memoryview(buffer)[:position]),
        begin,
        end,
        octets[::2],
        octets[1::2].translate(_USED_BITS),
    )


def _split(buffer: bytearray, position: int, stop: int) -> list[tuple[int, int, int]]:
    pdvs = []
    while position < stop:
        if stop - position < _PDV.size:
            raise PduError(f"{stop - position} stray bytes behind the last PDV")
        length, mark = _PDV.unpack_from(buffer, position)
        past = position + 4 + length
        if length < 2:
            raise PduError(f"a PDV of length {length} has no room for its header")
        if past > stop:
            raise PduError(f"a PDV of length {length} exceeds its P-DATA-TF")
        pdvs.append((position + _PDV.size, past, mark))
        position = past
    if not pdvs:
        raise PduError("a P-DATA-TF without any PDV")
    return pdvs


def encode_message(
    context_id: int, command: bytes, data_set: bytes | None, longest: int
) -> bytes:
    """One DIMSE message as P-DATA-TF PDUs of one PDV each, ready for one write.

    Fragments have even length, as PS3.7 Section 6.3.1 has it for whole messages and
    DCMTK demands for every fragment; only a peer that announces 7 bytes, where an
    even fragment has no room, gets single bytes.

    Args:
        context_id: odd, 1 to 255.
        command: encoded command set.
        data_set: encoded data set, or None for a message without one.
        longest: longest body the peer receives, in bytes, from 7; 0 is unlimited.

    Returns:
        All PDUs, command first.

    Source: PS3.8 Sections 9.3.5 and E.1.
    """
    room = min(longest or _LONGEST_SENT, _LONGEST_SENT) - SHORTEST_BODY
    room = max(room - room % 2, 1)
    pdus = _fragments(context_id, command, _COMMAND, room)
    if data_set is not None:
        pdus += _fragments(context_id, data_set, 0, room)
    return b"".join(pdus)


def _fragments(context_id: int, value: bytes, kind: int, room: int) -> list[bytes]:
    pdus: list[bytes] = []
    for start in range(0, max(len(value), 1), room):
        fragment = value[start : start + room]
        control = kind | (_LAST if start + room >= len(value) else 0)
        length = len(fragment) + 2
        header = _WHOLE_PDU.pack(_DATA_TF, length + 4, length, context_id, control)
        pdus += (header, fragment)
    return pdus
