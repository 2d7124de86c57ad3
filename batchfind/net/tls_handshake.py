"""The TLS handshake of a new connection, within its deadline."""

from __future__ import annotations

import asyncio

from batchfind.errors import PeerError, TlsCutOff
from batchfind.net.channel import Channel
from batchfind.net.tls_faults import distrust, handshake_fault
from batchfind.net.tls_session import TlsSession

#: How long our alert may take to leave, in seconds.
_FAREWELL = 2.0


async def shake_hands(
    channel: Channel, session: TlsSession, seconds: float | None
) -> None:
    """Waits until the connection is secure and the peer the one that is wanted.

    Args:
        channel: just opened, with the session.
        session: whose handshake has begun.
        seconds: at most; None waits for ever.

    Raises:
        TlsVerify: a certificate was refused. Nothing but the handshake was sent.
        TlsHandshake: there is no secure connection.
    """
    loop = asyncio.get_running_loop()
    deadline = None if seconds is None else loop.time() + seconds
    try:
        while not (session.established or channel.ended):
            if deadline is not None and loop.time() >= deadline:
                break
            await channel.wait(deadline)
    except BaseException:
        channel.kill()
        raise
    if fault := _fault(channel, session, seconds):
        await _part(channel)
        raise fault


def _fault(
    channel: Channel, session: TlsSession, seconds: float | None
) -> PeerError | None:
    if session.established:
        return distrust(session)
    if channel.ended:
        return handshake_fault(session)
    return TlsCutOff(f"no TLS handshake within {seconds or 0:g} s")


async def _part(channel: Channel) -> None:
    """Closes the connection; what was written, such as an alert, leaves first."""
    try:
        async with asyncio.timeout(_FAREWELL):
            await channel.close()
    except TimeoutError:
        channel.kill()
