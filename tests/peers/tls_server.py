"""A TLS server that counts what it is told, on a thread of the test."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

Conduct: TypeAlias = "Callable[[socket.socket], None]"
_LINGER_NONE = struct.pack("ii", 1, 0)


class TlsServer:
    """Serves one connection after another.

    Attributes:
        port: on 127.0.0.1.
        heard: bytes of application data, all connections together.
        connections: accepted so far.
        problems: what the handshakes ended with.
    """

    def __init__(
        self, context: ssl.SSLContext | None, conduct: Conduct | None = None
    ) -> None:
        """Begins with `with`.

        Args:
            context: of the server; None: it does not do a handshake.
            conduct: what to do with a connection that is secure, or, without a
                context, open; by default it is read to its end.
        """
        self.heard = bytearray()
        self.connections = 0
        self.problems: list[str] = []
        self._context = context
        self._conduct = conduct or self._listen
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._over = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            plain, _ = self._listener.accept()
            with plain:
                if self._over:
                    return
                self.connections += 1
                plain.settimeout(20)
                self._converse(plain)

    def _converse(self, plain: socket.socket) -> None:
        try:
            if self._context is None:
                self._conduct(plain)
                return
            with self._context.wrap_socket(plain, server_side=True) as secure:
                self._conduct(secure)
        except OSError as error:
            self.problems.append(getattr(error, "reason", None) or str(error))

    def _listen(self, connection: socket.socket) -> None:
        while data := connection.recv(1 << 16):
            self.heard += data


def answer(data: bytes) -> Conduct:
    """Reads what comes first, and answers it with these bytes."""

    def conduct(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(data)

    return conduct


def read(connection: socket.socket) -> None:
    """Reads what comes first, and ends the connection."""
    connection.recv(1 << 16)


def read_and_drop(connection: socket.socket) -> None:
    """Reads what comes first, and resets the connection."""
    connection.recv(1 << 16)
    drop(connection)


def drop(connection: socket.socket) -> None:
    """Ends a connection by a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
    connection.close()
