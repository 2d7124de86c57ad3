"""Associations over TLS, and connections that never become one."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.errors import (
    BatchfindError,
    InputError,
    NotDicom,
    PeerClosed,
    PeerReset,
    Retry,
    TlsHandshake,
    TlsVerify,
)
from batchfind.net.client import Client
from batchfind.net.connect import open_channel
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts, TlsSettings
from batchfind.net.tls import TlsClient
from batchfind.net.tls_witness import Witness, Witnesses
from tests.peers import steps
from tests.peers.pki import Authority, Identity, Pki, rsa_key, server_context
from tests.peers.plugin import StartPeer
from tests.peers.tls_server import TlsServer, drop

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
PATIENT = Timeouts(connect=60.0, acse=60.0, response=60.0, release=60.0)
IDENTIFIER: Identifier = (Element(0x0010_0020, "LO", "P1"),)
V1_0, V1_1 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

StartServer = Callable[..., TlsServer]


def trusting(
    *authorities: Authority, name: str | None = "localhost", **more: object
) -> TlsSettings:
    """Settings that trust these authorities and want the peer to be `name`."""
    plain = TlsSettings(
        profile="bcp195-rfc8996",
        cas=tuple((f"{each.name}.pem", each.pem) for each in authorities),
        system_ca=False,
        verify_name=name,
        sni=name,
        source="tls.hospital",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def showing(settings: TlsSettings, identity: Identity) -> TlsSettings:
    return replace(settings, key=identity.key_pem(), certificate=identity.pem)


async def _count(port: int, tls: TlsClient | None) -> tuple[int, str]:
    """Responses to one C-FIND, and the facts of TLS."""
    with Resolver() as resolver:
        client = await Client.connect(
            Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
            Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
            PATIENT,
            resolver,
            tls=tls,
        )
    responses = 0
    try:
        async with client.find(
            STUDY_ROOT, lambda syntax: encode(IDENTIFIER, syntax, ())
        ) as find:
            async for matches in find.matches():
                responses += len(matches)
        facts = client.tls_facts
        assert await client.release() is None
    finally:
        await client.abort()
    return responses, facts


def count(port: int, settings: TlsSettings) -> tuple[int, str]:
    return asyncio.run(_count(port, TlsClient.prepare(settings)), debug=True)


def fault(
    port: int, settings: TlsSettings | None, timeouts: Timeouts = PATIENT
) -> BatchfindError:
    """What connecting ends with."""
    tls = None if settings is None else TlsClient.prepare(settings)

    async def run() -> None:
        with Resolver() as resolver:
            await Client.connect(
                Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
                Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
                timeouts,
                resolver,
                tls=tls,
            )

    with pytest.raises(BatchfindError) as raised:
        asyncio.run(run(), debug=True)
    return raised.value


@pytest.fixture
def serve() -> Iterator[StartServer]:
    """Starts TLS servers that end with the test; arguments as `TlsServer`."""
    running: list[TlsServer] = []

    def start(
        context: ssl.SSLContext | None,
        conduct: Callable[[socket.socket], None] | None = None,
    ) -> TlsServer:
        server = TlsServer(context, conduct).__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


class TestAnAssociationOverTls:
    def test_carries_a_query(self, scripted_peer: StartPeer, pki: Pki) -> None:
        peer = scripted_peer(
            steps.matches(3), steps.final(), tls=server_context(pki.peer)
        )
        responses, facts = count(peer.port, trusting(pki.authority))
        assert responses == 3
        assert facts.startswith("TLSv1.3 TLS_")
        assert peer.seen.releases == 1

    def test_carries_many_responses(self, scripted_peer: StartPeer, pki: Pki) -> None:
        peer = scripted_peer(
            steps.matches(20_000), steps.final(), tls=server_context(pki.peer)
        )
        assert count(peer.port, trusting(pki.authority))[0] == 20_000

    def test_tells_the_suite_by_its_iana_name(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        suite = "ECDHE-RSA-AES128-GCM-SHA256"
        context = server_context(pki.peer, highest=V1_2, ciphers=suite)
        peer = scripted_peer(steps.final(), tls=context)
        _, facts = count(peer.port, trusting(pki.authority))
        assert facts == "TLSv1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"

    def test_without_tls_has_no_facts(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(steps.final())
        assert asyncio.run(_count(peer.port, None)) == (0, "")

    def test_offers_the_application_protocol_dicom(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.peer)
        context.set_alpn_protocols(["dicom"])
        chosen: list[str | None] = []

        async def note(talk: object) -> None:
            writer = getattr(talk, "writer")  # noqa: B009 - any conversation
            secure = writer.get_extra_info("ssl_object")
            chosen.append(secure.selected_alpn_protocol())

        peer = scripted_peer(note, steps.final(), tls=context)
        count(peer.port, trusting(pki.authority))
        assert chosen == ["dicom"]

    @pytest.mark.parametrize("version", [V1_2, V1_3])
    def test_works_with_a_server_of_one_version(
        self, scripted_peer: StartPeer, pki: Pki, version: ssl.TLSVersion
    ) -> None:
        context = server_context(pki.peer, lowest=version, highest=version)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        assert count(peer.port, trusting(pki.authority))[0] == 1

    @pytest.mark.parametrize("version", [V1_2, V1_3])
    def test_shows_our_certificate(
        self, scripted_peer: StartPeer, pki: Pki, version: ssl.TLSVersion
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority, highest=version)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        settings = showing(trusting(pki.authority), pki.user)
        assert count(peer.port, settings)[0] == 1

    def test_shows_the_chain_of_our_certificate(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        us = pki.department.issue("batchfind", ())
        assert count(peer.port, showing(trusting(pki.authority), us))[0] == 1

    def test_trusts_a_chain_that_the_peer_sends(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.department.issue("pacs"))
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        assert count(peer.port, trusting(pki.authority))[0] == 1

    def test_may_leave_verification_off(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.stranger.issue("x", ("elsewhere",)))
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        assert count(peer.port, trusting(verify=False))[0] == 1

    def test_ends_without_a_closing_alert(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        async def vanish(talk: object) -> None:
            writer = getattr(talk, "writer")  # noqa: B009 - any conversation
            writer.transport.abort()

        peer = scripted_peer(
            steps.matches(2),
            steps.final(),
            on_release=(vanish,),
            tls=server_context(pki.peer),
        )

        async def run() -> tuple[int, str | None]:
            tls = TlsClient.prepare(trusting(pki.authority))
            with Resolver() as resolver:
                client = await Client.connect(
                    Endpoint("127.0.0.1", peer.port, "PEER", "BATCHFIND"),
                    Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
                    PATIENT,
                    resolver,
                    tls=tls,
                )
            find = client.find(STUDY_ROOT, lambda name: encode(IDENTIFIER, name, ()))
            async with find:
                found = [len(matches) async for matches in find.matches()]
            return sum(found), await client.release()

        responses, complaint = asyncio.run(run(), debug=True)
        assert responses == 2
        assert complaint is not None
        assert "instead of releasing" in complaint


class TestProfiles:
    @pytest.mark.parametrize(
        ("profile", "server", "facts"),
        [
            ("bcp195-rfc8996", {}, "TLSv1.3"),
            ("bcp195-modified", {"highest": V1_2}, "TLSv1.2 TLS_ECDHE_RSA_WITH_"),
            ("bcp195-nd", {}, "TLSv1.3"),
            ("bcp195-ex", {}, "TLSv1.2 TLS_"),
            ("bcp195", {}, "TLSv1.3"),
            ("bcp195", {"ciphers": "AES128-SHA:@SECLEVEL=0", "highest": V1_0},
             "TLSv1 TLS_RSA_WITH_AES_128_CBC_SHA"),
            ("aes", {"ciphers": "AES128-SHA"}, "TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA"),
            ("aes", {"ciphers": "AES128-SHA:@SECLEVEL=0", "highest": V1_1},
             "TLSv1.1 TLS_RSA_WITH_AES_128_CBC_SHA"),
            ("null", {"ciphers": "NULL-SHA:@SECLEVEL=0"},
             "TLSv1.2 TLS_RSA_WITH_NULL_SHA"),
        ],
    )  # fmt: skip
    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_carry_a_query(
        self,
        scripted_peer: StartPeer,
        pki: Pki,
        profile: str,
        server: dict[str, object],
        facts: str,
    ) -> None:
        lowest = server.get("highest", V1_2)
        options = {"lowest": lowest, **server}
        context = server_context(pki.peer, **options)  # type: ignore[arg-type]
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        found = count(peer.port, trusting(pki.authority, profile=profile))
        assert found[0] == 1
        assert found[1].startswith(facts)

    def test_with_elliptic_curve_certificates(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.curve_peer, highest=V1_2)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        for profile in ("bcp195-rfc8996", "bcp195-modified", "bcp195-ex"):
            found = count(peer.port, trusting(pki.authority, profile=profile))
            assert "_ECDHE_ECDSA_" in found[1]

    def test_that_this_machine_lacks_say_so(self, pki: Pki) -> None:
        try:
            TlsClient.prepare(trusting(pki.authority, profile="basic"))
        except InputError as error:
            assert str(error) == (  # noqa: PT017 - where OpenSSL has 3DES it works
                "tls.hospital.profile: the profile basic cannot be used on this "
                "machine, it needs TLS_RSA_WITH_3DES_EDE_CBC_SHA: this OpenSSL was "
                "built without it; choose another profile"
            )

    def test_of_another_name_are_an_error(self, pki: Pki) -> None:
        with pytest.raises(InputError) as raised:
            TlsClient.prepare(trusting(pki.authority, profile="strict"))
        assert "choose one of bcp195-rfc8996, bcp195-modified," in str(raised.value)

    def test_offer_suites_that_are_added(
        self, scripted_peer: StartPeer, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, highest=V1_2, ciphers="AES256-GCM-SHA384")
        plain = trusting(pki.authority)
        assert str(fault(serve(context).port, plain)) == (
            "no TLS connection: the peer ends it: it finds no cipher suite or signature"
            " in common"
        )
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        more = replace(plain, ciphers=("TLS_RSA_WITH_AES_256_GCM_SHA384",))
        assert count(peer.port, more)[1] == "TLSv1.2 TLS_RSA_WITH_AES_256_GCM_SHA384"

    @pytest.mark.parametrize(
        ("profile", "suite", "why"),
        [
            ("bcp195-rfc8996", "TLS_RSA_WITH_NULL_SHA", "does not encrypt"),
            ("aes", "TLS_RSA_WITH_NULL_SHA", "does not encrypt"),
            ("null", "TLS_DH_anon_WITH_AES_128_CBC_SHA", "answer for the peer"),
            ("aes", "TLS_AES_128_GCM_SHA256", "belongs to TLS 1.3"),
            ("aes", "AES128-SHA", "no cipher suite that can be used"),
            ("bcp195-ex", "TLS_RSA_WITH_AES_128_CBC_SHA", "allows no other"),
            ("bcp195-modified", "TLS_RSA_WITH_AES_128_CBC_SHA", "allows no other"),
            ("bcp195-rfc8996", "TLS_RSA_WITH_AES_128_CBC_SHA", "relies on SHA-1"),
        ],
    )
    def test_refuse_suites_that_do_not_belong(
        self, pki: Pki, profile: str, suite: str, why: str
    ) -> None:
        with pytest.raises(InputError, match=why) as raised:
            TlsClient.prepare(
                trusting(pki.authority, profile=profile, ciphers=(suite,))
            )
        assert str(raised.value).startswith("tls.hospital.ciphers: ")

    def test_refuse_suites_that_this_machine_lacks(self, pki: Pki) -> None:
        suite = "TLS_ECDHE_RSA_WITH_CAMELLIA_128_GCM_SHA256"
        with pytest.raises(InputError, match="OpenSSL does not implement it"):
            TlsClient.prepare(trusting(pki.authority, ciphers=(suite,)))

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
    def test_refuse_a_server_of_an_older_version(
        self, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(
            pki.peer, lowest=V1_0, highest=V1_1, ciphers="ALL:@SECLEVEL=0"
        )
        server = serve(context)
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, TlsHandshake)
        assert str(error) == (
            "no TLS connection: the peer ends it: it finds no TLS version in common"
        )
        assert error.retry is Retry.NEVER
        assert not server.heard

    def test_refuse_a_key_that_is_too_short(self, serve: StartServer, pki: Pki) -> None:
        small = pki.authority.issue("pacs", key=rsa_key(1024))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        server = serve(_with(context, small))
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, TlsVerify)
        assert str(error) == (
            "the peer's certificate was refused: the RSA key of CN=pacs, O=Example "
            "Hospital (issued by CN=Hospital Root CA, O=Example Hospital) has 1024 "
            "bits, fewer than the 2048 of the profile bcp195-rfc8996"
        )
        assert not server.heard
        assert count_of_bytes(server, trusting(pki.authority, profile="bcp195"))


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
            "O=Example Hospital) is issued for ris.example.org, ris, not for localhost"
        )

    def test_for_another_address(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("pacs", (ipaddress.ip_address("192.0.2.9"),))
        settings = trusting(pki.authority, name="127.0.0.1")
        assert "is issued for 192.0.2.9, not for 127.0.0.1" in self.refused(
            serve, us, settings
        )

    def test_for_no_name_at_all(self, serve: StartServer, pki: Pki) -> None:
        us = pki.authority.issue("localhost", ())
        assert "is issued for no DNS name and no address" in self.refused(
            serve, us, trusting(pki.authority)
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

    def test_is_not_blamed_once_it_was_accepted(
        self, serve: StartServer, pki: Pki
    ) -> None:
        context = server_context(pki.peer, trusted=pki.authority)
        server = serve(context, _read_then_close)
        error = fault(server.port, showing(trusting(pki.authority), pki.user))
        assert isinstance(error, PeerReset | PeerClosed)


class TestPortsWithoutTls:
    def test_of_dicom_are_told_by_their_answer(self, serve: StartServer) -> None:
        abort = bytes.fromhex("0700 0000 0004 0000 0201")
        server = serve(None, lambda connection: _answer(connection, abort))
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert str(error) == "the peer does not answer in TLS but in DICOM without TLS"
        assert error.hint.startswith("take tls off this peer")

    def test_of_other_protocols_are_told_by_their_answer(
        self, serve: StartServer
    ) -> None:
        server = serve(
            None, lambda connection: _answer(connection, b"HTTP/1.1 400\r\n")
        )
        error = fault(server.port, trusting(verify=False))
        assert str(error) == "the peer does not answer in TLS but in something else"

    def test_that_close_may_be_tried_again(self, serve: StartServer) -> None:
        server = serve(None, lambda connection: _answer(connection, b""))
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert error.retry is Retry.BACKOFF
        assert "may expect DICOM without TLS" in error.hint

    def test_that_reset_may_be_tried_again(self, serve: StartServer) -> None:
        server = serve(None, _read_then_drop)
        error = fault(server.port, trusting(verify=False))
        assert isinstance(error, TlsHandshake)
        assert error.retry is Retry.BACKOFF

    def test_that_break_off_may_be_tried_again(self, serve: StartServer) -> None:
        half = bytes.fromhex("16 0303 00ff 02")
        server = serve(None, lambda connection: _answer(connection, half))
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
        server = serve(None, lambda connection: _answer(connection, nonsense))
        error = fault(server.port, trusting(verify=False))
        assert str(error).startswith("no TLS connection: OpenSSL says unexpected")


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
        server = serve(None, lambda connection: _answer(connection, alert))
        error = fault(server.port, None)
        assert isinstance(error, NotDicom)
        assert "TLS" in error.hint


def count_of_bytes(server: TlsServer, settings: TlsSettings) -> int:
    """How many bytes a trusted server hears before it stays silent."""
    fault(server.port, settings, replace(PATIENT, acse=0.3))
    return len(server.heard)


def _with(context: ssl.SSLContext, identity: Identity) -> ssl.SSLContext:
    from batchfind.net.tls_material import nameless_file  # noqa: PLC0415

    with nameless_file(identity.pem) as pem, nameless_file(identity.key_pem()) as key:
        context.load_cert_chain(pem, key)
    return context


def _answer(connection: socket.socket, data: bytes) -> None:
    connection.recv(1 << 16)
    connection.sendall(data)


def _read_then_close(connection: socket.socket) -> None:
    connection.recv(1 << 16)


def _read_then_drop(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    drop(connection)


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
