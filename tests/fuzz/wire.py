"""What a peer sends: PDUs, command sets, messages in fragments."""

# ruff: noqa: PT017 - an error is one of two good endings, and has to be as documented

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from batchfind.dimse.command_set import Priority, Response, decode_response
from batchfind.dimse.messages import Matches
from batchfind.dimse.responses import Responses
from batchfind.errors import (
    BadAccept,
    DimseError,
    LimitReached,
    NotDicom,
    PduError,
)
from batchfind.ul.events import Abort, Accepted, Event, Release
from batchfind.ul.framing import Burst
from tests.dimse import peer
from tests.ul import acceptor

_REFUSALS: Final = (PduError, NotDicom, BadAccept)
Told: TypeAlias = "list[Any]"


def upper_layer(data: bytes) -> None:
    """One byte of how it is cut and answered, then a peer's stream to its end.

    However the stream is cut, the same is told: no PDU is lost, doubled or changed.
    """
    if not data:
        return
    size, release = data[0] & 0x7F or 1, bool(data[0] & 0x80)
    stream = data[1:]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    whole = _told([stream] if stream else [], release=release)
    assert _told(pieces, release=release) == whole


def _told(pieces: Sequence[bytes], *, release: bool) -> Told:
    """Every event of an association, and the kind of error that ended it."""
    association = acceptor.requested()
    told: Told = []
    try:
        for piece in (*pieces, b""):
            if piece or not association.ended:
                association.receive(piece)
            while (event := association.next_event()) is not None:
                told += _shown(event)
                if isinstance(event, Accepted) and release:
                    association.send(Release())
    except _REFUSALS as error:
        assert association.ended
        assert association.pending_output()
        assert str(error)
        told.append(type(error))
    assert len(association._buffer) <= sum(map(len, pieces))
    association.send(Abort())
    assert association.ended
    return told


def _shown(event: Event) -> Told:
    """An event, and a burst as its PDVs: bursts may be cut anywhere."""
    if not isinstance(event, Burst):
        return [event]
    pdvs = event.spelled_out()
    return [
        (context, control, pdvs.data[begin:end])
        for context, control, begin, end in zip(
            pdvs.contexts, pdvs.controls, pdvs.begin, pdvs.end, strict=True
        )
    ]


def command_set(data: bytes) -> None:
    """A response's command set; the decoder that remembers says the same."""
    known = Responses()
    first = _decoded(decode_response, data)
    assert _decoded(known.decode, data) == first
    assert _decoded(known.decode, data) == first
    if isinstance(first, Response):
        assert 0 <= first.status <= 0xFFFF
        assert first.command_field & 0x8000


def _decoded(decode: Any, data: bytes) -> Response | str:
    try:
        response: Response = decode(data)
    except DimseError as error:
        return str(error)
    return response


def messages(data: bytes) -> None:
    """Fragments: context, control and length, a byte each, then the fragment.

    One burst of all of them tells what a burst for each tells.
    """
    pdus = list(_fragments(data))
    assert _answers([b"".join(pdus)]) == _answers(pdus)


def _fragments(data: bytes) -> Iterator[bytes]:
    position = 0
    while len(data) - position >= 3:
        context, control, length = data[position : position + 3]
        position += 3
        fragment = data[position : position + length]
        position += length
        yield peer.pdata(peer.pdv(context, control, fragment))


def _answers(streams: Sequence[bytes]) -> Any:
    """What two operations are told: their matches, the other events, the end."""
    operations = peer.Peer().operations
    for context in (1, 3):
        operations.find(context, peer.STUDY_ROOT, Priority.MEDIUM, b"")
    matches: dict[int, list[tuple[int, bytes]]] = {}
    others: list[Any] = []
    try:
        for burst in peer.bursts(*streams):
            for event in operations.receive(burst):
                if isinstance(event, Matches):
                    begin = 0
                    of_request = matches.setdefault(event.message_id, [])
                    for end, status in zip(event.ends, event.statuses, strict=True):
                        of_request.append((status, event.payload[begin:end]))
                        begin = end
                    assert begin == len(event.payload)
                else:
                    others.append(event)
    except (DimseError, LimitReached) as error:
        others.append((type(error), str(error)))
    return matches, others


def stream_seeds() -> tuple[bytes, ...]:
    """Whole associations, cut into small and large pieces."""
    match = acceptor.pdata(
        acceptor.pdv(1, 3, peer.response(7)), acceptor.pdv(1, 2, b"\x10\0\x20\0" * 4)
    )
    streams = (
        acceptor.GOLDEN_AC + acceptor.MATCH * 3 + acceptor.RELEASE_RQ,
        acceptor.GOLDEN_AC + match * 2 + acceptor.ABORT_BY_USER,
        acceptor.GOLDEN_AC + acceptor.MATCH * 200 + acceptor.RELEASE_RP,
        acceptor.REJECT_CALLED_AE,
        acceptor.associate_ac(
            acceptor.APPLICATION,
            acceptor.context(1, 0, acceptor.EXPLICIT),
            acceptor.context(3, 4, acceptor.IMPLICIT),
            acceptor.user(
                0,
                acceptor.item(0x52, b"1.2.3"),
                acceptor.item(0x53, b"\0\1\0\1"),
                acceptor.item(0x55, b"ACME"),
                acceptor.item(0x56, b"\0\x03" + b"1.2" + b"\1\1"),
                acceptor.item(0x59, b"\0\x02ok"),
            ),
        )
        + acceptor.RELEASE_RQ,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x01\0\x02\x02\x46",
    )
    return tuple(bytes([how]) + each for each in streams for how in (1, 7, 0xFF))


def command_seeds() -> tuple[bytes, ...]:
    """Responses as peers send them, with everything that may explain a status."""
    return (
        peer.GOLDEN_PENDING,
        peer.response(1, 0xA900, peer.element(0x0901, b"\x10\0\x20\0")),
        peer.response(2, 0xC001, peer.element(0x0902, "zu viele Müller".encode())),
        peer.response(3, 0, peer.us(0x0903, 9), field=peer.ECHO_RSP),
        peer.response(4, 0)[:-2] + b"\0\0\0\0",
    )


def message_seeds() -> tuple[bytes, ...]:
    """Two requests answered by turns, whole and in fragments."""

    def part(context: int, control: int, fragment: bytes) -> bytes:
        return bytes((context, control, len(fragment))) + fragment

    identifier = b"\x10\0\x20\0LO\x02\x007 "
    match = part(1, 3, peer.response(1)) + part(1, 2, identifier)
    other = part(3, 3, peer.response(2)) + part(3, 2, identifier * 3)
    end = part(1, 3, peer.response(1, 0, data_set=peer.WITHOUT_DATA_SET))
    split = peer.response(1)
    fragments = part(1, 1, split[:20]) + part(1, 3, split[20:]) + part(1, 2, identifier)
    return (
        match * 4 + end,
        match + other + match * 2 + other * 3 + end,
        fragments * 2 + match + end,
        match * 60,
        end + match,
    )
