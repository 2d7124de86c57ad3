"""A relay on loopback that keeps every byte of both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.peers import pdu
from tests.peers.processes import LOOPBACK, PATIENCE

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


@dataclass(slots=True)
class _Talk:
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    held: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)


class Recorder:
    """Passes connections on to a server, and keeps what is said.

    Attributes:
        port: on 127.0.0.1.
        held: final response of a connection, counted from 1, that is kept back until
            the client has cancelled; 0 for none. With it an SCP that is faster than
            any C-CANCEL can still be cancelled.
    """

    def __init__(self, port: int) -> None:
        """Begins with `with`.

        Args:
            port: of the server on 127.0.0.1.
        """
        self.held = 0
        self._server = port
        self._listener = socket.create_server((LOOPBACK, 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._talks: list[tuple[threading.Thread, _Talk]] = []
        self._changing = threading.Lock()
        self._over = False

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        socket.create_connection((LOOPBACK, self.port), timeout=5).close()
        self._serving.join(PATIENCE)
        self._listener.close()
        self.taken()

    def taken(self) -> list[Exchange]:
        """The connections since the last time, once their clients have gone.

        A connection on which the client said nothing does not count.
        """
        with self._changing:
            talks, self._talks = self._talks, []
        for thread, _ in talks:
            thread.join(PATIENCE)
        return [
            _exchange(bytes(talk.sent), bytes(talk.received))
            for _, talk in talks
            if talk.sent
        ]

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._over:
                client.close()
                return
            talk = _Talk()
            thread = threading.Thread(
                target=self._relay, args=(client, talk), daemon=True
            )
            with self._changing:
                thread.start()
                self._talks.append((thread, talk))

    def _relay(self, client: socket.socket, talk: _Talk) -> None:
        with client, socket.create_connection((LOOPBACK, self._server)) as server:
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            back = threading.Thread(
                target=self._answer, args=(server, client, talk), daemon=True
            )
            back.start()
            self._ask(client, server, talk)
            talk.cancelled.set()
            _end(server)
            back.join(PATIENCE)

    def _ask(self, client: socket.socket, server: socket.socket, talk: _Talk) -> None:
        passed = 0
        for data in _chunks(client):
            talk.sent += data
            whole = bytes(talk.sent)
            # A server that has read half a PDU waits for the rest.
            end = _end_of_pdus(whole) if self.held else len(whole)
            if self.held and any(map(_is_cancel, _messages(whole[:end]))):
                # It hears of this late enough to have answered in full.
                talk.held.wait(PATIENCE)
                talk.cancelled.set()
            _send(server, whole[passed:end])
            passed = end

    def _answer(
        self, server: socket.socket, client: socket.socket, talk: _Talk
    ) -> None:
        passed = 0
        for data in _chunks(server):
            talk.received += data
            whole = bytes(talk.received)
            if self.held and not talk.cancelled.is_set():
                stop = _beginning_of_final(whole, self.held)
                _send(client, whole[passed:stop])
                passed = max(passed, len(whole[:stop]))
                if stop is None:
                    continue
                talk.held.set()
                talk.cancelled.wait(PATIENCE)
            _send(client, whole[passed:])
            passed = len(whole)
        _end(client)


def _send(target: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        target.sendall(data)


def _end(target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _end_of_pdus(data: bytes) -> int:
    return sum(6 + len(body) for _, body in _pdus(data))


def _is_cancel(message: Message) -> bool:
    return dict(message.command)[0x0100] == pdu.us(pdu.CANCEL_RQ)


def _beginning_of_final(received: bytes, number: int) -> int | None:
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


def _chunks(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            yield data


def _exchange(sent: bytes, received: bytes) -> Exchange:
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
