"""A faulty SCP for tests: it does what its script says, on a thread of the test.

    with ScriptedPeer(matches(500), final(0xA700, "out of resources")) as peer:
        ...  # ask the peer at 127.0.0.1, port peer.port
    assert peer.seen.simultaneous <= 2

The steps given are run for every C-FIND-RQ. Three keyword arguments change the rest:
`on_connect` is run for every connection (default: `accept()`), `on_release` for
an A-RELEASE-RQ (default: answer it and close), `tls` is the context of a peer that
speaks TLS. A script that depends on the request is a function instead of steps:
`ScriptedPeer(script=lambda request: [...])`. A peer that takes several requests at
once has `together=(4,)`: it waits for four before it plays its script, in which
`to(2, ...)` answers the third of them; `together=(3, 1)` does so on its first
association only.
C-ECHO is always answered. A script that ends without a final status leaves the
request unanswered for ever: that is the silent peer.

Steps (all of `tests.peers.steps`):

accept, reject, ignore_association  how an association begins
matches                             n pending responses; FF01, many in one PDU, cut
                                    into fragments, or with a message ID that is wrong
final                               a final status, ErrorComment, OffendingElement,
                                    also with a data set where none belongs
abort, close, reset                 how a connection ends too early
delay, until_cancelled, silence     time passes
raw, say, drip                      any bytes, at once, made of the request, or one
                                    at a time
accept_as, hear                     any answer to an A-ASSOCIATE-RQ
flood, half_close                   no end, and half an end
in_turn                             a different script for each request
to                                  answers one of several requests

What the peer saw is in `peer.seen`: associations in all and at once, requests with
their Identifiers, how many at once had no final response yet, cancels, releases,
aborts. A released association stops counting as open before its A-RELEASE-RP is sent,
so that `simultaneous` never counts one that the other side already knows to be over; an
aborted one stops counting when the
abort is read, which may be after the next association has begun.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeAlias

from tests.peers import pdu

LOOPBACK = "127.0.0.1"

Step: TypeAlias = "Callable[[Conversation], Awaitable[None]]"
Script: TypeAlias = "Callable[[Request], Sequence[Step]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A C-FIND-RQ as it arrived.

    Attributes:
        number: of all requests at this peer, from 0.
        association: number of its association, from 0.
    """

    number: int
    association: int
    context_id: int
    message_id: int
    sop_class: str
    priority: int
    transfer_syntax: str
    identifier: bytes

    @property
    def elements(self) -> list[pdu.DataElement]:
        return pdu.parse_data_set(self.identifier, self.transfer_syntax)


@dataclass(slots=True)
class Seen:
    """What a peer has seen so far."""

    connections: int = 0
    associations: list[pdu.AssociateRequest] = field(default_factory=list)
    open: int = 0
    simultaneous: int = 0
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    cancels: list[int] = field(default_factory=list)
    releases: int = 0
    aborts: int = 0


class Conversation:
    """One connection, as its steps see it.

    Attributes:
        request: the C-FIND-RQ being answered; unset while an association begins.
        requests: those that are answered together, this one among them.
        sent: pending responses sent to this request.
        cancels: for each request, set once a C-CANCEL-RQ came for it.
        gone: set once the other side aborted or closed.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen
    ) -> None:
        self.seen = seen
        self.sent = 0
        self.cancels: dict[int, asyncio.Event] = {}
        self.requests: list[Request] = []
        self.gone = asyncio.Event()
        self.association: pdu.AssociateRequest | None = None
        self.request: Request
        self.writer = writer
        self._reader = reader
        self.number = -1
        self._counted = False
        self._inbox: asyncio.Queue[Request | None] = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        """Writes bytes; a peer that does not read makes this wait."""
        if self.gone.is_set() or self.writer.is_closing():
            return
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            self.gone.set()

    async def pause(self, seconds: float | None) -> None:
        """Waits, None for ever, but never longer than the other side is there."""
        try:
            await asyncio.wait_for(self.gone.wait(), seconds)
        except TimeoutError:
            return

    async def read_association(self) -> pdu.AssociateRequest | None:
        """The A-ASSOCIATE-RQ that begins the connection, None if none came.

        It is read once, however many steps ask for it.
        """
        if self.association is not None:
            return self.association
        kind, body = await self._read_pdu()
        if kind != pdu.ASSOCIATE_RQ:
            return None
        self.association = pdu.parse_associate_rq(body)
        self.seen.associations.append(self.association)
        self.number = len(self.seen.associations) - 1
        return self.association

    def established(self) -> None:
        """Counts the association as open from now on."""
        self._counted = True
        self.seen.open += 1
        self.seen.simultaneous = max(self.seen.simultaneous, self.seen.open)

    def over(self) -> None:
        """Counts the association as open no longer."""
        if self._counted:
            self._counted = False
            self.seen.open -= 1

    async def next_requests(self, together: int) -> list[Request]:
        """The next C-FIND-RQs, fewer or none when the association is to end."""
        requests: list[Request] = []
        while len(requests) < together:
            request = await self._inbox.get()
            if request is None:
                if requests:
                    self._inbox.put_nowait(None)
                break
            requests.append(request)
        return requests

    async def listen(self) -> None:
        """Reads until the association ends; requests go to `next_request`."""
        held: tuple[int, dict[int, bytes]] | None = None
        command = identifier = b""
        while True:
            kind, body = await self._read_pdu()
            if kind == pdu.RELEASE_RQ:
                self.seen.releases += 1
                self._inbox.put_nowait(None)
                continue
            if kind != pdu.P_DATA:
                break
            for context_id, control, data in pdu.pdvs(body):
                if control & 1:
                    command += data
                    if control & 2:
                        held = (context_id, pdu.parse_command(command))
                        command = identifier = b""
                        await self._without_data_set(*held)
                elif held is not None:
                    identifier += data
                    if control & 2:
                        self._deliver(*held, identifier)
        self.seen.aborts += kind == pdu.ABORT
        self.gone.set()
        self.over()
        self._inbox.put_nowait(None)

    async def _without_data_set(self, context_id: int, told: dict[int, bytes]) -> None:
        kind = int.from_bytes(told[0x0100], "little")
        if kind == pdu.CANCEL_RQ:
            message_id = int.from_bytes(told[0x0120], "little")
            self.seen.cancels.append(message_id)
            if message_id in self.cancels:
                self.cancels[message_id].set()
        elif kind == pdu.ECHO_RQ:
            answer = pdu.response_command(
                kind,
                told[0x0002].rstrip(b"\0").decode(),
                int.from_bytes(told[0x0110], "little"),
                0,
                data_set=False,
            )
            await self.send(pdu.pdu(pdu.P_DATA, pdu.pdv(context_id, 3, answer)))

    def _deliver(
        self, context_id: int, told: dict[int, bytes], identifier: bytes
    ) -> None:
        assert self.association is not None
        proposals = {one.context_id: one for one in self.association.proposals}
        request = Request(
            number=len(self.seen.requests),
            association=self.number,
            context_id=context_id,
            message_id=int.from_bytes(told[0x0110], "little"),
            sop_class=told[0x0002].rstrip(b"\0").decode(),
            priority=int.from_bytes(told[0x0700], "little"),
            transfer_syntax=pdu.chosen_syntax(proposals[context_id]),
            identifier=identifier,
        )
        self.cancels[request.message_id] = asyncio.Event()
        self.seen.requests.append(request)
        self.seen.in_flight += 1
        self.seen.most_in_flight = max(self.seen.most_in_flight, self.seen.in_flight)
        self._inbox.put_nowait(request)

    async def _read_pdu(self) -> tuple[int, bytes]:
        """The next PDU; type 0 when there is none any more."""
        try:
            header = await self._reader.readexactly(6)
            body = await self._reader.readexactly(int.from_bytes(header[2:], "big"))
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""
        return header[0], body


async def _accept(talk: Conversation) -> None:
    if (request := await talk.read_association()) is not None:
        talk.established()
        await talk.send(pdu.associate_ac(request))


async def _answer_release(talk: Conversation) -> None:
    talk.over()
    await talk.send(pdu.release_rp())


class ScriptedPeer:
    """A scripted SCP on loopback; see the module's docstring.

    Attributes:
        port: TCP port on 127.0.0.1, chosen by the system.
        seen: what has arrived.
    """

    def __init__(
        self,
        *steps: Step,
        script: Script | None = None,
        on_connect: Sequence[Step] = (_accept,),
        on_release: Sequence[Step] = (_answer_release,),
        tls: ssl.SSLContext | None = None,
        together: Sequence[int] = (1,),
    ) -> None:
        self.port = 0
        self.seen = Seen()
        self._script = script or (lambda _: steps)
        self._on_connect = on_connect
        self._on_release = on_release
        self._tls = tls
        self._together = together
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._converse(reader, writer))
            talks[task] = writer
            task.add_done_callback(talks.pop)

        server = await asyncio.start_server(
            begin, LOOPBACK, 0, backlog=512, ssl=self._tls
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        left = dict(talks)
        for task, writer in left.items():
            writer.transport.abort()  # closing would wait for a peer to read
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.gather(
            *(writer.wait_closed() for writer in left.values()), return_exceptions=True
        )

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.seen.connections += 1
        talk = Conversation(reader, writer, self.seen)
        listening: asyncio.Task[None] | None = None
        try:
            await _play(talk, self._on_connect)
            if talk.association is not None and not writer.is_closing():
                listening = asyncio.ensure_future(talk.listen())
                await self._answer(talk)
        finally:
            talk.over()
            if listening is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def _answer(self, talk: Conversation) -> None:
        turn = min(talk.number, len(self._together) - 1)
        while requests := await talk.next_requests(self._together[turn]):
            talk.requests, talk.request, talk.sent = requests, requests[0], 0
            await _play(talk, self._script(requests[0]))
            if talk.writer.is_closing():
                return
        if not talk.gone.is_set():
            await _play(talk, self._on_release)


async def _play(talk: Conversation, steps: Sequence[Step]) -> None:
    for step in steps:
        if talk.gone.is_set() or talk.writer.is_closing():
            return
        await step(talk)
