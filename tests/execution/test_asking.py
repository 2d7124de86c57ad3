"""Requests of a plan at scripted peers: nothing lost, nothing mixed up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.capture.records import Outcome, Verdict
from batchfind.execution.progress import (
    Event,
    PeerTrouble,
    RequestEnded,
    ResponsesArrived,
)
from batchfind.job.model import Cancel, PeerLimits, PerRequest
from batchfind.plan.model import Plan, Request
from tests.execution.conftest import Ask
from tests.execution.plans import IMPATIENT, PATIENT, peer, plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as ScriptedRequest
from tests.peers.scripted import ScriptedPeer, Step


def one_peer(
    folder: Path, scripted: ScriptedPeer, count: int = 1, **limits: Any
) -> Plan:
    requests = [request(f"0.{number}", "pacs") for number in range(count)]
    pacs = peer("pacs", scripted.port, limits=PeerLimits(**limits))
    return plan(folder, [pacs], requests)


class TestFaultyPeers:
    """Exit codes of other tools hide these; each has its verdict and cause here."""

    @pytest.mark.parametrize(
        ("script", "verdict", "responses", "code"),
        [
            (
                [steps.matches(500), steps.final(0xA700, "out of resources")],
                Verdict.PARTIAL,
                500,
                "status-a700",
            ),
            (
                [steps.matches(500), steps.abort()],
                Verdict.PARTIAL,
                500,
                "peer-abort",
            ),
            (
                [steps.matches(30), steps.silence()],
                Verdict.PARTIAL,
                30,
                "response-timeout",
            ),
            (
                [steps.matches(30), steps.final(0xFE00)],
                Verdict.PARTIAL,
                30,
                "status-fe00",
            ),
            ([steps.silence()], Verdict.FAILED, 0, "response-timeout"),
            ([steps.close()], Verdict.FAILED, 0, "peer-closed"),
            ([steps.final(0xC001)], Verdict.FAILED, 0, "status-c001"),
            (
                [steps.matches(3), steps.matches(1, wrong_ids=True)],
                Verdict.PARTIAL,
                3,
                "protocol-dimse",
            ),
        ],
    )
    def test_are_told_apart(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        script: list[Step],
        verdict: Verdict,
        responses: int,
        code: str,
    ) -> None:
        pacs = peer("pacs", scripted_peer(*script).port, timeouts=IMPATIENT)
        asked = ask(plan(tmp_path, [pacs], [request("0.0", "pacs")]))
        judged = asked.verdicts["0.0"]
        assert judged.verdict is verdict
        assert judged.cause is not None
        assert judged.cause.code == code
        assert "pacs (BATCHFIND -> PEER at 127.0.0.1:" in judged.cause.message
        assert len(asked.identifiers["0.0"]) == responses

    def test_the_error_comment_reaches_the_cause(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final(0xA700, "too many studies"))
        cause = ask(one_peer(tmp_path, scripted)).verdicts["0.0"].cause
        assert cause is not None
        assert '"too many studies"' in cause.message

    def test_a_dead_peer_does_not_harm_another(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        alive = scripted_peer(steps.matches(2), steps.final())
        dead = scripted_peer(on_connect=[steps.reset()])
        requests = [request("0.0", "dead"), request("0.1", "alive")]
        asked = ask(
            plan(
                tmp_path,
                [peer("dead", dead.port), peer("alive", alive.port)],
                requests,
            )
        )
        assert asked.verdicts["0.0"].verdict is Verdict.FAILED
        assert asked.verdicts["0.1"].verdict is Verdict.COMPLETE
        assert any(isinstance(event, PeerTrouble) for event in asked.events)

    def test_a_peer_that_cannot_be_reached_is_left_alone_after_five_failures(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        dead = scripted_peer(on_connect=[steps.reject()])
        asked = ask(one_peer(tmp_path, dead, 20, associations=1))
        verdicts = [asked.verdicts[f"0.{number}"].verdict for number in range(20)]
        assert verdicts == [Verdict.FAILED] * 5 + [Verdict.SKIPPED] * 15
        skipped = asked.verdicts["0.19"].cause
        assert skipped is not None
        assert skipped.code == "circuit"


class TestAssociations:
    def test_are_reused_up_to_queries_per_association(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(1), steps.final())
        asked = ask(
            one_peer(tmp_path, scripted, 10, associations=1, queries_per_association=4)
        )
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert len(scripted.seen.associations) == 3
        assert scripted.seen.releases == 3
        assert asked.complaints == []

    def test_a_peer_that_closes_after_each_query_is_used_that_way(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(1), steps.final(), steps.close())
        asked = ask(one_peer(tmp_path, scripted, 6, associations=1))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert all(each.attempts == 1 for each in asked.verdicts.values())

    def test_a_peer_that_closes_at_the_second_query_is_used_that_way(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        served: set[int] = set()

        def script(given: ScriptedRequest) -> list[Step]:
            if given.association in served:
                return [steps.close()]
            served.add(given.association)
            return [steps.matches(1), steps.final()]

        scripted = scripted_peer(script=script)
        asked = ask(one_peer(tmp_path, scripted, 6, associations=1))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert all(each.attempts == 1 for each in asked.verdicts.values())
        # Once it was learned, no request is sent in vain any more.
        assert len(scripted.seen.requests) == 7
        assert len(scripted.seen.associations) == 6

    def test_nobody_wants_are_released(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        hasty = replace(PATIENT, idle=0.2)
        requests = [
            request(f"0.{number}", "pacs", repetition=number, not_before=number * 1.0)
            for number in range(2)
        ]
        asked = ask(
            plan(tmp_path, [peer("pacs", scripted.port, timeouts=hasty)], requests)
        )
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert scripted.seen.releases == len(scripted.seen.associations) == 2

    def test_rest_as_long_after_every_use(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        brisk = replace(PATIENT, idle=1.2)
        starts = (0.0, 0.8, 1.6, 3.6)
        requests = [
            request(f"0.{number}", "pacs", repetition=number, not_before=start)
            for number, start in enumerate(starts)
        ]
        asked = ask(
            plan(tmp_path, [peer("pacs", scripted.port, timeouts=brisk)], requests)
        )
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        # The third came within the rest after the second, the last one after a rest.
        assert scripted.seen.releases == len(scripted.seen.associations) == 2

    def test_two_aliases_of_one_scp_share_its_limit(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.delay(0.02), steps.matches(1), steps.final())
        limits = PeerLimits(associations=2)
        peers = [
            peer("a", scripted.port, limits=limits),
            peer("b", scripted.port, limits=limits),
        ]
        requests = [
            request(f"0.{number}", "ab"[number % 2], called_ae="AB"[number % 2])
            for number in range(20)
        ]
        asked = ask(plan(tmp_path, peers, requests))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert scripted.seen.simultaneous <= 2

    def test_four_hundred_requests_over_twenty_peers_never_exceed_the_limit(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = [scripted_peer(steps.matches(1), steps.final()) for _ in range(20)]
        limits = PeerLimits(associations=2, queries_per_association=7)
        peers = [
            peer(f"p{number}", each.port, limits=limits)
            for number, each in enumerate(scripted)
        ]
        requests = [request(f"0.{number}", f"p{number % 20}") for number in range(400)]
        asked = ask(plan(tmp_path, peers, requests))
        assert len(asked.verdicts) == 400
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert max(each.seen.simultaneous for each in scripted) <= 2
        assert sum(len(each.seen.requests) for each in scripted) == 400

    def test_repetitions_can_each_have_their_own(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        requests = [
            request(f"0.{number}", "pacs", repetition=number, fresh_association=True)
            for number in range(3)
        ]
        ask(plan(tmp_path, [peer("pacs", scripted.port)], requests))
        assert len(scripted.seen.associations) == 3
        assert scripted.seen.simultaneous == 1

    def test_end_abort_aborts_instead_of_releasing(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        rude = peer("pacs", scripted.port, end="abort")
        asked = ask(plan(tmp_path, [rude], [request("0.0", "pacs")]))
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert scripted.seen.releases == 0


class TestCancelPolicy:
    def test_keeps_exactly_the_first_responses(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(
            steps.matches(8), steps.until_cancelled(), steps.final(0xFE00)
        )
        cancel = Cancel(after_responses=5)
        asked = ask(
            plan(
                tmp_path,
                [peer("pacs", scripted.port)],
                [request("0.0", "pacs", cancel=cancel)],
            )
        )
        ending = asked.endings["0.0"]
        assert ending is not None
        assert ending.outcome is Outcome.LIMITED
        assert (ending.responses, ending.kept) == (8, 5)
        assert asked.verdicts["0.0"].verdict is Verdict.LIMITED
        assert len(scripted.seen.cancels) == 1

    def test_that_is_never_reached_leaves_the_answer_complete(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(5), steps.final())
        cancel = Cancel(after_responses=6)
        asked = ask(
            plan(
                tmp_path,
                [peer("pacs", scripted.port)],
                [request("0.0", "pacs", cancel=cancel)],
            )
        )
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert scripted.seen.cancels == []

    def test_by_time(self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer) -> None:
        scripted = scripted_peer(
            steps.matches(3), steps.until_cancelled(), steps.final(0xFE00)
        )
        asked = ask(
            plan(
                tmp_path,
                [peer("pacs", scripted.port)],
                [request("0.0", "pacs", cancel=Cancel(after=0.1))],
            )
        )
        assert asked.verdicts["0.0"].verdict is Verdict.LIMITED

    def test_by_abort(self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer) -> None:
        scripted = scripted_peer(steps.matches(9), steps.silence())
        rude = peer("pacs", scripted.port, on_cancel="abort")
        asked = ask(
            plan(
                tmp_path,
                [rude],
                [request("0.0", "pacs", cancel=Cancel(after_responses=4))],
            )
        )
        ending = asked.endings["0.0"]
        assert ending is not None
        assert ending.outcome is Outcome.LIMITED
        assert ending.kept == 4
        assert scripted.seen.cancels == []


class TestLimits:
    def test_an_endless_answer_is_cancelled_and_partial(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(
            steps.matches(60), steps.until_cancelled(), steps.final(0xFE00)
        )
        most = PerRequest(responses=50)
        asked = ask(
            plan(
                tmp_path,
                [peer("pacs", scripted.port)],
                [request("0.0", "pacs")],
                policy={"per_request": most},
            )
        )
        judged = asked.verdicts["0.0"]
        assert judged.verdict is Verdict.PARTIAL
        assert judged.cause is not None
        assert judged.cause.code == "limit"

    def test_as_many_as_allowed_is_complete(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(50), steps.final())
        asked = ask(
            plan(
                tmp_path,
                [peer("pacs", scripted.port)],
                [request("0.0", "pacs")],
                policy={"per_request": PerRequest(responses=50)},
            )
        )
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE


class TestStopping:
    def test_on_failure_stop_asks_nothing_more(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final(0xC001))
        requests = [request(f"0.{number}", "pacs") for number in range(5)]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=1))
        asked = ask(plan(tmp_path, [pacs], requests, policy={"stop_on_failure": True}))
        causes = [asked.verdicts[each.id].cause for each in requests]
        assert asked.verdicts["0.0"].verdict is Verdict.FAILED
        assert asked.verdicts["0.4"].verdict is Verdict.SKIPPED
        assert causes[4] is not None
        assert causes[4].code == "stopped"

    def test_an_interruption_cancels_and_keeps_what_came(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(
            steps.matches(7), steps.until_cancelled(), steps.final(0xFE00)
        )
        given_plan = one_peer(tmp_path, scripted, 4, associations=1)
        asked = ask(given_plan, lambda event: isinstance(event, ResponsesArrived))
        assert asked.verdicts["0.0"].verdict is Verdict.PARTIAL
        assert len(asked.identifiers["0.0"]) == 7
        assert [asked.verdicts[f"0.{n}"].verdict for n in (1, 2, 3)] == [
            Verdict.SKIPPED
        ] * 3
        assert len(scripted.seen.cancels) == 1
        assert scripted.seen.releases == 1

    def test_an_interruption_gives_up_connecting(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        deaf = scripted_peer(on_connect=[steps.silence()])
        alive = scripted_peer(steps.final())
        requests = [request("0.0", "deaf"), request("0.1", "alive")]
        peers = [peer("deaf", deaf.port), peer("alive", alive.port)]

        def alive_answered(event: Event) -> bool:
            return isinstance(event, RequestEnded) and event.peer == "alive"

        asked = ask(plan(tmp_path, peers, requests), alive_answered)
        judged = asked.verdicts["0.0"]
        assert judged.verdict is Verdict.FAILED
        assert judged.cause is not None
        assert judged.cause.code == "interrupted"


class TestContamination:
    """A half-read query never lends its responses to the next one."""

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 30),
                st.one_of(st.none(), st.integers(1, 12)),
            ),
            min_size=2,
            max_size=8,
        )
    )
    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_after_random_early_stops(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        cases: list[tuple[int, int | None]],
    ) -> None:
        scripts = [[steps.matches(count), steps.final()] for count, _ in cases]
        for on_cancel in ("cancel", "abort"):
            scripted = scripted_peer(script=steps.in_turn(*scripts))
            pacs = peer(
                "pacs",
                scripted.port,
                limits=PeerLimits(associations=1),
                on_cancel=on_cancel,
            )
            requests = [
                request(f"0.{number}", "pacs", cancel=Cancel(after_responses=stop))
                for number, (_, stop) in enumerate(cases)
            ]
            asked = ask(plan(tmp_path, [pacs], requests))
            self._check(asked.identifiers, requests, [count for count, _ in cases])

    @staticmethod
    def _check(
        identifiers: dict[str, list[bytes]],
        requests: list[Request],
        counts: list[int],
    ) -> None:
        for each, count in zip(requests, counts, strict=True):
            own = identifiers[each.id]
            assert all(f"R{each.id} ".encode()[:-1] in answer for answer in own)
            wanted = each.cancel.after_responses
            least = count if wanted is None else min(count, wanted)
            assert len(own) >= least
