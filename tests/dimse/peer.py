"""What an SCP sends, built element by element after PS3.7 Annex E.

Written apart from the package's own encoder, so that they cannot share a mistake.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from struct import pack

from batchfind.dimse.command_set import Priority
from batchfind.dimse.messages import Matches
from batchfind.dimse.operations import Event, Operations
from batchfind.ul.contexts import NegotiatedContext
from batchfind.ul.events import Data
from batchfind.ul.framing import Burst, encode_message, frame

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"

FIND_RSP, ECHO_RSP = 0x8020, 0x8030
WITH_DATA_SET, WITHOUT_DATA_SET = 0x0001, 0x0101
PENDING, PENDING_WARNING, SUCCESS = 0xFF00, 0xFF01, 0x0000

#: A pending C-FIND-RSP to message ID 7, spelled out once.
GOLDEN_PENDING = bytes.fromhex(
    "0000 0000 04000000 4C000000"  # (0000,0000) group length                76
    "0000 0200 1C000000"  # (0000,0002) affected SOP class UID, 28 bytes
    "312E322E3834302E31303030382E352E312E342E312E322E322E3100"
    "0000 0001 02000000 2080"  # (0000,0100) command field          C-FIND-RSP
    "0000 2001 02000000 0700"  # (0000,0120) message ID responded to         7
    "0000 0008 02000000 0100"  # (0000,0800) data set type           a data set
    "0000 0009 02000000 00FF"  # (0000,0900) status                        FF00
)


def element(number: int, value: bytes) -> bytes:
    return pack("<HHL", 0, number, len(value)) + value


def us(number: int, value: int) -> bytes:
    return element(number, pack("<H", value))


def command_set(*elements: bytes) -> bytes:
    body = b"".join(elements)
    return element(0, pack("<L", len(body))) + body


def response(
    message_id: int,
    status: int = PENDING,
    *more: bytes,
    field: int = FIND_RSP,
    data_set: int = WITH_DATA_SET,
    sop_class: str = STUDY_ROOT + "\0",
) -> bytes:
    """A response's command set."""
    return command_set(
        element(0x0002, sop_class.encode()),
        us(0x0100, field),
        us(0x0120, message_id),
        us(0x0800, data_set),
        us(0x0900, status),
        *more,
    )


def pdv(context_id: int, control: int, fragment: bytes) -> bytes:
    return pack(">LBB", len(fragment) + 2, context_id, control) + fragment


def pdata(*pdvs: bytes) -> bytes:
    body = b"".join(pdvs)
    return pack(">BxL", 4, len(body)) + body


def message(command: bytes, data_set: bytes | None = None, context: int = 1) -> bytes:
    """A whole message, one PDU for each of its parts."""
    stream = pdata(pdv(context, 3, command))
    if data_set is not None:
        stream += pdata(pdv(context, 2, data_set))
    return stream


def match(message_id: int, identifier: bytes, status: int = PENDING) -> bytes:
    return message(response(message_id, status), identifier)


def final(message_id: int, status: int = SUCCESS, *more: bytes) -> bytes:
    return message(response(message_id, status, *more, data_set=WITHOUT_DATA_SET))


def burst(stream: bytes) -> Burst:
    framed = frame(bytearray(stream), 1 << 25)
    assert framed is not None
    assert framed.data == stream
    return framed


def bursts(*stream: bytes) -> Iterator[Burst]:
    """All of a stream, in as many bursts as it takes."""
    buffer = bytearray(b"".join(stream))
    while (framed := frame(buffer, 1 << 25)) is not None:
        del buffer[: len(framed.data)]
        yield framed
    assert not buffer


def set_of(
    message_id: int, payload: bytes, ends: Iterable[int], statuses: Iterable[int]
) -> Matches:
    """What an operation reports of pending responses."""
    return Matches(message_id, payload, array("q", ends), array("H", statuses))


class Peer:
    """Operations of an association with contexts 1 and 3 (Study Root) and 5."""

    def __init__(self) -> None:
        self.sent: list[Data] = []
        syntaxes = {1: STUDY_ROOT, 3: STUDY_ROOT, 5: VERIFICATION}
        self.operations = Operations(
            [NegotiatedContext(key, uid, IMPLICIT) for key, uid in syntaxes.items()],
            self._send,
        )

    def _send(self, data: Data) -> bytes:
        self.sent.append(data)
        return encode_message(data.context_id, data.command, data.data_set, 16_384)

    def find(self, context: int = 1) -> int:
        message_id, _ = self.operations.find(
            context, STUDY_ROOT, Priority.MEDIUM, b"KEYS"
        )
        return message_id

    def echo(self) -> int:
        message_id, _ = self.operations.echo(5)
        return message_id

    def answers(self, *stream: bytes) -> list[Event]:
        return list(self.stream(*stream))

    def stream(self, *stream: bytes) -> Iterator[Event]:
        return chain.from_iterable(map(self.operations.receive, bursts(*stream)))
