"""P-DATA-TF in bulk: a buffer's complete PDUs become one burst, a message PDUs."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct, pack

from batchfind.errors import PduError
from batchfind.ul.refrain import Refrain, find_refrain

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
#: Where the control octet of the first PDV stands.
_FIRST_CONTROL = 11
_WHOLE_PDU = Struct(">BxLLBB")
#: In fewer bytes a refrain is not worth looking for.
_WORTH_A_LOOK = 4096
#: A burst without a refrain ends after so many PDVs: one may follow.
_LONGEST_VECTOR = 512
#: Bits 2 to 7 are reserved and not tested (PS3.8 Section E.2).
_USED_BITS = bytes(control & (_COMMAND | _LAST) for control in range(256))


@dataclass(frozen=True, slots=True)
class Burst:
    """The PDVs of complete P-DATA-TF at the head of the buffer.

    The four vectors have one entry a PDV, in the order received; a refrain, if there
    is one, comes behind them.

    Attributes:
        data: the PDUs with their headers; owned and immutable.
        begin: where each PDV's fragment starts in `data`.
        end: where it ends.
        contexts: its presentation context ID, 0 to 255, as received.
        controls: its message control header: 1 command, 2 last fragment, 3 both;
            reserved bits cleared.
        refrain: what comes behind these PDVs in pairs that are all alike, or None.

    Source: PS3.8 Sections 9.3.5 and E.2.
    """

    data: bytes
    begin: list[int]
    end: list[int]
    contexts: bytes
    controls: bytes
    refrain: Refrain | None = None

    def __len__(self) -> int:
        """PDVs in the vectors."""
        return len(self.begin)

    def spelled_out(self) -> Burst:
        """The same PDVs, all of them in the vectors."""
        refrain = self.refrain
        if refrain is None:
            return self
        begin, end = self.begin.copy(), self.end.copy()
        first = refrain.first
        for last in refrain.ends:
            begin += (first + _FIRST_PDV.size, first + refrain.gap)
            end += (first + refrain.lead, last)
            first = last
        return Burst(
            self.data,
            begin,
            end,
            self.contexts + refrain.contexts * len(refrain.ends),
            self.controls + refrain.controls * len(refrain.ends),
        )


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
    pdvs = _Pdvs()
    position, refrain = 0, None
    if len(buffer) >= _WORTH_A_LOOK:
        if not buffer[_FIRST_CONTROL] & _COMMAND:
            position = pdvs.take(buffer, longest, most=1)  # the second of a pair
        refrain = find_refrain(buffer, position, longest)
    if refrain is None:
        position = pdvs.take(buffer, longest, position)
    else:
        position = refrain.ends[-1]
    if not position:
        return None
    octets = pack(f">{len(pdvs.marks)}H", *pdvs.marks)
    return Burst(
        bytes(memoryview(buffer)[:position]),
        pdvs.begin,
        pdvs.end,
        octets[::2],
        octets[1::2].translate(_USED_BITS),
        refrain,
    )


class _Pdvs:
    """PDVs one by one, read into vectors."""

    def __init__(self) -> None:
        self.begin: list[int] = []
        self.end: list[int] = []
        self.marks: list[int] = []

    def take(
        self,
        buffer: bytearray,
        longest: int,
        position: int = 0,
        most: int = _LONGEST_VECTOR,
    ) -> int:
        """Reads complete PDUs up to so many PDVs; where it stopped."""
        begin, end, marks = self.begin, self.end, self.marks
        size = len(buffer)
        last = size - _FIRST_PDV.size
        while position <= last and len(marks) < most:
            kind, length, pdv_length, mark = _FIRST_PDV.unpack_from(buffer, position)
            stop = position + HEADER_LENGTH + length
            if kind != _DATA_TF or stop > size or length > longest:
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
        return position


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
