"""The bytes of PS3.8 and PS3.7 that a scripted peer needs, written on their own.

Nothing here comes from batchfind: a mistake of ours must not meet its own mirror.
Everything is the acceptor's side, and only well-formed input from us is parsed;
scripts that want malformed output send raw bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 1, 2, 3
P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 4, 5, 6, 7

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS = "1.2.826.0.1.3680043.10.1505.1"

ECHO_RQ, FIND_RQ, CANCEL_RQ = 0x0030, 0x0020, 0x0FFF
RESPONSE = 0x8000
NO_DATA_SET = 0x0101

LONG_VRS = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UC", b"UN", b"UT"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposed presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """What an A-ASSOCIATE-RQ asked for."""

    called_ae: str
    calling_ae: str
    proposals: tuple[Proposal, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class DataElement:
    """One element of a flat data set; the VR is empty in implicit VR."""

    tag: int
    vr: bytes
    value: bytes


def pdu(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxL", kind, len(body)) + body


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def items(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from(">BxH", data, at)
        yield kind, data[at + 4 : at + 4 + length]
        at += 4 + length


def parse_associate_rq(body: bytes) -> AssociateRequest:
    called, calling = body[4:20].decode().strip(), body[20:36].decode().strip()
    proposals = []
    for kind, value in items(body[68:]):
        if kind == 0x20:
            parts = list(items(value[4:]))
            names = [part.rstrip(b"\0").decode() for _, part in parts]
            proposals.append(Proposal(value[0], names[0], tuple(names[1:])))
    return AssociateRequest(called, calling, tuple(proposals), body)


def chosen_syntax(proposal: Proposal) -> str:
    """Explicit VR Little Endian when proposed, else the first one."""
    if EXPLICIT_LE in proposal.transfer_syntaxes:
        return EXPLICIT_LE
    return proposal.transfer_syntaxes[0]


def associate_ac(
    request: AssociateRequest,
    *,
    result: int = 0,
    max_pdu: int = 16384,
    user: bytes = b"",
) -> bytes:
    contexts = b"".join(
        _item(
            0x21,
            bytes((proposal.context_id, 0, result, 0))
            + _item(0x40, chosen_syntax(proposal).encode()),
        )
        for proposal in request.proposals
    )
    facts = _item(0x51, struct.pack(">L", max_pdu))
    facts += _item(0x52, IMPLEMENTATION_CLASS.encode()) + _item(0x55, b"SCRIPTED")
    items = _item(0x10, APPLICATION_CONTEXT.encode()) + contexts
    items += _item(0x50, facts + user)
    return pdu(ASSOCIATE_AC, request.raw[:68] + items)


def window(invoked: int, performed: int = 1) -> bytes:
    """Asynchronous operations window. Source: PS3.7 Table D.3-8."""
    return _item(0x53, struct.pack(">HH", invoked, performed))


def extended(sop_class: str, information: bytes) -> bytes:
    """SOP Class extended negotiation. Source: PS3.7 Table D.3-12."""
    uid = sop_class.encode()
    return _item(0x56, struct.pack(">H", len(uid)) + uid + information)


def identity_response(response: bytes = b"") -> bytes:
    """User identity negotiation of the acceptor. Source: PS3.7 Table D.3-15."""
    return _item(0x59, struct.pack(">H", len(response)) + response)


def user_items(request: AssociateRequest) -> dict[int, list[bytes]]:
    """Sub-items of the user information by their type."""
    found: dict[int, list[bytes]] = {}
    for kind, value in items(request.raw[68:]):
        if kind == 0x50:
            for inner, data in items(value):
                found.setdefault(inner, []).append(data)
    return found


def associate_rj(result: int, source: int, reason: int) -> bytes:
    return pdu(ASSOCIATE_RJ, bytes((0, result, source, reason)))


def abort(source: int = 0, reason: int = 0) -> bytes:
    return pdu(ABORT, bytes((0, 0, source, reason)))


def release_rp() -> bytes:
    return pdu(RELEASE_RP, bytes(4))


def pdv(context_id: int, control: int, data: bytes) -> bytes:
    return struct.pack(">LBB", len(data) + 2, context_id, control) + data


def pdvs(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at < len(body):
        length, context_id, control = struct.unpack_from(">LBB", body, at)
        yield context_id, control, body[at + 6 : at + 4 + length]
        at += 4 + length


def command(elements: dict[int, bytes]) -> bytes:
    """A command set with its group length. Source: PS3.7 Section 6.3.1."""
    body = b"".join(
        struct.pack("<HHL", 0, element, len(value)) + value
        for element, value in sorted(elements.items())
    )
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def parse_command(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(data):
        _, element, length = struct.unpack_from("<HHL", data, at)
        found[element] = data[at + 8 : at + 8 + length]
        at += 8 + length
    return found


def us(number: int) -> bytes:
    return struct.pack("<H", number)


def text(value: str, pad: bytes = b" ") -> bytes:
    raw = value.encode("latin-1")
    return raw + pad * (len(raw) % 2)


def response_command(
    kind: int,
    sop_class: str,
    message_id: int,
    status: int,
    *,
    data_set: bool,
    comment: str | None = None,
    offending: Sequence[int] = (),
) -> bytes:
    """A C-FIND-RSP or C-ECHO-RSP. Source: PS3.7 Tables 9.3-2 and 9.3-13."""
    elements = {
        0x0002: text(sop_class, b"\0"),
        0x0100: us(kind | RESPONSE),
        0x0120: us(message_id),
        0x0800: us(0x0001 if data_set else NO_DATA_SET),
        0x0900: us(status),
    }
    if offending:
        tags = (struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in offending)
        elements[0x0901] = b"".join(tags)
    if comment is not None:
        elements[0x0902] = text(comment)
    return command(elements)


def parse_data_set(data: bytes, syntax: str) -> list[DataElement]:
    """A flat data set of defined lengths, little endian."""
    found, at = [], 0
    while at < len(data):
        group, element = struct.unpack_from("<HH", data, at)
        vr, length, header = b"", *struct.unpack_from("<L", data, at + 4), 8
        if syntax == EXPLICIT_LE:
            vr = data[at + 4 : at + 6]
            if vr in LONG_VRS:
                (length,), header = struct.unpack_from("<L", data, at + 8), 12
            else:
                (length,) = struct.unpack_from("<H", data, at + 6)
        value = data[at + header : at + header + length]
        found.append(DataElement(group << 16 | element, vr, value))
        at += header + length
    return found


def data_set(elements: Sequence[DataElement], syntax: str = EXPLICIT_LE) -> bytes:
    """The bytes of a flat data set, in the order given."""
    out = []
    for one in elements:
        tag = struct.pack("<HH", one.tag >> 16, one.tag & 0xFFFF)
        if syntax != EXPLICIT_LE:
            header = tag + struct.pack("<L", len(one.value))
        elif one.vr in LONG_VRS:
            header = tag + one.vr + struct.pack("<xxL", len(one.value))
        else:
            header = tag + one.vr + struct.pack("<H", len(one.value))
        out.append(header + one.value)
    return b"".join(out)
