"""The steps a scripted peer can take; `tests.peers.scripted` says how they combine."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import Callable, Sequence

from tests.peers import pdu
from tests.peers.scripted import Conversation, Request, Script, Step

PENDING = 0xFF00
FILLED = {
    b"DA": "20260102",
    b"TM": "101500",
    b"PN": "Scripted^Nr{}",
    b"UI": "1.2.826.0.1.3680043.10.1505.7.{}",
    b"LO": "L{}",
    b"SH": "S{}",
    b"CS": "CT",
    b"IS": "{}",
    b"AE": "AE{}",
}
"""What a match says where the request left an attribute empty, by VR."""

Build = Callable[[Request, int], bytes]


def echo_keys(request: Request, index: int) -> bytes:
    """A match that repeats the request's keys and fills the empty ones."""
    return pdu.data_set(
        [_filled(one, index) for one in request.elements], request.transfer_syntax
    )


def _filled(one: pdu.DataElement, index: int) -> pdu.DataElement:
    if one.value or one.vr not in FILLED:
        return one
    pad = b"\0" if one.vr == b"UI" else b" "
    value = pdu.text(FILLED[one.vr].format(index), pad)
    return pdu.DataElement(one.tag, one.vr, value)


def accept(*, result: int = 0, max_pdu: int = 16384, user: bytes = b"") -> Step:
    """A-ASSOCIATE-AC with one result for every context.

    Args:
        result: of every context.
        max_pdu: what the peer receives.
        user: further sub-items of the user information, such as `pdu.window(4)`.
    """

    async def step(talk: Conversation) -> None:
        if (request := await talk.read_association()) is not None:
            talk.established()
            answer = pdu.associate_ac(
                request, result=result, max_pdu=max_pdu, user=user
            )
            await talk.send(answer)

    return step


def reject(result: int = 1, source: int = 1, reason: int = 7) -> Step:
    """A-ASSOCIATE-RJ; as given: permanent, called AE title not recognised."""

    async def step(talk: Conversation) -> None:
        await talk.read_association()
        await talk.send(pdu.associate_rj(result, source, reason))
        talk.writer.close()

    return step


def ignore_association() -> Step:
    """Reads the A-ASSOCIATE-RQ and never answers it."""

    async def step(talk: Conversation) -> None:
        await talk.read_association()
        await talk.pause(None)

    return step


def matches(
    count: int,
    *,
    status: int = PENDING,
    build: Build = echo_keys,
    per_pdu: int = 1,
    fragment: int | None = None,
    wrong_ids: bool = False,
) -> Step:
    """Pending responses.

    Args:
        count: how many.
        status: FF00 or FF01.
        build: the Identifier of the response with a given number of this request.
        per_pdu: messages in one P-DATA-TF; PDVs of a message never leave its PDU.
        fragment: bytes in one PDV of the Identifier; None for all of them.
        wrong_ids: every response names another message than the request's.
    """

    async def step(talk: Conversation) -> None:
        request = talk.request
        message_id = request.message_id + 7 * wrong_ids
        command = pdu.response_command(
            pdu.FIND_RQ, request.sop_class, message_id, status, data_set=True
        )
        for start in range(0, count, per_pdu):
            body = b""
            for _ in range(start, min(count, start + per_pdu)):
                identifier = build(request, talk.sent)
                body += pdu.pdv(request.context_id, 3, command)
                body += _fragments(request.context_id, identifier, fragment)
                talk.sent += 1
            await talk.send(pdu.pdu(pdu.P_DATA, body))

    return step


def _fragments(context_id: int, identifier: bytes, size: int | None) -> bytes:
    size = size or max(1, len(identifier))
    starts = range(0, max(1, len(identifier)), size)
    return b"".join(
        pdu.pdv(
            context_id,
            2 if start + size >= len(identifier) else 0,
            identifier[start : start + size],
        )
        for start in starts
    )


def final(
    status: int = 0,
    comment: str | None = None,
    *,
    offending: Sequence[int] = (),
    identifier: bytes | None = None,
) -> Step:
    """A response that is not pending."""

    async def step(talk: Conversation) -> None:
        request = talk.request
        command = pdu.response_command(
            pdu.FIND_RQ,
            request.sop_class,
            request.message_id,
            status,
            data_set=identifier is not None,
            comment=comment,
            offending=offending,
        )
        body = pdu.pdv(request.context_id, 3, command)
        if identifier is not None:
            body += pdu.pdv(request.context_id, 2, identifier)
        talk.seen.in_flight -= 1
        await talk.send(pdu.pdu(pdu.P_DATA, body))

    return step


def abort(source: int = 0, reason: int = 0) -> Step:
    """A-ABORT, then the connection is closed."""

    async def step(talk: Conversation) -> None:
        talk.over()
        await talk.send(pdu.abort(source, reason))
        talk.writer.close()

    return step


def close() -> Step:
    """The connection is closed (FIN) without a word."""

    async def step(talk: Conversation) -> None:
        talk.over()
        talk.writer.close()

    return step


def reset() -> Step:
    """The connection is reset (RST)."""

    async def step(talk: Conversation) -> None:
        talk.over()
        connection = talk.writer.get_extra_info("socket")
        linger_none = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        talk.writer.transport.abort()

    return step


def delay(seconds: float) -> Step:
    """Waits, or until the other side has gone."""

    async def step(talk: Conversation) -> None:
        await talk.pause(seconds)

    return step


def silence() -> Step:
    """Says nothing until the other side has gone."""

    async def step(talk: Conversation) -> None:
        await talk.pause(None)

    return step


def until_cancelled() -> Step:
    """Waits for a C-CANCEL-RQ of this request, or until the other side has gone."""

    async def step(talk: Conversation) -> None:
        waiting = [
            asyncio.ensure_future(event.wait())
            for event in (talk.cancels[talk.request.message_id], talk.gone)
        ]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in waiting:
            one.cancel()

    return step


def raw(data: bytes) -> Step:
    """Sends these bytes, whatever they are."""

    async def step(talk: Conversation) -> None:
        await talk.send(data)

    return step


def say(build: Callable[[Request], bytes]) -> Step:
    """Sends the bytes that are made of the request."""

    async def step(talk: Conversation) -> None:
        await talk.send(build(talk.request))

    return step


def accept_as(build: Callable[[pdu.AssociateRequest], bytes]) -> Step:
    """Answers the A-ASSOCIATE-RQ with the bytes that are made of it."""

    async def step(talk: Conversation) -> None:
        if (request := await talk.read_association()) is not None:
            talk.established()
            await talk.send(build(request))

    return step


def hear() -> Step:
    """Reads the A-ASSOCIATE-RQ; what follows answers it."""

    async def step(talk: Conversation) -> None:
        await talk.read_association()

    return step


def flood(data: bytes, most: int | None = None, pause: float = 0.0) -> Step:
    """Sends the same bytes again and again, until the other side has gone.

    Args:
        data: what is repeated.
        most: how often; None for ever.
        pause: after each time, in seconds.
    """

    async def step(talk: Conversation) -> None:
        for _ in itertools.count() if most is None else range(most):
            if talk.gone.is_set() or talk.writer.is_closing():
                return
            await talk.send(data)
            await talk.pause(pause)

    return step


def half_close() -> Step:
    """Says that nothing more will come (FIN), and goes on reading."""

    async def step(talk: Conversation) -> None:
        talk.writer.write_eof()
        await talk.pause(None)

    return step


def drip(data: bytes, seconds: float) -> Step:
    """Sends bytes one at a time with a pause after each."""

    async def step(talk: Conversation) -> None:
        for byte in data:
            if talk.gone.is_set():
                return
            await talk.send(bytes((byte,)))
            await talk.pause(seconds)

    return step


def to(index: int, *steps: Step) -> Step:
    """Steps for one of the requests that came together, by its number from 0."""
    sent = 0

    async def step(talk: Conversation) -> None:
        nonlocal sent
        first, talk.request, talk.sent = talk.request, talk.requests[index], sent
        for each in steps:
            await each(talk)
        sent, talk.request = talk.sent, first

    return step


def in_turn(*scripts: Sequence[Step]) -> Script:
    """A script for each request in the order they arrive; the last one repeats."""
    return lambda request: scripts[min(request.number, len(scripts) - 1)]
