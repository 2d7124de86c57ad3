"""Associations over TLS: what they carry, and under which profile."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from batchfind.dicom.encode import encode
from batchfind.errors import InputError, Retry, TlsHandshake, TlsVerify
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer
from batchfind.net.tls import TlsClient
from tests.net.tls_asking import (
    EXPLICIT_LE,
    IDENTIFIER,
    PATIENT,
    STUDY_ROOT,
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    count,
    count_of_bytes,
    exchanged,
    fault,
    showing,
    trusting,
)
from tests.peers import steps
from tests.peers.pki import Pki, rsa_key, server_context
from tests.peers.plugin import StartPeer, StartServer


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
        assert asyncio.run(exchanged(peer.port, None)) == (0, "")

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

    def test_checks_an_address_without_sending_it(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.peer)
        sent: list[str | None] = []
        context.sni_callback = lambda _, name, __: sent.append(name)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        for sni in (None, "127.0.0.1"):
            settings = trusting(pki.authority, name="127.0.0.1", sni=sni)
            assert count(peer.port, settings)[0] == 1
        assert sent == [None, None]

    def test_sends_the_server_name_it_is_told(
        self, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        context = server_context(pki.peer)
        sent: list[str | None] = []
        context.sni_callback = lambda _, name, __: sent.append(name)
        peer = scripted_peer(steps.matches(1), steps.final(), tls=context)
        for sni in ("localhost", "ris.example.org", None):
            assert count(peer.port, trusting(pki.authority, sni=sni))[0] == 1
        assert sent == ["localhost", "ris.example.org", None]

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
        server = serve(server_context(small, ciphers="DEFAULT:@SECLEVEL=0"))
        error = fault(server.port, trusting(pki.authority))
        assert isinstance(error, TlsVerify)
        assert str(error) == (
            "the peer's certificate was refused: the RSA key of CN=pacs, O=Example "
            "Hospital (issued by CN=Hospital Root CA, O=Example Hospital) has 1024 "
            "bits, fewer than the 2048 of the profile bcp195-rfc8996"
        )
        assert not server.heard
        assert count_of_bytes(server, trusting(pki.authority, profile="bcp195"))
