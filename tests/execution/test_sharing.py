"""Several requests in flight on one association of a run."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.records import Ending, Outcome, Verdict
from batchfind.dicom.identifier import Element
from batchfind.execution.local import LocalExecutor
from batchfind.execution.progress import Event, ResponsesArrived
from batchfind.execution.wiring import Wiring
from batchfind.job.model import Cancel, PeerLimits
from batchfind.plan.model import Plan
from tests.execution.conftest import Ask, Asked
from tests.execution.plans import IMPATIENT, PATIENT, peer, plan, request
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request, ScriptedPeer, Step

COMPLETE = {Verdict.COMPLETE}


def windowed(start: StartPeer, *script: Step, granted: int = 4, **more: Any) -> Any:
    return start(*script, on_connect=[steps.accept(user=pdu.window(granted))], **more)


def shared(
    folder: Path,
    scripted: ScriptedPeer,
    count: int,
    *,
    operations: int = 4,
    limits: dict[str, Any] | None = None,
    **facts: Any,
) -> Plan:
    pacs = peer(
        "pacs",
        scripted.port,
        operations=operations,
        limits=PeerLimits(**({"associations": 1} | (limits or {}))),
        **facts,
    )
    return plan(
        folder, [pacs], [request(f"0.{number}", "pacs") for number in range(count)]
    )


def verdicts(asked: Asked) -> list[Verdict]:
    return [each.verdict for each in asked.verdicts.values()]


def each_once(asked: Asked, count: int) -> None:
    """Every request has its own responses, and so many of them count."""
    for identity, identifiers in asked.identifiers.items():
        own = f"R{identity}".encode()
        assert all(own in identifier for identifier in identifiers)
        assert asked.verdicts[identity].responses == count


class TestWindow:
    def test_is_filled(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        answers = [steps.to(n, steps.matches(1)) for _ in range(3) for n in range(4)]
        finals = [steps.to(n, steps.final()) for n in (3, 1, 0, 2)]
        scripted = windowed(scripted_peer, *answers, *finals, together=(4,))
        asked = ask(shared(tmp_path, scripted, 8))
        assert set(verdicts(asked)) == COMPLETE
        assert len(scripted.seen.associations) == 1
        assert scripted.seen.most_in_flight == 4
        each_once(asked, 3)

    @pytest.mark.parametrize("granted", [1, 2, 3])
    def test_is_as_small_as_the_peer_wants(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer, granted: int
    ) -> None:
        script = [steps.delay(0.01), steps.matches(1), steps.final()]
        scripted = windowed(scripted_peer, *script, granted=granted)
        asked = ask(shared(tmp_path, scripted, 20, operations=8))
        assert set(verdicts(asked)) == COMPLETE
        assert scripted.seen.most_in_flight <= granted

    def test_of_a_peer_that_knows_none_is_one(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.delay(0.01), steps.matches(1), steps.final())
        asked = ask(shared(tmp_path, scripted, 10, operations=8))
        assert set(verdicts(asked)) == COMPLETE
        assert scripted.seen.most_in_flight == 1
        assert len(scripted.seen.associations) == 1

    def test_does_not_multiply_associations(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        script = [steps.delay(0.005), steps.matches(1), steps.final()]
        scripted = windowed(scripted_peer, *script, granted=3)
        limits = {"associations": 2, "queries_per_association": 7}
        asked = ask(shared(tmp_path, scripted, 60, operations=3, limits=limits))
        assert set(verdicts(asked)) == COMPLETE
        assert scripted.seen.simultaneous <= 2
        assert 2 < scripted.seen.most_in_flight <= 6
        used = [each.association for each in scripted.seen.requests]
        assert max(used.count(number) for number in set(used)) <= 7
        assert scripted.seen.releases == len(scripted.seen.associations)
        each_once(asked, 1)

    def test_counts_within_the_concurrency_of_the_run(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        script = [steps.delay(0.02), steps.matches(1), steps.final()]
        scripted = windowed(scripted_peer, *script, granted=8)
        given = shared(tmp_path, scripted, 20, operations=8)
        few = plan(
            tmp_path,
            list(given.peers.values()),
            given.requests,
            policy={"concurrency": 2},
        )
        assert set(verdicts(ask(few))) == COMPLETE
        assert scripted.seen.most_in_flight == 2


class TestNotShared:
    """Requests that others would suffer from, or that differ."""

    def test_fresh_associations(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = windowed(scripted_peer, steps.matches(1), steps.final())
        given = shared(tmp_path, scripted, 0)
        requests = [
            request(f"{number}.0", "pacs", fresh_association=True)
            for number in range(6)
        ]
        asked = ask(plan(tmp_path, list(given.peers.values()), requests))
        assert set(verdicts(asked)) == COMPLETE
        assert len(scripted.seen.associations) == 6
        assert scripted.seen.most_in_flight == 1

    def test_requests_that_are_cancelled_by_abort(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        def script(given: Request) -> list[Step]:
            rude = b"R0.1" in given.identifier
            return [steps.matches(3), steps.silence() if rude else steps.final()]

        scripted = windowed(scripted_peer, script=script)
        given = shared(tmp_path, scripted, 0, on_cancel="abort")
        requests = [
            request(
                f"0.{number}",
                "pacs",
                cancel=Cancel(after_responses=2 if number == 1 else None),
            )
            for number in range(6)
        ]
        asked = ask(plan(tmp_path, list(given.peers.values()), requests))
        assert asked.verdicts.pop("0.1").verdict is Verdict.LIMITED
        assert set(verdicts(asked)) == COMPLETE
        assert all(each.attempts == 1 for each in asked.verdicts.values())

    def test_other_ae_titles(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = windowed(scripted_peer, steps.matches(1), steps.final())
        given = shared(tmp_path, scripted, 0)
        requests = [
            request(f"{number}.0", "pacs", calling_ae="AB"[number % 2])
            for number in range(10)
        ]
        asked = ask(plan(tmp_path, list(given.peers.values()), requests))
        assert set(verdicts(asked)) == COMPLETE
        assert scripted.seen.simultaneous == 1
        for each in scripted.seen.requests:
            caller = scripted.seen.associations[each.association].calling_ae
            number = int(each.elements[2].value.strip()[1:].split(b".")[0])
            assert caller == "AB"[number % 2]


class TestAssociationThatDies:
    """Only the request at fault bears it; the others are asked again, alone."""

    def test_in_the_middle_of_three(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        def script(given: Request) -> list[Step]:
            if given.association:
                return [steps.matches(5), steps.final()]
            answers = [steps.to(n, steps.matches(1)) for n in (0, 1, 2, 0, 2, 1)]
            return [*answers, steps.delay(0.4), steps.abort()]

        scripted = windowed(scripted_peer, script=script, together=(3, 1))
        asked = ask(shared(tmp_path, scripted, 3, operations=3))
        partial = [
            identity
            for identity, judged in asked.verdicts.items()
            if judged.verdict is Verdict.PARTIAL
        ]
        assert len(partial) == 1
        guilty = asked.verdicts.pop(partial[0])
        assert guilty.cause is not None
        assert guilty.cause.code == "peer-abort"
        assert (guilty.responses, guilty.attempts) == (2, 1)
        assert set(verdicts(asked)) == COMPLETE
        assert [each.responses for each in asked.verdicts.values()] == [5, 5]
        assert len(scripted.seen.requests) == 5
        # What the first try brought stays in the capture.
        counts = sorted(len(each) for each in asked.identifiers.values())
        assert counts == [2, 7, 7]

    def test_before_any_answer(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        def script(given: Request) -> list[Step]:
            if given.association:
                return [steps.matches(2), steps.final()]
            return [steps.close()]

        scripted = windowed(scripted_peer, script=script, together=(3, 1))
        asked = ask(shared(tmp_path, scripted, 3, operations=3))
        assert sorted(verdicts(asked)) == [
            Verdict.COMPLETE,
            Verdict.COMPLETE,
            Verdict.FAILED,
        ]
        assert all(each.attempts == 1 for each in asked.verdicts.values())

    def test_of_one_request_that_is_never_answered(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        def script(given: Request) -> list[Step]:
            if given.association:
                return [steps.matches(2), steps.final()]
            return [*(steps.to(n, steps.matches(1)) for n in range(3)), steps.silence()]

        scripted = windowed(scripted_peer, script=script, together=(3, 1))
        given = shared(tmp_path, scripted, 3, operations=3, timeouts=IMPATIENT)
        asked = ask(given)
        assert sorted(verdicts(asked)) == [
            Verdict.COMPLETE,
            Verdict.COMPLETE,
            Verdict.PARTIAL,
        ]
        causes = [each.cause.code for each in asked.verdicts.values() if each.cause]
        assert causes == ["response-timeout"]

    def test_of_a_request_that_kills_its_scp(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """An SCP that answers in turn shows which one it was."""

        def script(given: Request) -> list[Step]:
            if b"R0.17" in given.identifier:
                return [steps.close()]
            return [steps.matches(2), steps.final()]

        scripted = windowed(scripted_peer, script=script)
        asked = ask(shared(tmp_path, scripted, 40))
        assert asked.verdicts["0.17"].verdict is Verdict.FAILED
        cause = asked.verdicts.pop("0.17").cause
        assert cause is not None
        assert cause.code == "peer-closed"
        assert set(verdicts(asked)) == COMPLETE
        assert {each.responses for each in asked.verdicts.values()} == {2}

    def test_of_one_that_an_scp_in_turn_never_ends(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """Those behind it in the queue wait as long, and are not at fault."""

        def script(given: Request) -> list[Step]:
            if b"R0.0" in given.identifier:
                return [steps.delay(0.5), steps.matches(1), steps.final()]
            if b"R0.1" in given.identifier:
                return [steps.silence()]
            return [steps.matches(1), steps.final()]

        scripted = windowed(scripted_peer, script=script)
        given = shared(tmp_path, scripted, 8, timeouts=IMPATIENT)
        asked = ask(given)
        guilty = asked.verdicts.pop("0.1")
        assert guilty.cause is not None
        assert guilty.cause.code == "response-timeout"
        assert set(verdicts(asked)) == COMPLETE
        assert all(each.attempts == 1 for each in asked.verdicts.values())

    @pytest.mark.parametrize("end", [steps.close, steps.reset])
    def test_with_an_scp_that_leaves_after_some(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        end: Callable[[], Step],
    ) -> None:
        """It had enough of the association: none of those that wait is at fault."""

        def script(given: Request) -> list[Step]:
            served[given.association] += 1
            if served[given.association] > 2:
                return [steps.delay(0.02), end()]
            return [steps.matches(1), steps.final()]

        served: Counter[int] = Counter()
        scripted = windowed(scripted_peer, script=script)
        asked = ask(shared(tmp_path, scripted, 20))
        assert set(verdicts(asked)) == COMPLETE
        assert all(each.attempts == 1 for each in asked.verdicts.values())
        each_once(asked, 1)

    def test_again_and_again(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """Whoever was disturbed once has an association of its own the next time."""

        def script(given: Request) -> list[Step]:
            lonely = len(asked_on.setdefault(given.association, [])) == 0
            asked_on[given.association].append(given.number)
            if lonely and given.association % 2:
                return [steps.matches(1), steps.final()]
            return [steps.matches(1), steps.delay(0.05), steps.abort()]

        asked_on: dict[int, list[int]] = {}
        scripted = windowed(scripted_peer, script=script)
        asked = ask(shared(tmp_path, scripted, 12, limits={"associations": 2}))
        assert len(asked.verdicts) == 12
        assert max(each.attempts for each in asked.verdicts.values()) <= 2


class TestStopping:
    def test_an_interruption_cancels_all_in_flight(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        answers = [steps.to(n, steps.matches(2)) for n in range(3)]
        ends = [
            steps.to(n, steps.until_cancelled(), steps.final(0xFE00)) for n in range(3)
        ]
        scripted = windowed(scripted_peer, *answers, *ends, together=(3,))
        given = shared(tmp_path, scripted, 6, operations=3, timeouts=PATIENT)
        answered: set[str] = set()

        def third(event: Event) -> bool:
            if isinstance(event, ResponsesArrived):
                answered.add(event.request)
            return len(answered) == 3

        asked = ask(given, third)
        assert verdicts(asked).count(Verdict.PARTIAL) == 3
        assert verdicts(asked).count(Verdict.SKIPPED) == 3
        endings = [each for each in asked.endings.values() if each is not None]
        assert [each.outcome for each in endings] == [Outcome.PARTIAL] * 3
        assert len(scripted.seen.cancels) == 3
        assert scripted.seen.releases == 1


class TestPlaces:
    """No place at the SCP is lost, and none is left behind."""

    def test_of_a_request_that_cannot_be_encoded(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        """Planning sees to it that there is none; if there is, it takes no place."""
        scripted = scripted_peer(steps.matches(1), steps.final())
        given = shared(tmp_path, scripted, 1, operations=1)
        good = Wiring(given, {}).order(given.requests[0])
        bad = replace(good, identifier=(Element(0x0010_0020, "LO", "x" * 70_000),))

        async def both() -> list[object]:
            executor = LocalExecutor(lambda *_: None)
            taken: list[object] = []
            for order in (bad, good):
                with contextlib.suppress(ValueError):
                    async with (
                        asyncio.timeout(60),
                        aclosing(executor.submit(order)) as steps_taken,
                    ):
                        taken += [step async for step in steps_taken]
            await executor.close()
            return taken

        *_, ending = asyncio.run(both())
        assert isinstance(ending, Ending)
        assert ending.outcome is Outcome.SUCCESS
        assert scripted.seen.open == 0

    def test_of_an_association_that_is_being_retired(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        """The end of a run waits for its release."""
        answer = (steps.delay(0.5), steps.raw(pdu.release_rp()))
        scripted = scripted_peer(steps.final(), on_release=answer)
        timeouts = replace(PATIENT, idle=0.05)
        given = shared(tmp_path, scripted, 1, timeouts=timeouts)
        complaints: list[str] = []

        async def leave_idle() -> set[asyncio.Task[None]]:
            executor = LocalExecutor(lambda _, told: complaints.append(told))
            order = Wiring(given, {}).order(given.requests[0])
            async with aclosing(executor.submit(order)) as taken:
                async for _ in taken:
                    pass
            async with asyncio.timeout(60):
                while not scripted.seen.releases:  # noqa: ASYNC110 - the peer's doing
                    await asyncio.sleep(0.01)
            await executor.close()
            return asyncio.all_tasks() - {asyncio.current_task()}

        assert asyncio.run(leave_idle()) == set()
        assert complaints == []
