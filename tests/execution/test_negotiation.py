"""What is asked beyond the baseline: options, operations, user identity, TLS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.reader import open_capture
from batchfind.capture.records import AttemptFacts, Verdict
from batchfind.dicom.extended import OPTIONS, encode_options
from batchfind.execution.negotiated import Negotiated, negotiated
from batchfind.job.transport_model import (
    Asked,
    IdentityType,
    Secret,
    SecretKind,
    Tls,
    UserIdentity,
)
from batchfind.plan.model import Plan, PlannedPeer
from tests.execution.conftest import Ask
from tests.execution.plans import STUDY_ROOT, peer, plan, request
from tests.peers import pdu, steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Step

PREFER, REQUIRE = Asked.PREFER, Asked.REQUIRE
GOOD = (steps.matches(2), steps.final())
EXTENDED, IDENTITY = 0x56, 0x58
WORKLIST = "1.2.840.10008.5.1.4.31"


def granting(*options: str) -> list[Step]:
    """Accepts, and says that these options are supported."""
    information = encode_options(STUDY_ROOT, options)
    return [steps.accept(user=pdu.extended(STUDY_ROOT, information))]


def asking(folder: Path, pacs: PlannedPeer, count: int = 1, **changes: Any) -> Plan:
    requests = [request(f"0.{at}", pacs.name, **changes) for at in range(count)]
    return plan(folder, [pacs], requests)


class TestComparison:
    """PS3.7 Section D.3.3.5, PS3.4 Sections C.5.1.1 and K.5.1."""

    @pytest.mark.parametrize(
        ("asked", "answer", "found"),
        [
            ({}, b"\1\1\1", Negotiated()),
            ({"fuzzy": PREFER}, b"\0\0\1", Negotiated(accepted=("fuzzy",))),
            ({"fuzzy": REQUIRE}, b"\1\1\0", Negotiated(missing=("fuzzy",))),
            ({"fuzzy": PREFER}, b"", Negotiated(refused=("fuzzy",))),
            ({"fuzzy": Asked.OFF}, b"\1\1\1", Negotiated()),
            (
                dict.fromkeys(reversed(OPTIONS), PREFER),
                b"\1\0\1",
                Negotiated(
                    accepted=("relational", "fuzzy"),
                    refused=(
                        "date_time",
                        "timezone",
                        "enhanced_multi_frame",
                        "empty_value",
                        "multiple_value",
                    ),
                ),
            ),
        ],
    )
    def test_is_by_option(
        self, asked: Mapping[str, Asked], answer: bytes, found: Negotiated
    ) -> None:
        assert negotiated(STUDY_ROOT, asked, {STUDY_ROOT: answer}) == found

    def test_an_option_the_model_lacks_is_not_accepted(self) -> None:
        asked = {"relational": REQUIRE}
        found = negotiated(WORKLIST, asked, {WORKLIST: b"\1\1\1\1"})
        assert found.missing == ("relational",)


class TestRequiredOption:
    def test_refused_ends_the_request_before_any_c_find(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD, on_connect=granting("relational"))
        asked = {"relational": REQUIRE, "fuzzy": REQUIRE, "multiple_value": REQUIRE}
        pacs = peer("pacs", scripted.port)
        verdict = ask(asking(tmp_path, pacs, negotiation=asked)).verdicts["0.0"]
        assert verdict.verdict is Verdict.FAILED
        assert verdict.cause is not None
        assert verdict.cause.code == "not-negotiated"
        assert verdict.cause.phase == "query"
        assert "negotiation.fuzzy and negotiation.multiple_value" in (
            verdict.cause.message
        )
        assert "no C-FIND was sent" in verdict.cause.message
        assert scripted.seen.requests == []
        assert (scripted.seen.releases, scripted.seen.aborts) == (1, 0)

    def test_refused_does_not_end_other_requests(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        needing = [
            request(f"0.{at}", "pacs", negotiation={"fuzzy": REQUIRE})
            for at in range(7)
        ]
        plain = request("0.7", "pacs")
        asked = ask(plan(tmp_path, [peer("pacs", scripted.port)], [*needing, plain]))
        assert asked.verdicts["0.7"].verdict is Verdict.COMPLETE
        causes = [asked.verdicts[each.id].cause for each in needing]
        assert {cause.code for cause in causes if cause} == {"not-negotiated"}

    def test_accepted_asks(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD, on_connect=granting("fuzzy"))
        pacs = peer("pacs", scripted.port)
        asked = ask(asking(tmp_path, pacs, negotiation={"fuzzy": REQUIRE}))
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        (proposed,) = pdu.user_items(scripted.seen.associations[0])[EXTENDED]
        assert proposed.endswith(STUDY_ROOT.encode() + b"\0\0\1")


class TestPreferredOption:
    def test_refused_is_a_warning(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        pacs = peer("pacs", scripted.port)
        asked = ask(asking(tmp_path, pacs, negotiation={"fuzzy": PREFER}))
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert verdict.warnings == (
            "the peer did not accept negotiation.fuzzy; asked without",
        )

    def test_that_is_off_is_not_proposed(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        ask(asking(tmp_path, peer("pacs", scripted.port)))
        assert EXTENDED not in pdu.user_items(scripted.seen.associations[0])


class TestSharing:
    """An association is used again by those who would negotiate the same."""

    def test_needs_the_same_options(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD, on_connect=granting("fuzzy", "relational"))
        options = [{"fuzzy": PREFER}, {"fuzzy": PREFER}, {"relational": PREFER}]
        requests = [
            request(f"0.{at}", "pacs", negotiation=each)
            for at, each in enumerate(options)
        ]
        limits = peer("pacs", scripted.port).limits
        one = type(limits)(associations=1)
        ask(plan(tmp_path, [peer("pacs", scripted.port, limits=one)], requests))
        assert [each.association for each in scripted.seen.requests] == [0, 0, 1]

    def test_needs_the_same_user(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        users = [
            UserIdentity(type=IdentityType.USERNAME, username=name)
            for name in ("anna", "bert")
        ]
        peers = [peer(user.username, scripted.port, identity=user) for user in users]
        requests = [
            request(f"0.{at}", name) for at, name in enumerate(("anna", "bert", "anna"))
        ]
        ask(plan(tmp_path, peers, requests))
        assert len(scripted.seen.associations) >= 2
        for told in scripted.seen.requests:
            association = scripted.seen.associations[told.association]
            (identity,) = pdu.user_items(association)[IDENTITY]
            patient = next(
                each.value for each in told.elements if each.tag == 0x0010_0020
            )
            wanted = b"bert" if patient.strip() == b"R0.1" else b"anna"
            assert wanted in identity


class TestUserIdentity:
    """PS3.7 Section D.3.3.7."""

    USER = UserIdentity(
        type=IdentityType.USERNAME_PASSWORD,
        username="anna",
        password=Secret(SecretKind.PLAIN, plain="open"),
        response=True,
    )

    def test_confirmed_asks(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        confirming = [steps.accept(user=pdu.identity_response())]
        scripted = scripted_peer(*GOOD, on_connect=confirming)
        pacs = peer("pacs", scripted.port, identity=self.USER)
        asked = ask(asking(tmp_path, pacs))
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        (sent,) = pdu.user_items(scripted.seen.associations[0])[IDENTITY]
        assert sent == b"\2\1\0\4anna\0\4open"

    def test_unconfirmed_asks_nothing(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*GOOD)
        pacs = peer("pacs", scripted.port, identity=self.USER)
        cause = ask(asking(tmp_path, pacs)).verdicts["0.0"].cause
        assert cause is not None
        assert cause.code == "identity-unconfirmed"
        assert scripted.seen.requests == []
        assert scripted.seen.releases == 1


class TestFacts:
    def recorded(self, path: Path) -> AttemptFacts:
        with open_capture(path) as capture:
            (attempt,) = capture.attempts("0.0")
        assert attempt.facts is not None
        return attempt.facts

    def test_tell_what_was_agreed(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pki.authority.pem)
        information = encode_options(STUDY_ROOT, ("fuzzy",))
        user = pdu.extended(STUDY_ROOT, information) + pdu.window(3)
        scripted = scripted_peer(
            *GOOD,
            on_connect=[steps.accept(user=user)],
            tls=server_context(pki.peer),
        )
        tls = Tls(name="hospital", ca=(ca,), system_ca=False)
        pacs = peer("pacs", scripted.port, tls=tls, operations=4)
        options = {"fuzzy": PREFER, "relational": PREFER}
        asked = ask(asking(tmp_path, pacs, negotiation=options))
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        facts = self.recorded(tmp_path / "0.db")
        assert facts.tls.startswith("TLSv1.3 TLS_AES_")
        assert facts.negotiated == ("fuzzy",)
        assert facts.operations == 3

    def test_of_a_plain_association_are_plain(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pacs = peer("pacs", scripted_peer(*GOOD).port)
        ask(asking(tmp_path, pacs))
        facts = self.recorded(tmp_path / "0.db")
        assert (facts.tls, facts.negotiated, facts.operations) == ("", (), 1)


class TestTls:
    def test_that_fails_is_a_cause_and_nothing_is_asked(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer, pki: Pki
    ) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pki.stranger.pem)
        scripted = scripted_peer(*GOOD, tls=server_context(pki.peer))
        tls = Tls(name="hospital", ca=(ca,), system_ca=False)
        pacs = peer("pacs", scripted.port, tls=tls)
        cause = ask(asking(tmp_path, pacs)).verdicts["0.0"].cause
        assert cause is not None
        assert cause.code == "tls-verify"
        assert scripted.seen.associations == []
