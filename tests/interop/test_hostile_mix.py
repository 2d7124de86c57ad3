"""Hundreds of requests, good ones and every hostile behaviour, at twenty peers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from random import Random

import pytest

from tests.interop.hostile import (
    associations,
    checks,
    framing,
    identifiers,
    messages,
)
from tests.interop.hostile.behaviour import MATCHES, Behaviour, complete
from tests.interop.hostile.neighbourhood import UID, Ran, run_job
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step

PEERS, EACH = 20, 15
LAST_BEFORE_TROUBLE = 4
"""Associations that may fail at one peer before it is taken for one in trouble."""
AT_THE_DOOR = [
    one for one in (*associations.CONNECTING, *associations.ANSWERING) if not one.serve
]
INSIDE = [*framing.TABLE, *messages.TABLE, *identifiers.TABLE]


class Mixed:
    """One SCP that behaves to each calling AE title in another way."""

    def __init__(self, behaviours: Sequence[Behaviour]) -> None:
        self.behaviours = {one.peer["calling_ae"]: one for one in behaviours}
        self.peer = ScriptedPeer(
            script=self._answer,
            on_connect=[self._connect],
            on_release=[self._release],
        )

    def _answer(self, request: Request) -> Sequence[Step]:
        asked = self.peer.seen.associations[request.association]
        return self.behaviours[asked.calling_ae].answer

    async def _connect(self, talk: Conversation) -> None:
        asked = await talk.read_association()
        if asked is not None:
            await _play(talk, self.behaviours[asked.calling_ae].on_connect)

    async def _release(self, talk: Conversation) -> None:
        assert talk.association is not None
        one = self.behaviours[talk.association.calling_ae]
        await _play(talk, one.on_release or [_answer_release])


async def _answer_release(talk: Conversation) -> None:
    talk.over()
    await talk.send(bytes.fromhex("06 00 00000004 00000000"))


async def _play(talk: Conversation, steps: Sequence[Step]) -> None:
    for step in steps:
        if not (talk.gone.is_set() or talk.writer.is_closing()):
            await step(talk)


def mixed(seed: int) -> list[list[Behaviour]]:
    """What each peer does to whom; every behaviour is among it."""
    random = Random(seed)  # noqa: S311 - no secrets
    door, inside = AT_THE_DOOR.copy(), INSIDE.copy()
    random.shuffle(door)
    random.shuffle(inside)
    peers: list[list[Behaviour]] = []
    for number in range(PEERS):
        count = random.randint(2, LAST_BEFORE_TROUBLE)
        found = [door.pop() for _ in range(min(count, len(door)))]
        found += [inside.pop() for _ in range(min(EACH - 2 - len(found), len(inside)))]
        found += [Behaviour("good", complete()) for _ in range(EACH - len(found))]
        random.shuffle(found)
        peers.append([_named(one, number, place) for place, one in enumerate(found)])
    assert door == inside == []
    return peers


def _named(one: Behaviour, peer: int, place: int) -> Behaviour:
    fields = {**one.peer, "calling_ae": f"AE{peer:02}{place:02}"}
    return replace(one, name=f"{one.name}-{peer}-{place}", peer=fields)


@pytest.fixture(scope="module")
def peers() -> list[list[Behaviour]]:
    return mixed(seed=7)


@pytest.fixture(scope="module")
def ran(peers: list[list[Behaviour]], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    with ExitStack() as running:

        def start() -> dict[str, int]:
            ports: dict[str, int] = {}
            for behaviours in peers:
                port = running.enter_context(Mixed(behaviours).peer).port
                ports |= {one.name: port for one in behaviours}
            return ports

        everybody = [one for behaviours in peers for one in behaviours]
        return run_job(
            everybody,
            start,
            running,
            tmp_path_factory.mktemp("mix"),
            per_request={"responses": messages.RESPONSES},
        )


def test_each_request_ends_as_stated(peers: list[list[Behaviour]], ran: Ran) -> None:
    everybody = [one for behaviours in peers for one in behaviours]
    assert len(everybody) == PEERS * EACH
    for one in everybody:
        checks.check(one, ran)


def test_good_answers_have_the_right_rows(
    peers: list[list[Behaviour]], ran: Ran
) -> None:
    rows = ran.rows()
    good = [
        one
        for behaviours in peers
        for one in behaviours
        if one.name.startswith("good-")
    ]
    assert len(good) >= 2 * PEERS
    for one in good:
        assert sorted(rows[one.name]) == [UID.format(n) for n in range(MATCHES)]


def test_nothing_is_left_behind(ran: Ran) -> None:
    checks.check_nothing_left(ran)
    assert ran.result.seconds < checks.ENOUGH
