"""`run.retry` and `run.deadline` at scripted peers: what is asked again, and what ends.

Pauses are a few milliseconds; nothing here depends on how long they take.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchfind.capture.records import Verdict
from batchfind.execution.progress import Event, RequestRetried, RequestStarted
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.job.model import PeerLimits, Publish, RetryPolicy
from batchfind.plan.model import Plan, Request
from tests.execution.conftest import Ask, Asked
from tests.execution.plans import (
    output,
    peer,
    plan,
    request,
    with_real_keys,
)
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, ScriptedPeer, Step
from tests.peers.scripted import Request as Seen

SOON = RetryPolicy(attempts=3, backoff=0.01, max_backoff=0.02)
LATE = RetryPolicy(attempts=3, backoff=3600.0, max_backoff=3600.0)
BUSY = {"result": 2, "source": 3, "reason": 2}


def asking(
    folder: Path,
    scripted: ScriptedPeer,
    count: int = 1,
    retry: RetryPolicy = SOON,
    **limits: Any,
) -> Plan:
    requests = [request(f"0.{number}", "pacs") for number in range(count)]
    pacs = peer("pacs", scripted.port, limits=PeerLimits(**limits))
    return plan(folder, [pacs], requests, policy={"retry": retry})


def first(count: int, *early: Step, late: Step | None = None) -> list[Step]:
    """The first connections fare otherwise than those after them."""
    then = late or steps.accept()

    async def step(talk: Conversation) -> None:
        for each in early if talk.seen.connections <= count else (then,):
            await each(talk)

    return [step]


def retried(asked: Asked) -> list[RequestRetried]:
    return [each for each in asked.events if isinstance(each, RequestRetried)]


class TestCausesThatMayPass:
    @pytest.mark.parametrize(
        ("script", "code"),
        [
            ([steps.abort()], "peer-abort"),
            ([steps.matches(3), steps.abort()], "peer-abort"),
            ([steps.close()], "peer-closed"),
            ([steps.matches(3), steps.reset()], "peer-reset"),
            ([steps.final(0xC001)], "status-c001"),
            ([steps.matches(2), steps.final(0x0110)], "status-0110"),
            ([steps.final(0xA700)], "status-a700"),
        ],
    )
    def test_are_asked_again_and_only_the_last_answer_counts(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        script: Sequence[Step],
        code: str,
    ) -> None:
        good = [steps.matches(3), steps.final()]
        scripted = scripted_peer(script=steps.in_turn(script, good))
        asked = ask(asking(tmp_path, scripted))
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert (verdict.responses, verdict.attempts) == (3, 2)
        (event,) = retried(asked)
        assert event.cause.code == code
        assert 0.0 <= event.seconds <= 0.02
        started = [one for one in asked.events if isinstance(one, RequestStarted)]
        assert len(started) == 2

    @pytest.mark.parametrize(
        "early", [[steps.reset()], [steps.close()], [steps.reject(**BUSY)]]
    )
    def test_count_before_an_association_stands(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        early: Sequence[Step],
    ) -> None:
        scripted = scripted_peer(
            steps.matches(1), steps.final(), on_connect=first(2, *early)
        )
        verdict = ask(asking(tmp_path, scripted)).verdicts["0.0"]
        assert verdict.verdict is Verdict.COMPLETE
        assert verdict.attempts == 3

    def test_end_with_the_last_attempt(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.abort())
        asked = ask(asking(tmp_path, scripted))
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.FAILED
        assert verdict.attempts == 3
        assert len(scripted.seen.requests) == 3
        assert len(retried(asked)) == 2

    def test_of_a_broken_answer_end_when_the_count_repeats(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(40), steps.abort())
        verdict = ask(asking(tmp_path, scripted)).verdicts["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert (verdict.responses, verdict.attempts) == (40, 2)

    def test_of_a_broken_answer_is_a_cap_when_the_count_repeats(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        broken = [steps.matches(3), steps.abort()]
        scripted = scripted_peer(script=steps.in_turn(broken, broken))
        given = with_real_keys(asking(tmp_path, scripted))
        options = RunOptions(job_text="version: 1\n")
        (report,) = asyncio.run(run_plan(given, options)).requests
        assert report.attempts == 2
        assert report.verdict is Verdict.PARTIAL
        assert report.cause is not None
        assert report.cause.code == "abort-at-n"
        assert "window.split: adaptive" in report.cause.hint


class TestManyRequests:
    @settings(
        deadline=None,
        max_examples=8,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=25),
        st.integers(1, 4),
    )
    def test_each_has_its_own_count(
        self,
        tmp_path: Path,
        ask: Ask,
        faults: list[tuple[int, bool]],
        associations: int,
    ) -> None:
        """Failing so often, by A-ABORT or else by a status worth a single retry."""
        met: Counter[int] = Counter()

        def script(asked: Seen) -> Sequence[Step]:
            patient = next(one for one in asked.elements if one.tag == 0x0010_0020)
            number = int(patient.value.strip().rpartition(b".")[2])
            met[number] += 1
            times, aborts = faults[number]
            if met[number] > times:
                return [steps.matches(2), steps.final()]
            return [steps.abort() if aborts else steps.final(0xC001)]

        with ScriptedPeer(script=script) as scripted:
            job = asking(tmp_path, scripted, len(faults), associations=associations)
            verdicts = ask(job).verdicts
        for number, (times, aborts) in enumerate(faults):
            most = 3 if aborts else 2
            verdict = verdicts[f"0.{number}"]
            assert verdict.attempts == min(times + 1, most) == met[number]
            whole = Verdict.COMPLETE if times < most else Verdict.FAILED
            assert verdict.verdict is whole


class TestCausesThatNeverPass:
    @pytest.mark.parametrize(
        "script",
        [
            [steps.final(0xA900)],
            [steps.matches(3), steps.final(0xA700)],
            [steps.matches(1), steps.matches(1, wrong_ids=True)],
            [steps.final(0xB000)],
        ],
    )
    def test_are_asked_once(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        script: Sequence[Step],
    ) -> None:
        scripted = scripted_peer(*script)
        asked = ask(asking(tmp_path, scripted))
        assert asked.verdicts["0.0"].attempts == 1
        assert not retried(asked)

    def test_open_the_circuit_for_good(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(on_connect=[steps.reject()])
        asked = ask(asking(tmp_path, scripted, 9, LATE, associations=1))
        found = [asked.verdicts[f"0.{number}"].verdict for number in range(9)]
        assert found == [Verdict.FAILED] * 5 + [Verdict.SKIPPED] * 4
        assert scripted.seen.connections == 5


class TestWaiting:
    def test_lets_others_go_on_at_the_same_peer(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        good = [steps.matches(1), steps.final()]
        scripted = scripted_peer(script=steps.in_turn([steps.abort()], good))
        ended: list[str] = []

        def last(event: Event) -> bool:
            name = getattr(getattr(event, "verdict", None), "request", "")
            ended.extend([name] if name else [])
            return len(ended) == 4

        given = asking(tmp_path, scripted, 5, LATE, associations=1)
        asked = ask(given, stop_when=last)
        complete = [f"0.{number}" for number in range(1, 5)]
        assert ended[:4] == complete
        assert asked.verdicts["0.0"].verdict is Verdict.FAILED
        assert asked.verdicts["0.0"].attempts == 1

    def test_ends_with_the_run_and_keeps_its_own_cause(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(3), steps.abort())
        given = asking(tmp_path, scripted, 1, LATE)
        asked = ask(given, stop_when=lambda one: isinstance(one, RequestRetried))
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "peer-abort"
        assert scripted.seen.open == 0

    def test_keeps_repetitions_in_order(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        good = [steps.matches(1), steps.final()]
        script = steps.in_turn(good, [steps.abort()], good)
        scripted = scripted_peer(script=script)
        requests: list[Request] = [
            request(f"0.{at}", "pacs", repetition=at) for at in range(4)
        ]
        pacs = peer("pacs", scripted.port)
        asked = ask(plan(tmp_path, [pacs], requests, policy={"retry": SOON}))
        assert {one.verdict for one in asked.verdicts.values()} == {Verdict.COMPLETE}
        order = [
            next(one.value for one in each.elements if one.tag == 0x0010_0020).strip()
            for each in scripted.seen.requests
        ]
        assert order == [b"R0.0", b"R0.1", b"R0.1", b"R0.2", b"R0.3"]

    def test_of_a_repetition_left_over_is_not_another_peers_affair(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """As a resumed run finds them, whose first repetitions were answered."""
        dead = scripted_peer(on_connect=[steps.reset()])
        alive = scripted_peer(steps.matches(1), steps.final())
        requests = [
            request("0.0", "alive"),
            *(request(f"1.{n}", "dead", repetition=1) for n in range(9)),
            *(request(f"2.{n}", "alive") for n in range(3)),
        ]
        peers = [peer("dead", dead.port), peer("alive", alive.port)]
        asked = ask(plan(tmp_path, peers, requests, policy={"retry": SOON}))
        well = [asked.verdicts[id_] for id_ in ("0.0", "2.0", "2.1", "2.2")]
        assert {one.verdict for one in well} == {Verdict.COMPLETE}


class TestBusyPeers:
    def test_are_asked_less_at_once_and_lose_nothing(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        rejected: list[int] = []

        async def bears_two(talk: Conversation) -> None:
            asked = await talk.read_association()
            if asked is None:
                return
            if talk.seen.open < 2:
                talk.established()
                await talk.send(pdu.associate_ac(asked))
            else:
                rejected.append(talk.number)
                await talk.send(pdu.associate_rj(*BUSY.values()))
                talk.writer.close()

        scripted = scripted_peer(
            *(steps.delay(0.02), steps.matches(1), steps.final()),
            on_connect=[bears_two],
        )
        asked = ask(asking(tmp_path, scripted, 40, associations=6))
        assert {one.verdict for one in asked.verdicts.values()} == {Verdict.COMPLETE}
        # One burst at the beginning; nobody knocks again for thirty seconds.
        assert len(rejected) <= 4
        assert scripted.seen.simultaneous <= 2


class TestCircuit:
    def test_lets_all_through_when_a_probe_gets_through(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(
            *(steps.matches(1), steps.final()), on_connect=first(6, steps.reset())
        )
        asked = ask(asking(tmp_path, scripted, 20, associations=2))
        assert {one.verdict for one in asked.verdicts.values()} == {Verdict.COMPLETE}

    def test_skips_the_rest_after_two_probes(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(on_connect=[steps.reset()])
        asked = ask(asking(tmp_path, scripted, 30, associations=1))
        assert scripted.seen.connections == 7
        found = [one.verdict for one in asked.verdicts.values()]
        assert set(found) == {Verdict.FAILED, Verdict.SKIPPED}
        skipped = [one for one in asked.verdicts.values() if not one.attempts]
        assert {one.cause.code for one in skipped if one.cause} == {"circuit"}
        tried = [one for one in asked.verdicts.values() if one.attempts]
        assert {one.verdict for one in tried} == {Verdict.FAILED}
        assert sum(one.attempts for one in tried) == 7

    def test_ends_with_the_run(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(on_connect=[steps.reset()])
        told: list[Event] = []

        def fifth(event: Event) -> bool:
            told.extend([event] if isinstance(event, RequestRetried) else [])
            return len(told) == 5

        given = asking(tmp_path, scripted, 9, LATE, associations=1)
        asked = ask(given, stop_when=fifth)
        found = [asked.verdicts[f"0.{number}"].verdict for number in range(9)]
        assert found == [Verdict.FAILED] * 5 + [Verdict.SKIPPED] * 4
        last = asked.verdicts["0.8"].cause
        assert last is not None
        assert last.code == "interrupted"

    def test_of_one_peer_does_not_hold_up_another(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        dead = scripted_peer(on_connect=[steps.reset()])
        alive = scripted_peer(steps.matches(1), steps.final())
        requests = [request(f"0.{number}", "dead") for number in range(9)]
        requests += [request(f"1.{number}", "alive") for number in range(9)]
        peers = [peer("dead", dead.port), peer("alive", alive.port)]
        policy = {"retry": SOON, "concurrency": 1}
        asked = ask(plan(tmp_path, peers, requests, policy=policy))
        found = {asked.verdicts[f"1.{number}"].verdict for number in range(9)}
        assert found == {Verdict.COMPLETE}


class TestDeadline:
    """What came is kept and published as the job says; the exit code is 1."""

    @staticmethod
    def given(folder: Path, scripted: ScriptedPeer, **policy: Any) -> Plan:
        requests = [request(f"0.{number}", "pacs") for number in range(3)]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=1))
        outputs = [
            output(folder / "all.csv", requests),
            output(folder / "always.csv", requests, publish=Publish.ALWAYS),
        ]
        return with_real_keys(plan(folder, [pacs], requests, outputs, policy))

    @staticmethod
    def run(given: Plan) -> RunResult:
        return asyncio.run(run_plan(given, RunOptions(job_text="version: 1\n")))

    def test_ends_what_is_under_way_and_skips_the_rest(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        good = [steps.matches(1), steps.final()]
        stuck = [steps.matches(2), steps.until_cancelled(), steps.final(0xFE00)]
        scripted = scripted_peer(script=steps.in_turn(good, stuck, good))
        result = self.run(self.given(tmp_path, scripted, deadline=1.0))
        assert result.exit_code is ExitCode.INCOMPLETE
        assert [one.verdict for one in result.requests] == [
            *(Verdict.COMPLETE, Verdict.PARTIAL, Verdict.SKIPPED)
        ]
        causes = [one.cause.code if one.cause else "" for one in result.requests]
        assert causes == ["", "deadline", "deadline"]
        assert len(scripted.seen.cancels) == 1
        assert [one.published for one in result.outputs] == [False, True]
        assert result.outputs[1].rows == 3

    def test_ends_a_pause_at_once_and_resume_asks_the_rest(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        good = [steps.matches(1), steps.final()]
        script = steps.in_turn([steps.abort()], good)
        scripted = scripted_peer(script=script)
        result = self.run(self.given(tmp_path, scripted, retry=LATE, deadline=1.0))
        assert result.exit_code is ExitCode.INCOMPLETE
        verdicts = [one.verdict for one in result.requests]
        assert verdicts == [Verdict.FAILED, Verdict.COMPLETE, Verdict.COMPLETE]
        resumed = asyncio.run(resume_run(result.run_dir))
        assert resumed.exit_code is ExitCode.OK

    def test_does_not_matter_when_all_is_asked_before(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(1), steps.final())
        result = self.run(self.given(tmp_path, scripted, deadline=3600.0))
        assert result.exit_code is ExitCode.OK
