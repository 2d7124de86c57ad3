"""Whose failures open a peer's circuit; its rules alone are in test_retrying.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.job.model import PeerLimits, RetryPolicy
from tests.execution.conftest import Ask
from tests.execution.plans import STUDY_ROOT, peer, plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation

SOON = RetryPolicy(attempts=3, backoff=0.01, max_backoff=0.02)
WORKLIST = "1.2.840.10008.5.1.4.31"


class TestCircuit:
    @pytest.mark.parametrize("probe", [False, True])
    def test_stays_closed_where_one_query_has_the_wrong_model(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer, *, probe: bool
    ) -> None:
        """Its requests fail, each for itself; others of the peer are asked."""

        async def serve(talk: Conversation) -> None:
            if probe and talk.seen.connections <= 5:
                await steps.reset()(talk)
                return
            asked_for = await talk.read_association()
            assert asked_for is not None
            (proposal,) = asked_for.proposals
            known = proposal.abstract_syntax == STUDY_ROOT
            await steps.accept(result=0 if known else 3)(talk)

        scripted = scripted_peer(*(steps.matches(1), steps.final()), on_connect=[serve])
        wrong = [
            request(f"0.{number}", "pacs", sop_class=WORKLIST) for number in range(9)
        ]
        right = [request(f"1.{number}", "pacs") for number in range(3)]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=1))
        policy = {"retry": SOON}
        asked = ask(plan(tmp_path, [pacs], [*wrong, *right], policy=policy))
        found = [asked.verdicts[one.id] for one in wrong]
        assert {one.verdict for one in found} == {Verdict.FAILED}
        assert {one.cause.code for one in found if one.cause} == {"no-context"}
        found = [asked.verdicts[one.id] for one in right]
        assert {one.verdict for one in found} == {Verdict.COMPLETE}

    def test_of_one_title_is_none_of_another(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """Two peers of a job may be one host and port."""

        async def serve(talk: Conversation) -> None:
            asked_for = await talk.read_association()
            assert asked_for is not None
            known = asked_for.called_ae == "PEER"
            await (steps.accept() if known else steps.reject())(talk)

        scripted = scripted_peer(*(steps.matches(1), steps.final()), on_connect=[serve])
        wrong = [
            request(f"0.{number}", "wrong", called_ae="GONE") for number in range(9)
        ]
        right = [request(f"1.{number}", "right") for number in range(3)]
        limits = PeerLimits(associations=1)
        peers = [
            peer(name, scripted.port, limits=limits) for name in ("wrong", "right")
        ]
        asked = ask(plan(tmp_path, peers, [*wrong, *right], policy={"retry": SOON}))
        found = [asked.verdicts[one.id] for one in wrong]
        assert [one.verdict for one in found] == (
            [Verdict.FAILED] * 5 + [Verdict.SKIPPED] * 4
        )
        assert found[-1].cause is not None
        assert "5 associations in a row were rejected" in found[-1].cause.message
        found = [asked.verdicts[one.id] for one in right]
        assert {one.verdict for one in found} == {Verdict.COMPLETE}
