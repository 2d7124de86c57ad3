"""Opening the connection: every address is tried, failures get their cause."""

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
from batchfind.net.local_address import LocalAddress, local_address, reachable
from batchfind.net.resolver import Address, Resolver
from batchfind.net.settings import Endpoint, Timeouts
from batchfind.net.tls import TlsClient
from batchfind.net.tls_handshake import shake_hands
from batchfind.net.tls_session import TlsSession

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
    endpoint: Endpoint,
    resolver: Resolver,
    timeouts: Timeouts,
    tls: TlsClient | None = None,
) -> tuple[Channel, Address]:
    """Connects to the first address of the peer that answers, and secures it.

    Args:
        endpoint: host and port, and what to connect from.
        resolver: looks the name up.
        timeouts: `connect` covers name resolution and connection together, and then
            once more the TLS handshake: a peer slow to accept is not a peer slow to
            shake hands, and the causes of both differ.
        tls: how to secure it, or None. When the handshake fails no other address is
            tried: it is the same peer.

    Returns:
        The open channel and the address it leads to.

    Raises:
        InputError: `bind` is no address.
        DnsNotFound, DnsTemporary, Refused, Unreachable, ConnectTimeout,
        PeerReset, TlsVerify, TlsHandshake: for the reason each says.
    """
    local = None if endpoint.bind is None else local_address(endpoint.bind)
    try:
        async with asyncio.timeout(timeouts.connect):
            found = await resolver.resolve(
                endpoint.host, endpoint.port, endpoint.ip_version
            )
            sock, address = await _race(reachable(found, local), local)
    except TimeoutError as error:
        raise ConnectTimeout(
            f"no TCP connection within {timeouts.connect or 0:g} s"
        ) from error
    channel = await _channel(sock, None if tls is None else tls.begin())
    if channel.tls is not None:
        await shake_hands(channel, channel.tls, timeouts.connect)
    return channel, address


async def _channel(sock: socket.socket, session: TlsSession | None) -> Channel:
    loop = asyncio.get_running_loop()
    try:
        _, channel = await loop.create_connection(lambda: Channel(session), sock=sock)
    except OSError as error:
        sock.close()
        raise _connect_error(error) from error
    return channel


async def _race(
    addresses: Sequence[Address], local: LocalAddress | None
) -> tuple[socket.socket, Address]:
    """Starts one attempt after another until one connects."""
    waiting = list(addresses)
    running: set[asyncio.Task[tuple[socket.socket, Address]]] = set()
    failure: OSError | None = None
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(_connect(waiting.pop(0), local)))
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


async def _connect(
    address: Address, local: LocalAddress | None
) -> tuple[socket.socket, Address]:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        if local is not None:
            local.bind(sock)
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
        else:  # `bind` fails for one address as for all
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
