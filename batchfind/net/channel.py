"""A connection one pulls from, plain or over TLS: not asking pauses reading."""

from __future__ import annotations

import asyncio
import socket

from batchfind.net.tls_session import TlsSession

#: Reading pauses above so many unread bytes.
_HIGH_WATER = 1 << 20
#: The kernel falls back to delayed acknowledgement by itself, so it is told again
#: after each small read; bulk traffic does not need it.
_SMALL_READ = 4096
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
#: A firewall forgets connections that are silent, some after a few minutes, and then
#: drops what comes without a word. So the system asks whether the other end is there:
#: after a minute of silence, every 15 seconds, and gives up after 4 times.
#: TCP_KEEPALIVE is what macOS calls TCP_KEEPIDLE.
_PROBING = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPALIVE": 60,
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
}


class Channel(asyncio.Protocol):
    """Unread bytes of one connection, and how it ended.

    Attributes:
        tls: what seals and opens the bytes, or None.
        ended: the peer sends no more.
        error: why it ended, when it was not the peer's wish.
    """

    def __init__(self, tls: TlsSession | None = None) -> None:
        """Begins without a connection; a transport brings it.

        Args:
            tls: begins its handshake with the connection.
        """
        self.tls = tls
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._chunks: list[bytes] = []
        self._unread = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        self.ended = False
        self.error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Switches Nagle's algorithm off, and probing of a silent connection on."""
        if not isinstance(transport, asyncio.Transport):  # pragma: no cover
            raise TypeError("a stream transport is needed")
        self._transport = transport
        self._closed = asyncio.get_running_loop().create_future()
        self._socket = transport.get_extra_info("socket")
        self._set(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        self._set(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for option, value in _PROBING.items():
            if hasattr(socket, option):
                self._set(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._acknowledge_now()
        if self.tls is not None:
            transport.write(self.tls.start())

    def data_received(self, data: bytes) -> None:
        """Keeps the bytes until they are read."""
        if len(data) < _SMALL_READ:
            self._acknowledge_now()
        if self.tls is not None:
            data = self._opened(data, self.tls)
        if data:
            self._chunks.append(data)
            self._unread += len(data)
        if self._unread > _HIGH_WATER and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()
        self.wake()

    def eof_received(self) -> bool:
        """The peer will send no more; the connection is closed by us."""
        self.ended = True
        self.wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Keeps the reason until the bytes before it are read."""
        self.ended = True
        self.error = self.error or exc
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.wake()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def wake(self) -> None:
        """Ends the current `wait`, so that its caller looks at its deadlines."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @property
    def readable(self) -> bool:
        """Whether `take` would return something, or the end was reached."""
        return bool(self._chunks) or self.ended

    def take(self) -> bytes:
        """Every unread byte; empty when there is none."""
        chunks, self._chunks = self._chunks, []
        self._unread = 0
        if self._paused and self._transport:
            self._paused = False
            self._transport.resume_reading()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def wait(self, deadline: float | None) -> None:
        """Returns when there is something to read, on `wake`, or at the deadline.

        Args:
            deadline: on the loop's clock, in seconds; None waits for ever.
        """
        if self.readable:
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._deadline = deadline
        self._see_to_timer(loop)
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _see_to_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        """Keeps one timer that is never late; most waits end long before theirs."""
        deadline, timer = self._deadline, self._timer
        if deadline is None or (timer is not None and timer.when() <= deadline):
            return
        if timer is not None:
            timer.cancel()
        self._timer = loop.call_at(deadline, self._due, loop)

    def _due(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._waiter is None or self._deadline is None:
            return
        if loop.time() >= self._deadline:
            self.wake()
        else:
            self._see_to_timer(loop)

    def write(self, data: bytes) -> None:
        """Sends the bytes in one write where the kernel takes them."""
        if self._transport is None or self._transport.is_closing():
            return
        if self.tls is not None:
            data = self.tls.seal(data)
        self._transport.write(data)

    async def close(self) -> None:
        """Closes the connection and waits until the socket is gone."""
        if self._transport is None or self._closed is None:
            return
        if self.tls is not None and not self._transport.is_closing():
            self._transport.write(self.tls.close())
        self._transport.close()
        await asyncio.shield(self._closed)

    def kill(self) -> None:
        """Drops the connection without sending what is still unsent."""
        if self._transport is not None:
            self._transport.abort()

    def _opened(self, data: bytes, tls: TlsSession) -> bytes:
        """The plain bytes; answers what belongs to TLS itself."""
        plain = tls.receive(data)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(tls.output())
        if tls.closed or tls.error is not None:
            self.ended = True
            self.error = self.error or tls.error
        return plain

    def _acknowledge_now(self) -> None:
        if _QUICKACK is not None:
            self._set(socket.IPPROTO_TCP, _QUICKACK)

    def _set(self, level: int, option: int, value: int = 1) -> None:
        if self._socket is None:
            return
        try:
            self._socket.setsockopt(level, option, value)
        except OSError:  # the peer is gone already: reading will say so
            self._socket = None
