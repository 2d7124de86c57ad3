"""Certificates that are refused, on either side, before a byte of an association."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

from batchfind.errors import PeerClosed, PeerReset, Retry, TlsVerify
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_faults import distrust
from batchfind.net.tls_session import TlsSession
from tests.net.tls_asking import (
    V1_2,
    V1_3,
    count_of_bytes,
    fault,
    session_with,
    showing,
    trusting,
)
from tests.peers.pki import Authority, Identity, Pki, rsa_key, server_context
from tests.peers.plugin import StartServer
from tests.peers.tls_server import drop, read


class TestCertificatesOfThePeer:
    def refused(
        self, serve: StartServer, identity: Identity, settings: TlsSettings
    ) -> str:
        """Why, once it is sure that nothing but the handshake was sent."""
        messages = set()
        for version in (V1_2, V1_3):
            server = serve(server_context(identity, lowest=version, highest=version))
            error = fault(server.port, settings)
            assert isinstance(error, TlsVerify)
            assert error.retry is Retry.NEVER
            assert not server.heard
            message = str(error)
            assert message.startswith("the peer's certificate was refused: ")
            messages.add(message.partition(": ")[2])
        assert len(messages) == 1
        return messages.pop()

    def test_of_an_authority_nobody_trusts(self, serve: StartServer, pki: Pki) -> None:
        us = pki.stranger.issue("pacs")
        assert self.refused(serve, us, trusting(pki.authority)) == (
            "CN=pacs, O=Example Hospital (issued by CN=Unknown Root CA, O=Example "
            "Hospital) leads to CN=Unknown Root CA, O=Example Hospital, which is not "
            "trusted; if it is right, add it to tls.hospital.ca"
        )

    def test_of_a_chain_nobody_trusts(self, serve: StartServer, pki: Pki) -> None:
        us = pki.department.issue("pacs")
        assert ", certificate 1 of 2, leads to CN=Hospital Root CA" in self.refused(
            serve, us, trusting(pki.stranger)
        )

    def test_of_an_authority_that_is_trusted_with_its_issuer_only(
        self, serve: StartServer, pki: Pki
    ) -> None:
        identity = pki.department.issue("pacs")
        us = replace(identity, between=())
        message = self.refused(serve, us, trusting(pki.department))
        assert message.endswith(
            "which is trusted only together with its issuer, CN=Hospital Root CA, "
            "O=Example Hospital; if that is right, add it to tls.hospital.ca"
        )
        both = trusting(pki.department)
        both = replace(both, cas=both.cas + trusting(pki.authority).cas)
        assert count_of_bytes(serve(server_context(us)), both)

    def test_that_is_self_signed(self, serve: StartServer, pki: Pki) -> None:
        us = Authority("pacs").identity
        assert self.refused(serve, us, trusting(pki.authority)) == (
            "CN=pacs, O=Example Hospital is self-signed and not trusted; if it is "
            "right, add it to tls.hospital.ca"
        )

    def test_that_has_expired(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("pacs", days=(-9, -2))
        day = us.certificate.not_valid_after_utc
        assert self.refused(serve, us, trusting(pki.authority)).endswith(
            f"O=Example Hospital) expired on {day:%Y-%m-%d}"
        )

    def test_that_is_not_valid_yet(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("pacs", days=(2, 9))
        day = us.certificate.not_valid_before_utc
        assert self.refused(serve, us, trusting(pki.authority)).endswith(
            f"is not valid before {day:%Y-%m-%d}"
        )

    def test_for_another_name(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("localhost", ("ris.example.org", "ris"))
        assert self.refused(serve, us, trusting(pki.authority)) == (
            "CN=localhost, O=Example Hospital (issued by CN=Hospital Root CA, "
            "O=Example Hospital) is issued for ris.example.org, ris, not for "
            "localhost; if it is right, name one of these in "
            "tls.hospital.verify_hostname"
        )

    def test_for_another_address(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("pacs", (ipaddress.ip_address("192.0.2.9"),))
        settings = trusting(pki.authority, name="127.0.0.1")
        assert "is issued for 192.0.2.9, not for 127.0.0.1" in self.refused(
            serve, us, settings
        )

    def test_for_no_name_at_all(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("localhost", ())
        assert self.refused(serve, us, trusting(pki.authority)).endswith(
            "is issued for no DNS name and no address, not for localhost; if it is "
            "right, have it renewed with one, or set tls.hospital.verify_hostname: "
            "false"
        )

    def test_for_very_many_names(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("x", [f"host{at}" for at in range(9)])
        assert "host4, host5, others, not for" in self.refused(
            serve, us, trusting(pki.authority)
        )

    @pytest.mark.parametrize("sni", [None, "pacs.example.org"])
    def test_for_another_name_than_the_one_sent(
        self, serve: StartServer, pki: Pki, sni: str | None
    ) -> None:
        settings = trusting(pki.authority, name="ris.example.org", sni=sni)
        us = pki.authority.issue("pacs", ("pacs.example.org",))
        assert "not for ris.example.org" in self.refused(serve, us, settings)
        right = pki.authority.issue("ris", ("*.example.org",))
        assert count_of_bytes(serve(server_context(right)), settings)

    def test_that_is_revoked(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("pacs")
        settings = trusting(
            pki.authority,
            crls=(("list.crl", pki.authority.crl_pem(us)),),
            crl_check="leaf",
        )
        assert self.refused(serve, us, settings).endswith("is revoked")
        assert count_of_bytes(serve(server_context(pki.peer)), settings)

    def test_whose_issuer_is_revoked(self, serve: StartServer, pki: Pki) -> None:
        below = Authority("Closed CA", pki.authority)
        lists = (
            ("root.crl", pki.authority.crl_pem(below.identity)),
            ("closed.crl", below.crl_pem()),
        )
        us = below.issue("pacs")
        chain = trusting(pki.authority, crls=lists, crl_check="chain")
        assert self.refused(serve, us, chain) == (
            "CN=Closed CA, O=Example Hospital (issued by CN=Hospital Root CA, "
            "O=Example Hospital), certificate 2 of 2, is revoked"
        )
        leaf = replace(chain, crl_check="leaf")
        assert count_of_bytes(serve(server_context(us)), leaf)

    def test_whose_issuer_has_no_revocation_list(
        self, serve: StartServer, pki: Pki
    ) -> None:
        lists = (("list.crl", pki.stranger.crl_pem()),)
        settings = trusting(pki.authority, crls=lists, crl_check="leaf")
        assert self.refused(serve, pki.peer, settings) == (
            "there is no revocation list of CN=Hospital Root CA, O=Example Hospital; "
            "add it to tls.hospital.crl"
        )

    def test_whose_issuer_s_revocation_list_has_expired(
        self, serve: StartServer, pki: Pki
    ) -> None:
        lists = (("list.crl", pki.authority.crl_pem(days=(-9, -2))),)
        settings = trusting(pki.authority, crls=lists, crl_check="leaf")
        assert self.refused(serve, pki.peer, settings).endswith("has expired")

    def test_is_not_looked_at_without_verification(
        self, serve: StartServer, pki: Pki
    ) -> None:
        us = pki.stranger.issue("pacs", ("elsewhere",), days=(-9, -2))
        settings = trusting(pki.authority, verify=False)
        assert count_of_bytes(serve(server_context(us)), settings)


class TestOurCertificate:
    @pytest.mark.parametrize("version", [V1_2, V1_3])
    def test_is_missing(
        self, serve: StartServer, pki: Pki, version: ssl.TLSVersion
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority, highest=version)
        server = serve(context)
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, TlsVerify)
        assert str(error).startswith("the peer did not accept our certificate: it ")
        assert "set key and certificate" in error.hint

    @pytest.mark.parametrize("version", [V1_2, V1_3])
    def test_is_not_trusted(
        self, serve: StartServer, pki: Pki, version: ssl.TLSVersion
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority, highest=version)
        server = serve(context)
        us = pki.stranger.issue("batchfind", ())
        error = fault(server.port, showing(trusting(pki.authority), us))
        assert isinstance(error, TlsVerify)
        assert error.retry is Retry.NEVER
        assert "trust the issuer of our certificate" in error.hint
        assert not server.heard

    def test_is_refused_by_a_reset(self, serve: StartServer, pki: Pki) -> None:
        server = serve(None, _reset_after_handshake(pki, trusted=pki.authority))
        for settings in (
            trusting(pki.authority),
            showing(trusting(pki.authority), pki.user),
        ):
            error = fault(server.port, settings)
            assert isinstance(error, TlsVerify)
            assert "it ended the connection" in str(error) or "asked for one" in str(
                error
            )

    def test_is_not_blamed_when_nobody_asked_for_it(
        self, serve: StartServer, pki: Pki
    ) -> None:
        server = serve(None, _reset_after_handshake(pki, trusted=None))
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, PeerReset | PeerClosed)

    def test_is_not_blamed_for_a_later_end_in_tls_1_2(
        self, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority, highest=V1_2)
        server = serve(context, read)
        error = fault(server.port, showing(trusting(pki.authority), pki.user))
        assert isinstance(error, PeerReset | PeerClosed)

    def test_is_not_blamed_once_it_was_accepted(
        self, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority)
        server = serve(context, read)
        error = fault(server.port, showing(trusting(pki.authority), pki.user))
        assert isinstance(error, PeerReset | PeerClosed)


class TestWhatOpensslDoesNotCheck:
    """Each of these it checks today; another build of it might not."""

    def test_key_lengths_are_looked_at(self, serve: StartServer, pki: Pki) -> None:
        small = pki.authority.issue("pacs", key=rsa_key(1024))
        server = serve(server_context(small, ciphers="DEFAULT:@SECLEVEL=0"))
        old = trusting(pki.authority, profile="bcp195")
        session = session_with(server.port, old)
        assert distrust(session) is None
        session.settings = replace(old, profile="bcp195-rfc8996")
        assert "has 1024 bits" in str(distrust(session))

    def test_a_certificate_has_to_be_there(
        self, serve: StartServer, pki: Pki, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = serve(server_context(pki.peer))
        session = session_with(server.port, trusting(pki.authority))
        monkeypatch.setattr(TlsSession, "certificate", lambda _: b"")
        assert "no X.509 certificate" in str(distrust(session))


def _reset_after_handshake(
    pki: Pki, trusted: Authority | None
) -> Callable[[socket.socket], None]:
    """A server that resets once the client thinks that the handshake is done."""
    context = server_context(pki.peer, trusted=trusted)
    context.num_tickets = 0

    def conduct(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secure = context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(connection.recv(1 << 16))
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
        connection.recv(1)
        drop(connection)

    return conduct
