"""Opening the TCP connection: every address is tried, failures get their cause."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence

from batchfind.errors import (
    ConnectTimeout,
    DescriptorsExhausted,
    PeerError,
    PeerReset,
    Refused,
    Unreachable,
)
from batchfind.net.channel import Channel
from batchfind.net.resolver import Address, Resolver
from batchfind.net.settings import Endpoint, Timeouts

#: Pause before the next address is tried beside one that does not answer.
#: Source: RFC 8305 Section 5 (250 ms).
_ATTEMPT_DELAY = 0.25
_UNREACHABLE = {
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.EADDRNOTAVAIL,
    errno.EHOSTDOWN,
}


async def open_channel(
    endpoint: Endpoint, resolver: Resolver, timeouts: Timeouts
) -> tuple[Channel, Address]:
    """Connects to the first address of the peer that answers.

    Args:
        endpoint: host and port.
        resolver: looks the name up.
        timeouts: `connect` covers name resolution and connection together.

    Returns:
        The open channel and the address it leads to.

    Raises:
        DnsNotFound, DnsTemporary, Refused, Unreachable, ConnectTimeout,
        PeerReset: for the reason each says.
    """
    try:
        async with asyncio.timeout(timeouts.connect):
            addresses = await resolver.resolve(endpoint.host, endpoint.port)
            sock, address = await _race(addresses)
    except TimeoutError as error:
        raise ConnectTimeout(
            f"no TCP connection within {timeouts.connect or 0:g} s"
        ) from error
    loop = asyncio.get_running_loop()
    try:
        _, channel = await loop.create_connection(Channel, sock=sock)
    except OSError as error:
        sock.close()
        raise _connect_error(error) from error
    return channel, address


async def _race(addresses: Sequence[Address]) -> tuple[socket.socket, Address]:
    """Starts one attempt after another until one connects."""
    waiting = list(addresses)
    running: set[asyncio.Task[tuple[socket.socket, Address]]] = set()
    failure: OSError | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0))))
            done, running = await asyncio.wait(
                running,
                timeout=_ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winner, failure = _first_success(done, failure)
            if winner is not None:
                return winner
    finally:
        await _cancel(running)
    raise _connect_error(failure or OSError("no address"))


async def _connect(address: Address) -> tuple[socket.socket, Address]:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except BaseException:
        sock.close()
        raise
    return sock, address


def _first_success(
    done: set[asyncio.Task[tuple[socket.socket, Address]]], failure: OSError | None
) -> tuple[tuple[socket.socket, Address] | None, OSError | None]:
    winner = None
    for task in done:
        error = task.exception()
        if error is None and winner is None:
            winner = task.result()
        elif error is None:
            task.result()[0].close()
        elif isinstance(error, OSError):
            failure = error
        else:  # pragma: no cover - sock_connect raises OSError only
            raise error
    return winner, failure


async def _cancel(
    running: set[asyncio.Task[tuple[socket.socket, Address]]],
) -> None:
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            outcome[0].close()


def _connect_error(error: OSError) -> PeerError:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return DescriptorsExhausted("this machine allows no more open sockets")
    if isinstance(error, ConnectionRefusedError):
        return Refused("the connection was refused")
    if isinstance(error, ConnectionResetError):
        return PeerReset("the connection was reset at once")
    if isinstance(error, TimeoutError):
        return ConnectTimeout("the operating system gave up connecting")
    if error.errno in _UNREACHABLE:
        return Unreachable(f"no route: {error.strerror or error}")
    return Unreachable(f"cannot connect: {error.strerror or error}")
