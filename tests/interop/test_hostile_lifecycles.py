"""Hostile peers, 32, 52, 69 and 93: what one query leaves to the next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import batchfind
from batchfind import RunResult, Verdict
from tests.dimse.peer import final as peer_final
from tests.dimse.peer import match
from tests.interop.hostile.behaviour import GOOD, MATCHES, Behaviour, complete
from tests.interop.hostile.neighbourhood import job_of
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step
from tests.peers.steps import (
    abort,
    accept,
    close,
    echo_keys,
    final,
    flood,
    in_turn,
    matches,
    reject,
    reset,
    say,
)

AGAIN = {"attempts": 3, "backoff": "100ms"}
QUERIES = 3


def flood_of(build: Callable[[Request], bytes], most: int | None = None) -> Step:
    """The same bytes again and again, made of the request."""

    async def step(talk: Conversation) -> None:
        await flood(build(talk.request), most, 0.01)(talk)

    return step


def asked(peer: ScriptedPeer, folder: Path, **timeouts: str) -> RunResult:
    """A run of three queries at one peer, one after another, that tries again."""
    limits = {"limits": {"associations": 1}, "timeouts": timeouts}
    names = [f"query-{number}" for number in range(QUERIES)]
    behaviours = [Behaviour("peer", complete(), peer=limits)]
    text = job_of(behaviours, {"peer": peer.port}, retry=AGAIN)
    text["queries"] = dict.fromkeys(names, text["queries"]["studies"])
    del text["outputs"]
    job = folder / "job.yaml"
    job.write_text(json.dumps(text))
    return asyncio.run(batchfind.arun(job, run_dir=folder / "run"))


def check_all_complete(result: RunResult) -> None:
    found = [(one.verdict, one.responses) for one in result.requests]
    assert found == [(Verdict.COMPLETE, MATCHES)] * QUERIES


class TestAPeerThatServesOneQueryAnAssociation:
    @pytest.mark.parametrize(
        "ending", [[abort()], [close()], [reset()]], ids=["abort", "fin", "rst"]
    )
    def test_is_asked_on_new_ones(
        self, ending: Sequence[Step], scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        served: set[int] = set()

        def script(request: Request) -> Sequence[Step]:
            if request.association in served:
                return ending
            served.add(request.association)
            return GOOD

        peer = scripted_peer(script=script)
        check_all_complete(asked(peer, tmp_path))
        assert peer.seen.simultaneous == 1

    @pytest.mark.parametrize("end", [close(), reset()], ids=["fin", "rst"])
    def test_and_ends_it_while_it_is_idle(
        self, end: Step, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(*GOOD, end)
        result = asked(peer, tmp_path)
        check_all_complete(result)
        assert all(one.attempts == 1 for one in result.requests)


class TestAPeerThatFailsNowAndThen:
    def test_by_rejecting_is_asked_again(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        async def busy_twice(talk: Conversation) -> None:
            await talk.read_association()
            step = reject(2, 3, 2) if talk.number < 2 else accept()
            await step(talk)

        result = asked(scripted_peer(*GOOD, on_connect=[busy_twice]), tmp_path)
        check_all_complete(result)
        assert sum(one.attempts for one in result.requests) == QUERIES + 2

    def test_in_the_middle_of_an_answer_keeps_the_whole_one(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        script = in_turn([matches(2), abort(2, 0)], GOOD, [matches(3), reset()], GOOD)
        result = asked(scripted_peer(script=script), tmp_path)
        check_all_complete(result)
        assert sorted(one.attempts for one in result.requests) == [1, 2, 2]


def stale(request: Request) -> bytes:
    """A match of the first query on the association."""
    assert request.number
    return match(1, echo_keys(request, 99))


class TestResponsesToAnEarlierQuery:
    """PS3.7 Section 9.3.2.2: Message ID Being Responded To says whose they are."""

    def test_are_dropped_and_told(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        late = [flood_of(stale, 3), matches(2), flood_of(stale, 2), matches(3), final()]
        script = in_turn(GOOD, late)
        peer = scripted_peer(script=script)
        result = asked(peer, tmp_path)
        check_all_complete(result)
        assert [one.message_id for one in peer.seen.requests] == [1, 2, 3]
        told = [one.warnings for one in result.requests]
        assert not told[0]
        assert told[1] == ("response after the final one was dropped",)

    def test_are_no_sign_of_life(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        """Those of the second query never come, and its association is left."""
        script = in_turn(GOOD, [flood_of(stale)], GOOD)
        peer = scripted_peer(script=script)
        result = asked(peer, tmp_path, response="400ms")
        check_all_complete(result)
        assert [one.attempts for one in result.requests] == [1, 2, 1]
        assert [one.association for one in peer.seen.requests][:3] == [0, 0, 1]

    def test_and_its_final_one_ends_nothing(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        ended = say(lambda one: peer_final(one.message_id - 1, 0xA900))
        script = in_turn(GOOD, [ended, matches(5), final()])
        result = asked(scripted_peer(script=script), tmp_path)
        check_all_complete(result)
        assert all(one.attempts == 1 for one in result.requests)
