"""Connections that never become secure, or break."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from dataclasses import replace

import pytest

from batchfind.errors import (
    NotDicom,
    PeerClosed,
    PeerReset,
    Retry,
    TlsHandshake,
    TlsVerify,
)
from batchfind.net.connect import open_channel
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint
from batchfind.net.tls import TlsClient
from batchfind.net.tls_witness import Witness, Witnesses
from tests.net.tls_asking import PATIENT, V1_3, fault, trusting
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer, StartServer
from tests.peers.tls_server import answer, read_and_drop


class TestPortsWithoutTls:
    def test_of_dicom_are_told_by_their_answer(self, serve: StartServer) -> None:
        abort = bytes.fromhex("0700 0000 0004 0000 0201")
        server = serve(None, answer(abort))
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert str(error) == "the peer does not answer in TLS but in DICOM without TLS"
        assert error.hint.startswith("take tls off this peer")

    def test_of_other_protocols_are_told_by_their_answer(
        self, serve: StartServer
    ) -> None:
        server = serve(None, answer(b"HTTP/1.1 400\r\n"))
        error = fault(server.port, trusting(verify=False))
        assert str(error) == "the peer does not answer in TLS but in something else"

    def test_that_close_may_be_tried_again(self, serve: StartServer) -> None:
        server = serve(None, answer(b""))
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert error.retry is Retry.BACKOFF
        assert "may expect DICOM without TLS" in error.hint

    def test_that_reset_may_be_tried_again(self, serve: StartServer) -> None:
        server = serve(None, read_and_drop)
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert error.retry is Retry.BACKOFF

    def test_that_break_off_may_be_tried_again(self, serve: StartServer) -> None:
        half = bytes.fromhex("16 0303 00ff 02")
        server = serve(None, answer(half))
        error = fault(server.port, trusting(verify=False))
        assert str(error) == "the connection ended in the middle of the TLS handshake"
        assert error.retry is Retry.BACKOFF

    def test_that_stay_silent_end_with_the_deadline(self, serve: StartServer) -> None:
        done = threading.Event()

        def wait(connection: socket.socket) -> None:
            connection.recv(1000)
            done.wait(30)

        server = serve(None, wait)
        error = fault(
            server.port, trusting(verify=False), replace(PATIENT, connect=1.0)
        )
        done.set()
        assert isinstance(error, TlsHandshake)
        assert str(error) == "no TLS handshake within 1 s"
        assert error.retry is Retry.BACKOFF

    def test_that_send_nonsense_in_tls_are_told(self, serve: StartServer) -> None:
        nonsense = bytes.fromhex("16 0303 0004 0e000000")
        server = serve(None, answer(nonsense))
        error = fault(server.port, trusting(verify=False))
        assert str(error).startswith("no TLS connection: OpenSSL says unexpected")


class TestHandshakesThatFail:
    @pytest.mark.parametrize(
        ("record", "said"),
        [
            ("15 0303 0002 0250", "the peer ends it with the alert internal error"),
            ("15 0303 0002 0270", "it does not know the server name that sni sends"),
            ("15 0303 0002 02c8", "the peer ends it with the alert number 200"),
            ("15 0303 0002 0278", "it does not speak the application protocol dicom"),
            (
                f"16 0302 002a 02 000026 0302 {'11' * 32} 00 002f 00",
                "we end it: it answers with a TLS version that the profile bcp195-",
            ),
            (
                f"16 0303 002a 02 000026 0303 {'11' * 32} 00 002f 00",
                "we end it: it answers with a cipher suite that the profile bcp195-",
            ),
        ],
    )
    def test_say_what_the_peer_answered(
        self, serve: StartServer, record: str, said: str
    ) -> None:
        server = serve(None, answer(bytes.fromhex(record)))
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert said in str(error)
        assert error.retry is Retry.NEVER


class TestWithoutTheHandshakeMessages:
    """`ssl` may lose the hook that shows them: only words are lost."""

    @pytest.fixture(autouse=True)
    def unseen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Witnesses, "of", lambda *_: Witness(asked=True))

    @pytest.mark.parametrize(
        ("issued", "why"),
        [
            ({"days": (-9, -2)}, "a certificate of the chain expired"),
            ({"days": (2, 9)}, "a certificate of the chain is not valid"),
            ({"names": ("elsewhere",)}, "it is not issued for localhost"),
        ],
    )
    def test_a_refusal_still_says_why(
        self, serve: StartServer, pki: Pki, issued: dict[str, object], why: str
    ) -> None:
        us = pki.authority.issue("pacs", **issued)  # type: ignore[arg-type]
        server = serve(server_context(us))
        error = fault(server.port, trusting(pki.authority))
        assert str(error) == f"the peer's certificate was refused: {why}"

    def test_an_unknown_issuer_is_still_told(
        self, serve: StartServer, pki: Pki
    ) -> None:
        server = serve(server_context(pki.peer))
        error = fault(server.port, trusting(pki.stranger))
        assert str(error).endswith("no trusted certificate leads to it")

    def test_a_revocation_is_still_told(self, serve: StartServer, pki: Pki) -> None:
        lists = (("list.crl", pki.authority.crl_pem(pki.peer)),)
        for check, which in (("leaf", "it"), ("chain", "a certificate of the chain")):
            settings = trusting(pki.authority, crls=lists, crl_check=check)
            server = serve(server_context(pki.peer))
            error = fault(server.port, settings)
            assert str(error).endswith(f"refused: {which} is revoked")

    def test_a_missing_certificate_of_ours_is_still_told(
        self, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority, lowest=V1_3)
        error = fault(serve(context).port, trusting(pki.authority))
        assert isinstance(error, TlsVerify)

    def test_the_peer_s_certificate_is_still_known(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        peer = scripted_peer(tls=server_context(pki.peer))

        async def run() -> str:
            tls = TlsClient.prepare(trusting(pki.authority))
            with Resolver() as resolver:
                endpoint = Endpoint("127.0.0.1", peer.port, "PEER", "BATCHFIND")
                channel, _ = await open_channel(endpoint, resolver, PATIENT, tls)
            assert channel.tls is not None
            await channel.close()
            return channel.tls.chain[0].subject

        assert asyncio.run(run(), debug=True) == "CN=pacs, O=Example Hospital"


class TestTheEndOfAnAssociationOverTls:
    """What is left of a connection that breaks in the middle."""

    def test_by_nonsense_is_no_answer(self, serve: StartServer, pki: Pki) -> None:
        nonsense = bytes.fromhex("17 0303 0020") + bytes(32)

        def break_off(connection: socket.socket) -> None:
            connection.recv(1 << 16)
            assert isinstance(connection, ssl.SSLSocket)
            with socket.socket(fileno=os.dup(connection.fileno())) as plain:
                plain.sendall(nonsense)
                plain.settimeout(20)
                plain.recv(1 << 16)

        server = serve(server_context(pki.peer), break_off)
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, PeerClosed)
        assert str(error).startswith("the TLS connection broke: ")

    def test_cancelling_a_handshake_closes_the_connection(
        self, serve: StartServer
    ) -> None:
        over = threading.Event()

        def wait(connection: socket.socket) -> None:
            while connection.recv(1 << 16):
                pass
            over.set()

        server = serve(None, wait)

        async def run() -> None:
            tls = TlsClient.prepare(trusting(verify=False))
            endpoint = Endpoint("127.0.0.1", server.port, "PEER", "BATCHFIND")
            with Resolver() as resolver:
                opening = asyncio.ensure_future(
                    open_channel(endpoint, resolver, PATIENT, tls)
                )
                await asyncio.sleep(0.2)
                opening.cancel()
                await asyncio.gather(opening, return_exceptions=True)

        asyncio.run(run(), debug=True)
        assert over.wait(20)


class TestATlsPortWithoutTls:
    def test_hints_at_tls(self, serve: StartServer, pki: Pki) -> None:
        server = serve(server_context(pki.peer))
        error = fault(server.port, None)
        assert isinstance(error, PeerReset | PeerClosed)
        assert "expect TLS at this port" in error.hint

    def test_hints_at_tls_when_it_sends_an_alert(self, serve: StartServer) -> None:
        alert = bytes.fromhex("15 0301 0002 0246")
        server = serve(None, answer(alert))
        error = fault(server.port, None)
        assert isinstance(error, NotDicom)
        assert "TLS" in error.hint
