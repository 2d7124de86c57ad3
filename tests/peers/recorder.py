"""A relay on loopback that keeps every byte of both directions."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.peers.exchange import (
    Exchange,
    beginning_of_final,
    end_of_pdus,
    exchange,
    holds_cancel,
)
from tests.peers.processes import LOOPBACK, PATIENCE


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
            exchange(bytes(talk.sent), bytes(talk.received))
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
            end = end_of_pdus(whole) if self.held else len(whole)
            if self.held and holds_cancel(whole[:end]):
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
                stop = beginning_of_final(whole, self.held)
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


def _chunks(source: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            yield data
