"""The first six bytes of a PDU: is it one, may it come now, can it be that long?

The type is judged before the length is believed, the length before any byte behind
the header is waited for. So a header that announces 4 GiB costs six bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from batchfind.errors import BadAccept, NotDicom, PduError
from batchfind.ul.framing import HEADER_LENGTH, SHORTEST_BODY
from batchfind.ul.greeting import foreign_protocol, quoted
from batchfind.ul.states import AA_8, TABLE, State, Trigger

#: Reasons of our own A-ABORT as service provider (PS3.8 Table 9-26).
UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER = 1, 2, 6
#: Body of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT.
SHORT_BODY = 4
LONGEST_AC = 65_536

_HEADER = Struct(">BxL")
#: How much of an unrecognized PDU an error quotes, in bytes.
_QUOTED = 32
_PDUS = {
    1: (Trigger.ASSOCIATE_RQ, "A-ASSOCIATE-RQ"),
    2: (Trigger.ASSOCIATE_AC, "A-ASSOCIATE-AC"),
    3: (Trigger.ASSOCIATE_RJ, "A-ASSOCIATE-RJ"),
    4: (Trigger.DATA_TF, "P-DATA-TF"),
    5: (Trigger.RELEASE_RQ, "A-RELEASE-RQ"),
    6: (Trigger.RELEASE_RP, "A-RELEASE-RP"),
    7: (Trigger.ABORT, "A-ABORT"),
}


@dataclass(frozen=True, slots=True)
class Header:
    """A PDU that may come now.

    Attributes:
        trigger: what it is to the state table.
        length: of its body, in bytes.
    """

    trigger: Trigger
    length: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A PDU that ends the association.

    Attributes:
        trigger: what it is to the state table.
        reason: of the A-ABORT the standard asks for.
        error: to be raised.
    """

    trigger: Trigger
    reason: int
    error: NotDicom | BadAccept | PduError


def read_header(
    buffer: bytearray, state: State, longest_data: int, *, at_end: bool
) -> Header | Refusal | None:
    """What the next PDU is, judged by its header alone.

    Args:
        buffer: bytes received; stays as it is.
        state: where the association stands; not `IDLE` or `AWAITING_CLOSE`.
        longest_data: longest P-DATA-TF body accepted, in bytes.
        at_end: nothing more can come.

    Returns:
        None while the header is not complete.

    Source: PS3.8 Sections 9.3.1 and 9.2, Table 9-26.
    """
    # Six bytes also tell a web server from a broken peer, so they are waited for.
    if len(buffer) < HEADER_LENGTH:
        if at_end and buffer and buffer[0] not in _PDUS:
            return _unrecognized(bytes(buffer), state)
        return None
    pdu_type, length = _HEADER.unpack_from(buffer)
    if pdu_type not in _PDUS:
        return _unrecognized(bytes(buffer[:_QUOTED]), state)
    trigger, name = _PDUS[pdu_type]
    if TABLE[state, trigger] is AA_8:
        where = state.name.lower().replace("_", " ")
        error = PduError(f"{name} is not expected here ({where})")
        return Refusal(trigger, UNEXPECTED_PDU, error)
    fault = _length_fault(trigger, name, length, longest_data)
    if fault is not None:
        return Refusal(Trigger.INVALID_PDU, INVALID_PARAMETER, fault)
    return Header(trigger, length)


def announced_length(buffer: bytearray) -> int | None:
    """Length of the PDU that begins the buffer, header included, if it is known."""
    if len(buffer) < HEADER_LENGTH:
        return None
    return HEADER_LENGTH + int(_HEADER.unpack_from(buffer)[1])


def _unrecognized(start: bytes, state: State) -> Refusal:
    fresh = state is State.AWAITING_ASSOCIATE_ANSWER
    foreign = foreign_protocol(start) if fresh else None
    error: NotDicom | PduError
    if foreign is not None:
        error = NotDicom(f"{foreign}: {quoted(start)}")
    else:
        error = PduError(f"unrecognized PDU type {start[0]:02X}H: {quoted(start)}")
    return Refusal(Trigger.INVALID_PDU, UNRECOGNIZED_PDU, error)


def _length_fault(
    trigger: Trigger, name: str, length: int, longest_data: int
) -> PduError | BadAccept | None:
    if trigger is Trigger.DATA_TF:
        if length < SHORTEST_BODY:
            return PduError(f"{name} of {length} bytes holds no PDV")
        if length > longest_data:
            return PduError(
                f"{name} announces {length} bytes where {longest_data} are accepted"
            )
    elif trigger is Trigger.ASSOCIATE_AC:
        if length > LONGEST_AC:
            return BadAccept(
                f"{name} announces {length} bytes where {LONGEST_AC} are accepted"
            )
    elif trigger is not Trigger.ABORT and length != SHORT_BODY:
        return PduError(f"{name} announces {length} bytes instead of {SHORT_BODY}")
    return None
