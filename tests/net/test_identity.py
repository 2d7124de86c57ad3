"""User identity negotiation at a scripted peer, PS3.7 Section D.3.3.7."""

from __future__ import annotations

import asyncio

import pytest

from batchfind.errors import IdentityUnconfirmed, InputError, RejectedPermanent
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts, UserIdentity
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
SECRET = b"open sesame"
PATIENT = Timeouts(connect=60.0, acse=60.0, response=60.0, release=60.0)
ASKING = UserIdentity(2, b"alice", SECRET, response=True)


def connect(port: int, identity: UserIdentity) -> bytes | None:
    """The server response of an association that is released again."""

    async def run() -> bytes | None:
        with Resolver() as resolver:
            client = await Client.connect(
                Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
                Offer((STUDY_ROOT,), ("1.2.840.10008.1.2.1",)),
                PATIENT,
                resolver,
                identity=identity,
            )
        await client.release()
        return client.accepted.identity_response

    return asyncio.run(run(), debug=True)


class TestUserIdentity:
    def test_goes_into_the_request(self, scripted_peer: StartPeer) -> None:
        accept = steps.accept(user=pdu.identity_response())
        peer = scripted_peer(on_connect=[accept])
        assert connect(peer.port, ASKING) == b""
        (item,) = pdu.user_items(peer.seen.associations[0])[0x58]
        assert item == b"\x02\x01\x00\x05alice\x00\x0bopen sesame"

    def test_unconfirmed_releases_before_it_fails(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer()
        with pytest.raises(IdentityUnconfirmed) as caught:
            connect(peer.port, ASKING)
        assert peer.seen.releases == 1
        assert peer.seen.aborts == 0
        assert "alice" not in str(caught.value)
        assert SECRET.decode() not in str(caught.value)

    def test_rejected_by_acse_points_to_the_user(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer(on_connect=[steps.reject(1, 2, 1)])
        with pytest.raises(RejectedPermanent) as caught:
            connect(peer.port, ASKING)
        assert caught.value.hint.startswith("the peer may have refused the user")

    def test_rejected_tells_no_secret(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(on_connect=[steps.reject(1, 1, 1)])
        with pytest.raises(RejectedPermanent) as caught:
            connect(peer.port, ASKING)
        assert SECRET.decode() not in str(caught.value)

    def test_that_cannot_be_sent_opens_no_connection(
        self, scripted_peer: StartPeer
    ) -> None:
        peer = scripted_peer()
        with pytest.raises(InputError, match="25000 bytes"):
            connect(peer.port, UserIdentity(4, bytes(25_000)))
        assert peer.seen.connections == 0
