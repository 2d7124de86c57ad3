"""What `ping` finds out about a peer before anything is asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from batchfind.errors import JobError
from batchfind.execution.ping import PingReport, ping_plan
from batchfind.job.transport_model import (
    Asked,
    IdentityType,
    Secret,
    SecretKind,
    Tls,
    UserIdentity,
)
from batchfind.plan.model import Plan
from tests.execution.plans import STUDY_ROOT, peer, plan, request
from tests.peers import pdu, steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
PREFER, REQUIRE = Asked.PREFER, Asked.REQUIRE


def ping(given: Plan) -> PingReport:
    (report,) = asyncio.run(ping_plan(given))
    return report


def one(folder: Path, port: int, options: dict[str, Asked], **facts: Any) -> Plan:
    asked = request("0.0", "pacs", negotiation=options)
    return plan(folder, [peer("pacs", port, **facts)], [asked])


class TestOptions:
    def test_are_those_of_all_requests(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        user = pdu.extended(STUDY_ROOT, b"\1\0\1") + pdu.extended(PATIENT_ROOT, b"\1")
        scripted = scripted_peer(on_connect=[steps.accept(user=user)])
        requests = [
            request("0.0", "pacs", negotiation={"fuzzy": PREFER}),
            request("0.1", "pacs", negotiation={"relational": REQUIRE}),
            request("0.2", "pacs", negotiation={"relational": PREFER}),
            request(
                "1.0",
                "pacs",
                sop_class=PATIENT_ROOT,
                negotiation={"relational": PREFER, "fuzzy": PREFER},
            ),
        ]
        report = ping(plan(tmp_path, [peer("pacs", scripted.port)], requests))
        assert report.ok
        assert report.accepted == ("relational",)
        assert report.refused == ("fuzzy",)
        proposed = pdu.user_items(scripted.seen.associations[0])[0x56]
        assert [each[-3:] for each in proposed] == [b"\1\0\1", b"\1\0\1"]

    def test_that_are_required_and_refused_are_the_cause(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer()
        report = ping(one(tmp_path, scripted.port, {"fuzzy": REQUIRE}))
        assert not report.ok
        assert report.cause is not None
        assert report.cause.code == "not-negotiated"
        assert [context for context, _ in report.contexts] == [STUDY_ROOT]
        assert scripted.seen.releases == 1


class TestOperations:
    def test_are_as_many_as_the_peer_grants(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        user = pdu.window(5)
        scripted = scripted_peer(on_connect=[steps.accept(user=user)])
        report = ping(one(tmp_path, scripted.port, {}, operations=8))
        assert report.operations == 5


class TestUserIdentity:
    @pytest.mark.parametrize("confirmed", [True, False])
    def test_is_confirmed_or_not(
        self, tmp_path: Path, scripted_peer: StartPeer, confirmed: bool
    ) -> None:
        user = pdu.identity_response() if confirmed else b""
        scripted = scripted_peer(on_connect=[steps.accept(user=user)])
        anna = UserIdentity(
            type=IdentityType.USERNAME, username="anna", response=confirmed
        )
        report = ping(one(tmp_path, scripted.port, {}, identity=anna))
        assert report.ok
        assert report.confirmed is confirmed

    def test_whose_secret_is_missing_is_a_problem_of_the_job(
        self, tmp_path: Path
    ) -> None:
        anna = UserIdentity(
            type=IdentityType.JWT, token=Secret(SecretKind.ENV, "NO_SUCH_TOKEN")
        )
        with pytest.raises(JobError, match="NO_SUCH_TOKEN is not set"):
            ping(one(tmp_path, 1, {}, identity=anna))


class TestTls:
    def test_is_told_with_the_certificate(
        self, tmp_path: Path, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pki.authority.pem)
        scripted = scripted_peer(tls=server_context(pki.peer))
        tls = Tls(name="hospital", ca=(ca,), system_ca=False)
        report = ping(one(tmp_path, scripted.port, {}, tls=tls))
        assert report.ok
        assert report.tls.startswith("TLSv1.3 ")
        until = pki.peer.certificate.not_valid_after_utc
        assert report.certificate == (
            "CN=pacs, O=Example Hospital, issued by CN=Hospital Root CA, "
            f"O=Example Hospital, until {until:%Y-%m-%d}"
        )

    def test_that_fails_is_the_cause(
        self, tmp_path: Path, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        scripted = scripted_peer(tls=server_context(pki.peer))
        tls = Tls(name="hospital", system_ca=True)
        report = ping(one(tmp_path, scripted.port, {}, tls=tls))
        assert report.cause is not None
        assert report.cause.code == "tls-verify"
        assert report.cause.hint
        assert report.certificate == ""
