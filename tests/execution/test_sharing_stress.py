"""Random faults of SCPs that have several requests in flight; seeded and quick.

Every request has a fate that its SCP knows by the Patient ID. Whatever happens: each
request has one verdict, good ones their own responses in order, and no SCP sees more
than it bears.
"""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.progress import Event, RequestEnded
from batchfind.job.model import Cancel, PeerLimits, PeerTimeouts
from batchfind.plan.model import Request as Planned
from tests.execution.conftest import Ask, Asked
from tests.execution.plans import peer, plan, request
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, Request, ScriptedPeer, Step

#: What ends an association; only these requests may bear it.
DEADLY = ("abort", "close", "stall", "wrong-id", "no-pdu")
TIMEOUTS = PeerTimeouts(
    connect=60.0, acse=60.0, response=2.5, cancel=2.5, release=60.0, idle=60.0
)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a request: an answer of so many responses, then its end."""

    end: str
    responses: int


@dataclass(slots=True)
class Queue:
    """Requests of one association that the SCP has not answered to the end."""

    granted: int
    mixed: bool
    waiting: dict[int, tuple[Request, int]] = field(default_factory=dict)
    most: int = 0
    callers: set[str] = field(default_factory=set)
    stir: asyncio.Event = field(default_factory=asyncio.Event)
    worker: asyncio.Task[None] | None = None


class Chaos:
    """An SCP that answers in turn or mixed, cut anyhow, and fails as it is fated to."""

    def __init__(self, seed: int, fates: dict[str, Fate], *, mixed: bool) -> None:
        self.queues: dict[int, Queue] = {}
        self._chance = random.Random(seed)  # noqa: S311
        self._fates = fates
        self._mixed = mixed

    def script(self, _: Request) -> Sequence[Step]:
        return [self._take]

    async def accept(self, talk: Conversation) -> None:
        asked = await talk.read_association()
        if asked is None:
            return
        talk.established()
        wanted = pdu.user_items(asked).get(0x53)
        granted = self._chance.randint(1, wanted[0][1]) if wanted else 1
        self.queues[talk.number] = Queue(granted, self._mixed)
        user = pdu.window(granted) if wanted else b""
        await talk.send(pdu.associate_ac(asked, user=user))

    async def _take(self, talk: Conversation) -> None:
        queue, given = self.queues[talk.number], talk.request
        queue.waiting[given.message_id] = given, 0
        queue.most = max(queue.most, len(queue.waiting))
        assert talk.association is not None
        queue.callers.add(talk.association.calling_ae)
        queue.stir.set()
        if queue.worker is None:
            queue.worker = asyncio.ensure_future(self._work(talk, queue))

    async def _work(self, talk: Conversation, queue: Queue) -> None:
        while not talk.gone.is_set() and not talk.writer.is_closing():
            message_id = self._next(talk, queue)
            if message_id is None:
                queue.stir.clear()
                try:
                    await asyncio.wait_for(queue.stir.wait(), 0.02)
                except TimeoutError:
                    continue
                continue
            given, sent = queue.waiting[message_id]
            fate = self._fates[patient(given)]
            if talk.cancels[message_id].is_set():
                del queue.waiting[message_id]
                await self._send(talk, given, 0xFE00)
            elif sent < fate.responses:
                queue.waiting[message_id] = given, sent + 1
                await self._send(talk, given, 0xFF00, steps.echo_keys(given, sent))
            else:
                await self._end(talk, queue, given, fate)

    def _next(self, talk: Conversation, queue: Queue) -> int | None:
        """Whose turn it is; nobody's behind one that is never answered."""
        ready = [
            message_id
            for message_id, (given, sent) in queue.waiting.items()
            if talk.cancels[message_id].is_set()
            or sent < self._fates[patient(given)].responses
            or self._fates[patient(given)].end != "stall"
        ]
        if queue.mixed:
            return self._chance.choice(ready) if ready else None
        oldest = next(iter(queue.waiting), None)
        return oldest if oldest in ready else None

    async def _end(
        self, talk: Conversation, queue: Queue, given: Request, fate: Fate
    ) -> None:
        match fate.end:
            case "abort":
                await steps.abort()(talk)
            case "close":
                await steps.close()(talk)
            case "wrong-id":
                await self._send(talk, replace(given, message_id=60_000), 0)
                await talk.pause(None)
            case "no-pdu":
                await talk.send(b"\x77\0\0\0\0\4abcd")
                await talk.pause(None)
            case _:
                del queue.waiting[given.message_id]
                status = 0xC001 if fate.end == "failure" else 0
                for _ in range(1 + (fate.end == "twice")):
                    await self._send(talk, given, status)

    async def _send(
        self,
        talk: Conversation,
        given: Request,
        status: int,
        identifier: bytes | None = None,
    ) -> None:
        command = pdu.response_command(
            pdu.FIND_RQ,
            given.sop_class,
            given.message_id,
            status,
            data_set=identifier is not None,
        )
        pdvs = self._cut(given.context_id, command, 1)
        if identifier is not None:
            pdvs += self._cut(given.context_id, identifier, 0)
        middle = self._chance.randint(0, len(pdvs) - 1)
        for part in (pdvs[:middle], pdvs[middle:]):
            if part:
                await talk.send(pdu.pdu(pdu.P_DATA, b"".join(part)))
        if self._chance.random() < 0.1:
            await talk.pause(self._chance.random() * 0.005)

    def _cut(self, context_id: int, data: bytes, kind: int) -> list[bytes]:
        if self._chance.random() < 0.8:
            return [pdu.pdv(context_id, kind | 2, data)]
        at = 2 * self._chance.randint(0, len(data) // 2)
        first = pdu.pdv(context_id, kind, data[:at])
        return [first, pdu.pdv(context_id, kind | 2, data[at:])]


def patient(given: Request) -> str:
    return given.elements[2].value.decode().strip()[1:]


def drawn(
    chance: random.Random, count: int, *, deadly: float
) -> tuple[dict[str, Fate], list[Planned]]:
    """Requests with their fates: repeated ones, cancelled ones, two callers."""
    fates: dict[str, Fate] = {}
    requests: list[Planned] = []
    while len(requests) < count:
        times = chance.choice((1, 1, 1, 1, 1, 1, 1, 3))
        fresh, caller = times > 1 and chance.random() < 0.5, chance.choice("AAB")
        for repetition in range(times):
            identity = f"{len(requests) - repetition}.{repetition}"
            end, cancel = chance.choice(("good",) * 12 + ("failure", "twice")), Cancel()
            if chance.random() < deadly:
                end = chance.choice(DEADLY if deadly < 0.1 else DEADLY[:2])
            elif chance.random() < 0.1:
                cancel = Cancel(after_responses=chance.randint(1, 4))
            fates[identity] = Fate(end, chance.choice((0, 1, 1, 2, 5, 30)))
            requests.append(
                request(
                    identity,
                    "pacs",
                    calling_ae=caller,
                    cancel=cancel,
                    repetition=repetition,
                    not_before=0.01 * repetition,
                    fresh_association=fresh,
                )
            )
    return fates, requests


def check(asked: Asked, fates: dict[str, Fate], requests: Sequence[Planned]) -> None:
    """Every request has its own verdict and its own responses, in their order."""
    told = Counter(
        event.verdict.request
        for event in asked.events
        if isinstance(event, RequestEnded)
    )
    assert told == dict.fromkeys(fates, 1)
    for each in requests:
        judged, fate = asked.verdicts[each.id], fates[each.id]
        own = [
            pdu.parse_data_set(raw, pdu.EXPLICIT_LE)
            for raw in asked.identifiers[each.id]
        ]
        assert all(patient_of(elements) == each.id for elements in own)
        if judged.attempts == 1:
            numbers = [int(elements[3].value.strip(b"\0")[30:]) for elements in own]
            assert numbers == list(range(len(own)))
        match judged.verdict:
            case Verdict.COMPLETE:
                assert fate.end in ("good", "twice")
                assert judged.responses == fate.responses
            case Verdict.LIMITED:
                assert judged.responses == each.cancel.after_responses


def patient_of(elements: Sequence[pdu.DataElement]) -> str:
    return elements[2].value.decode().strip()[1:]


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def blamed(asked: Asked) -> dict[str, RequestVerdict]:
    """Those that an association's end was charged to."""
    return {
        identity: judged
        for identity, judged in asked.verdicts.items()
        if judged.cause is not None
        and not judged.cause.code.startswith(("status", "interrupted"))
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mixed", [False, True], ids=["in-turn", "mixed"])
def test_random_faults(tmp_path: Path, ask: Ask, seed: int, mixed: bool) -> None:
    chance = random.Random(100 * seed + mixed)  # noqa: S311
    deadly = chance.choice((0.0, 0.03, 0.15))
    fates, requests = drawn(chance, chance.randint(40, 90), deadly=deadly)
    chaos = Chaos(seed, fates, mixed=mixed)
    limits = PeerLimits(
        associations=chance.randint(1, 4),
        queries_per_association=chance.choice((3, 10, 1000)),
    )
    gc.collect()
    before = descriptors()
    with ScriptedPeer(script=chaos.script, on_connect=[chaos.accept]) as scripted:
        pacs = peer(
            "pacs",
            scripted.port,
            operations=chance.randint(1, 8),
            limits=limits,
            timeouts=TIMEOUTS,
        )
        asked = ask(plan(tmp_path, [pacs], requests))
        assert scripted.seen.simultaneous <= limits.associations
    gc.collect()
    assert descriptors() <= before
    check(asked, fates, requests)
    innocent = {
        judged.cause.code
        for identity, judged in blamed(asked).items()
        if fates[identity].end not in DEADLY and judged.cause is not None
    }
    # Of requests answered by turns the last one heard bears it, and a reset may take
    # answers away that were on their way.
    assert mixed or innocent <= {"peer-reset"}
    doomed = [identity for identity, fate in fates.items() if fate.end in DEADLY]
    assert all(
        asked.verdicts[identity].verdict is not Verdict.COMPLETE for identity in doomed
    )
    for queue in chaos.queues.values():
        assert queue.most <= queue.granted
        assert len(queue.callers) <= 1


@pytest.mark.parametrize("seed", range(2))
def test_random_interruptions(
    tmp_path: Path, ask: Ask, scripted_peer: StartPeer, seed: int
) -> None:
    """What came stays, what was not answered says so, and all of it ends."""
    chance = random.Random(seed)  # noqa: S311
    fates, requests = drawn(chance, 60, deadly=0.03)
    chaos = Chaos(seed, fates, mixed=bool(seed % 2))
    scripted = scripted_peer(script=chaos.script, on_connect=[chaos.accept])
    pacs = peer("pacs", scripted.port, operations=4, timeouts=TIMEOUTS)
    left = chance.randint(1, 40)

    def enough(event: Event) -> bool:
        nonlocal left
        left -= isinstance(event, RequestEnded)
        return left <= 0

    asked = ask(plan(tmp_path, [pacs], requests), enough)
    check(asked, fates, requests)
    for judged in asked.verdicts.values():
        if judged.verdict is Verdict.SKIPPED:
            assert judged.cause is not None
            assert judged.cause.code == "interrupted"
