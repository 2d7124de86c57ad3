"""Hundreds of requests, good ones and every hostile behaviour, at twenty peers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tests.interop.hostile import (
    associations,
    checks,
    framing,
    identifiers,
    messages,
    names,
    secured,
)
from tests.interop.hostile.behaviour import MATCHES, Behaviour, complete
from tests.interop.hostile.neighbourhood import PATIENCE, UID, Ran, run_job
from tests.peers.names import resolving
from tests.peers.pki import Pki
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step

PEERS, EACH = 20, 15
SEED = int(os.environ.get("MIX_SEED", "7"))
"""Which behaviours meet at one peer; set it to repeat what another run found."""
LAST_BEFORE_TROUBLE = 4
"""Associations that may fail at one peer before it is taken for one in trouble."""
AT_THE_DOOR = [
    one for one in (*associations.CONNECTING, *associations.ANSWERING) if not one.serve
]
INSIDE = [*framing.TABLE, *messages.TABLE, *identifiers.TABLE, *names.TABLE]


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
        found = [*door[number::PEERS], *inside[number::PEERS]]
        assert len(door[number::PEERS]) <= LAST_BEFORE_TROUBLE
        found += [Behaviour("good", complete()) for _ in range(EACH - len(found))]
        random.shuffle(found)
        peers.append([_named(one, number, place) for place, one in enumerate(found)])
    return peers


def _named(one: Behaviour, peer: int, place: int) -> Behaviour:
    fields = {**one.peer, "calling_ae": f"AE{peer:02}{place:02}"}
    return replace(one, name=f"{one.name}-{peer}-{place}", peer=fields)


@pytest.fixture(scope="module")
def peers() -> list[list[Behaviour]]:
    print(f"MIX_SEED={SEED}")  # noqa: T201 - pytest shows it where a test fails
    return mixed(SEED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mix")


@pytest.fixture(scope="module")
def others(pki: Pki, folder: Path) -> list[Behaviour]:
    """Those that are no associations of an SCP, each behind a port of its own."""
    doors = (*associations.CONNECTING, *associations.ANSWERING)
    return [*(one for one in doors if one.serve), *secured.over_tls(pki, folder)]


@pytest.fixture(scope="module")
def everybody(peers: list[list[Behaviour]], others: list[Behaviour]) -> list[Behaviour]:
    return [one for behaviours in (*peers, others) for one in behaviours]


@pytest.fixture(scope="module")
def ran(
    peers: list[list[Behaviour]],
    others: list[Behaviour],
    everybody: list[Behaviour],
    folder: Path,
) -> Ran:
    with ExitStack() as running:

        def start() -> dict[str, int]:
            running.enter_context(resolving(names.NAMES))
            ports = {
                one.name: running.enter_context(one.start()).port for one in others
            }
            for behaviours in peers:
                port = running.enter_context(Mixed(behaviours).peer).port
                ports |= {one.name: port for one in behaviours}
            return ports

        limits = {"responses": messages.RESPONSES}
        return run_job(everybody, start, running, folder, per_request=limits)


def test_every_behaviour_is_among_it(everybody: list[Behaviour]) -> None:
    found = {one.name.partition("-")[0] for one in everybody}
    tables = [
        *(associations.CONNECTING, associations.ANSWERING, framing.TABLE),
        *(messages.TABLE, identifiers.TABLE, names.TABLE),
    ]
    assert found > {one.name for table in tables for one in table}
    assert len(everybody) > PEERS * EACH > 200


def test_each_request_ends_as_stated(everybody: list[Behaviour], ran: Ran) -> None:
    for one in everybody:
        checks.check(one, ran)


def test_good_answers_have_the_right_rows(everybody: list[Behaviour], ran: Ran) -> None:
    rows = ran.rows()
    good = [one for one in everybody if one.name.startswith("good-")]
    assert len(good) >= 2 * PEERS
    for one in good:
        assert sorted(rows[one.name]) == [UID.format(n) for n in range(MATCHES)]


def test_each_request_ends_within_its_deadlines(
    everybody: list[Behaviour], ran: Ran
) -> None:
    """All of them together within less than one that is patient."""
    for one in everybody:
        times = PATIENCE | dict(one.peer.get("timeouts", {}))
        assert ran.report(one.name).seconds < sum(map(seconds, times.values()))
    assert ran.result.seconds < checks.ENOUGH


def test_no_message_holds_what_was_asked_or_answered(ran: Ran) -> None:
    """Names, identifiers and UIDs are in the capture and the outputs alone."""
    told = [
        text
        for one in ran.result.requests
        for text in (*one.warnings, *([one.cause.message] if one.cause else []))
    ]
    assert len(told) > 100
    for text in told:
        for value in ("Scripted^", "Odd^", "P7", UID.format(""), "1.2.3.99", "pwned"):
            assert value not in text


def test_nothing_is_left_behind(ran: Ran) -> None:
    checks.check_nothing_left(ran)


def seconds(text: str) -> float:
    unit = 0.001 if text.endswith("ms") else 1.0
    return float(text.rstrip("ms")) * unit
