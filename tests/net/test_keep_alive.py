"""A connection that dies without a word: the system asks, and we say what it finds."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys

import pytest

from batchfind.errors import PeerReset, Retry
from batchfind.net.connect import open_channel
from batchfind.net.link import Link
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Timeouts
from batchfind.ul.association import Association
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.events import Associate
from batchfind.ul.proposal import Proposal

CONTEXT = ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",))


class TestAConnection:
    @pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's option names")
    def test_is_probed_after_a_minute_of_silence(self) -> None:
        """Sooner than firewalls forget it, and given up within two minutes."""

        async def options() -> list[int]:
            with socket.create_server(("127.0.0.1", 0)) as server, Resolver() as names:
                endpoint = Endpoint("127.0.0.1", server.getsockname()[1], "A", "B")
                channel, _ = await open_channel(endpoint, names, Timeouts())
                assert channel._socket is not None
                found = [
                    channel._socket.getsockopt(level, option)
                    for level, option in (
                        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
                    )
                ]
                await channel.close()
                return found

        assert asyncio.run(options(), debug=True) == [1, 60, 15, 4]

    def test_whose_other_end_is_gone_is_told_as_broken(self) -> None:
        async def fault() -> None:
            with socket.create_server(("127.0.0.1", 0)) as server, Resolver() as names:
                endpoint = Endpoint("127.0.0.1", server.getsockname()[1], "A", "B")
                channel, _ = await open_channel(endpoint, names, Timeouts())
                association = Association(
                    calling_ae="B",
                    called_ae="A",
                    proposal=Proposal(contexts=[CONTEXT], max_pdu=16_384),
                )
                link = Link(channel, association, Timeouts())
                link.send(Associate())
                # What the transport is told when nothing was answered so long.
                gone = OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
                channel.connection_lost(gone)
                try:
                    event = await link.event(None)
                    assert event is not None
                    raise link.over(event)
                finally:
                    link.abort()

        with pytest.raises(PeerReset, match="its other end does not answer") as raised:
            asyncio.run(fault(), debug=True)
        assert raised.value.retry is Retry.BACKOFF
