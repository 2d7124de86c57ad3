"""A counter before SCPs: how many TCP connections there are at once, and whose.

A connection counts from its accept until its client has closed it, whatever the SCP
behind makes of it. It is the strictest view a peer can have of `limits.associations`.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
_CALLING_AE = slice(26, 42)


@dataclass(slots=True)
class Counted:
    """What was seen so far.

    Attributes:
        open: connections now.
        most: connections at once.
        callers: calling AE title of each association request, in order.
    """

    open: int = 0
    most: int = 0
    callers: list[str] = field(default_factory=list)


class Turnstile:
    """Relays connections to SCPs on loopback and counts them, all ports together.

    Attributes:
        ports: where to connect, one for each SCP.
        seen: the counts.
    """

    def __init__(self, *scps: int) -> None:
        """Listens at once; relays inside `with`.

        Args:
            scps: ports of the SCPs.
        """
        self.seen = Counted()
        self._selector = selectors.DefaultSelector()
        self._partner: dict[socket.socket, socket.socket] = {}
        self._fresh: set[socket.socket] = set()
        self._clients: set[socket.socket] = set()
        self._doors: dict[socket.socket, int] = {}
        for port in scps:
            door = socket.create_server((LOOPBACK, 0), backlog=64)
            self._doors[door] = port
            self._selector.register(door, selectors.EVENT_READ)
        self.ports = [door.getsockname()[1] for door in self._doors]
        self._ear, self._mouth = socket.socketpair()
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._relay, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mouth.close()
        self._thread.join()
        for each in (*self._doors, *self._partner, self._ear):
            each.close()
        self._selector.close()

    def _relay(self) -> None:
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._ear in ready:
                return
            # Who has left is counted out before anybody else is let in.
            for one in ready:
                if isinstance(one, socket.socket) and one in self._partner:
                    self._pass_on(one)
            for one in ready:
                if isinstance(one, socket.socket) and one in self._doors:
                    self._let_in(one)

    def _let_in(self, door: socket.socket) -> None:
        client, _ = door.accept()
        self.seen.open += 1
        self.seen.most = max(self.seen.most, self.seen.open)
        scp = socket.create_connection((LOOPBACK, self._doors[door]))
        self._partner |= {client: scp, scp: client}
        self._clients.add(client)
        self._fresh.add(client)
        for each in (client, scp):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, one: socket.socket) -> None:
        try:
            data = one.recv(1 << 16)
        except ConnectionError:
            data = b""
        if one in self._fresh and data:
            self._fresh.discard(one)
            self.seen.callers.append(data[_CALLING_AE].decode().strip())
        if data:
            with suppress(ConnectionError):
                self._partner[one].sendall(data)
                return
        self._close(one)

    def _close(self, one: socket.socket) -> None:
        """One side has left: a client is counted out, an SCP's end is passed on."""
        other = self._partner[one]
        if one not in self._clients:
            self._selector.unregister(one)
            with suppress(OSError):
                other.shutdown(socket.SHUT_WR)
            return
        self.seen.open -= 1
        self._clients.discard(one)
        self._fresh.discard(one)
        for each in (one, other):
            del self._partner[each]
            with suppress(KeyError):  # an SCP that left first is not watched any more
                self._selector.unregister(each)
            each.close()
