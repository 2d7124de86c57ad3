"""What both sides said on one connection, in PDUs and DIMSE messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.peers import pdu

_CONTEXT, _USER_INFORMATION, _MAX_LENGTH = 0x20, 0x50, 0x51
_OUR_NAMES = frozenset({0x52, 0x55})
"""Implementation Class UID and Version Name, by which programs differ."""


@dataclass(frozen=True, slots=True)
class Message:
    """A DIMSE message: its command set by element, and its data set."""

    command: tuple[tuple[int, bytes], ...]
    data_set: bytes = b""

    @property
    def status(self) -> int:
        """Of a response."""
        return int.from_bytes(dict(self.command)[0x0900], "little")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One connection.

    Attributes:
        association: the A-ASSOCIATE-RQ without the name of the implementation, as
            lines that a failed comparison shows; empty when none came.
        requests: messages of the client, in order.
        responses: messages of the server.
        endings: kinds of the client's other PDUs, such as A-RELEASE-RQ.
    """

    association: tuple[str, ...]
    requests: tuple[Message, ...]
    responses: tuple[Message, ...]
    endings: tuple[int, ...]

    @property
    def matches(self) -> list[bytes]:
        """Identifiers of the pending responses."""
        return [one.data_set for one in self.responses if one.status >> 8 == 0xFF]


def exchange(sent: bytes, received: bytes) -> Exchange:
    """What a client and a server said to each other."""
    association: tuple[str, ...] = ()
    endings = []
    for kind, body in _pdus(sent):
        if kind == pdu.ASSOCIATE_RQ:
            association = tuple(_association(body))
        elif kind != pdu.P_DATA:
            endings.append(kind)
    return Exchange(
        association,
        tuple(_messages(sent)),
        tuple(_messages(received)),
        tuple(endings),
    )


def _pdus(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Those that are complete."""
    at = 0
    while at + 6 <= len(data):
        end = at + 6 + int.from_bytes(data[at + 2 : at + 6], "big")
        if end > len(data):
            return
        yield data[at], data[at + 6 : end]
        at = end


def _association(body: bytes) -> Iterator[str]:
    """Source: PS3.8 Table 9-11."""
    yield f"protocol version {body[:2].hex()}"
    yield f"called {body[4:20]!r}"
    yield f"calling {body[20:36]!r}"
    for kind, value in pdu.items(body[68:]):
        if kind == _CONTEXT:
            yield f"context {value[0]}"  # what follows is reserved
            yield from (
                f"  {inner:02x} {data!r}" for inner, data in pdu.items(value[4:])
            )
        elif kind == _USER_INFORMATION:
            yield from _user_information(value)
        else:
            yield f"item {kind:02x} {value!r}"


def _user_information(value: bytes) -> Iterator[str]:
    for kind, data in pdu.items(value):
        if kind == _MAX_LENGTH:
            yield f"max PDU {int.from_bytes(data, 'big')}"
        elif kind not in _OUR_NAMES:
            yield f"user item {kind:02x} {data!r}"


def _messages(data: bytes) -> Iterator[Message]:
    command: tuple[tuple[int, bytes], ...] | None = None
    parts = {True: b"", False: b""}
    for kind, body in _pdus(data):
        if kind != pdu.P_DATA:
            continue
        for _, control, value in pdu.pdvs(body):
            is_command, is_last = bool(control & 1), bool(control & 2)
            parts[is_command] += value
            if not is_last:
                continue
            whole, parts[is_command] = parts[is_command], b""
            if is_command:
                command = tuple(pdu.parse_command(whole).items())
                if dict(command)[0x0800] == pdu.us(pdu.NO_DATA_SET):
                    yield Message(command)
                    command = None
            elif command is not None:
                yield Message(command, whole)
                command = None


def end_of_pdus(data: bytes) -> int:
    """Where the last complete PDU ends."""
    return sum(6 + len(body) for _, body in _pdus(data))


def holds_cancel(data: bytes) -> bool:
    """Whether a client has said C-CANCEL."""
    cancel = pdu.us(pdu.CANCEL_RQ)
    return any(dict(one.command)[0x0100] == cancel for one in _messages(data))


def beginning_of_final(received: bytes, number: int) -> int | None:
    """Where the PDU of a final response begins; None before it has come."""
    at, finals = 0, 0
    for kind, body in _pdus(received):
        if kind == pdu.P_DATA:
            responses = _messages(pdu.pdu(kind, body))
            finals += sum(one.status >> 8 != 0xFF for one in responses)
            if finals == number:
                return at
        at += 6 + len(body)
    return None
