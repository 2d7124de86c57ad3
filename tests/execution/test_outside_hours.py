"""`limits.hours` and `run.outside_hours`, by a clock that tests set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from batchfind.capture.records import Verdict
from batchfind.execution.exit_codes import exit_code_of, retryable
from batchfind.execution.progress import (
    Event,
    PeerWaits,
    RequestEnded,
    RequestRetried,
)
from batchfind.execution.results import ExitCode
from batchfind.job.units import Rate
from tests.execution.born import archive_of, uids
from tests.execution.conftest import Ask
from tests.execution.growing_run import run, splitting_plan
from tests.execution.guests import (
    AFTER,
    AGAIN,
    BEFORE,
    EVENING,
    OPENS,
    WAIT,
    Timed,
    asking,
    at,
    clock_of,
    ticking,
    verdicts,
)
from tests.execution.plans import plan, request
from tests.execution.simulation import window
from tests.peers import steps
from tests.peers.capped import Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Seen
from tests.peers.scripted import Step


class TestHours:
    def test_that_are_over_skip_requests(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        pacs = at(scripted, hours=EVENING)
        asked = ask(asking(tmp_path, [pacs], 3), clock=lambda: AFTER)
        assert verdicts(asked) == {Verdict.SKIPPED}
        cause = asked.verdicts["0.2"].cause
        assert cause is not None
        assert cause.code == "hours"
        assert cause.message == (
            "pacs: it may be asked Mon 20:00-22:00 Europe/Berlin only, and opens "
            "Mon 20:00"
        )
        assert scripted.seen.connections == 0

    def test_that_are_over_are_worth_coming_back_for(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pacs = at(scripted_peer(steps.final()), hours=EVENING)
        asked = ask(asking(tmp_path, [pacs], 1), clock=lambda: AFTER)
        code = exit_code_of(list(asked.verdicts.values()))
        assert code is ExitCode.INCOMPLETE
        assert retryable(code)

    def test_skip_without_waiting_for_the_rate(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pacs = at(scripted_peer(steps.final()), hours=EVENING, rate=Rate(1, "h"))
        asked = ask(asking(tmp_path, [pacs], 50), clock=lambda: AFTER)
        assert verdicts(asked) == {Verdict.SKIPPED}

    def test_that_end_let_what_is_under_way_end(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        now = [OPENS]

        def answer(_: Seen) -> Sequence[Step]:
            now[0] = AFTER
            return [steps.matches(2), steps.delay(0.05), steps.final()]

        scripted = scripted_peer(script=answer)
        pacs = at(scripted, hours=EVENING, associations=1)
        asked = ask(asking(tmp_path, [pacs], 3), clock=lambda: now[0])
        told = [asked.verdicts[f"0.{number}"].verdict for number in range(3)]
        assert told == [Verdict.COMPLETE, Verdict.SKIPPED, Verdict.SKIPPED]
        assert len(scripted.seen.requests) == 1

    def test_that_end_before_a_retry_leave_the_failure(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        now = [OPENS]

        def answer(_: Seen) -> Sequence[Step]:
            now[0] = AFTER
            return [steps.abort()]

        scripted = scripted_peer(script=answer)
        pacs = at(scripted, hours=EVENING)
        asked = ask(asking(tmp_path, [pacs], 1, retry=AGAIN), clock=lambda: now[0])
        assert any(isinstance(event, RequestRetried) for event in asked.events)
        verdict = asked.verdicts["0.0"]
        assert (verdict.verdict, verdict.attempts) == (Verdict.FAILED, 1)
        assert verdict.cause is not None
        assert verdict.cause.code == "peer-abort"

    def test_that_end_amid_a_split_leave_its_answer_partial(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        archive = archive_of(1, 200, cap=50, style=Style.OUT_OF_RESOURCES)
        now = [OPENS]

        def answer(asked: Seen) -> Sequence[Step]:
            now[0] = AFTER if asked.number == 3 else OPENS
            return archive.answer(asked)

        scripted = scripted_peer(script=answer)
        root = window("20240101", "20240109")
        given = splitting_plan(tmp_path, scripted.port, [root], associations=1)
        limits = replace(given.peers["pacs"].limits, hours=EVENING)
        pacs = replace(given.peers["pacs"], limits=limits)
        path = tmp_path / "run.db"
        found = run(replace(given, peers={"pacs": pacs}), path, clock=lambda: now[0])
        assert len(scripted.seen.requests) == 4
        skipped = {one.cause.code for one in found.verdicts.values() if one.cause}
        assert "hours" in skipped
        assert found.judged["0.0"].verdict is Verdict.PARTIAL
        again = run(replace(given, peers={"pacs": pacs}), path, clock=lambda: OPENS)
        assert again.judged["0.0"].verdict is Verdict.COMPLETE
        assert again.uids == uids(archive)

    def test_are_of_one_group_and_no_other(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        closed, other = scripted_peer(steps.final()), scripted_peer(steps.final())
        peers = [at(closed, "closed", hours=EVENING), at(other, "other")]
        asked = ask(asking(tmp_path, peers, 2), clock=lambda: AFTER)
        assert len(other.seen.requests) == 2
        assert closed.seen.connections == 0
        assert [one.verdict for one in asked.verdicts.values()].count(
            Verdict.SKIPPED
        ) == 2


class TestOutsideHours:
    """With `run.outside_hours: wait`."""

    def test_requests_wait_until_the_peer_opens(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        pacs = at(scripted, hours=EVENING)
        clock = ticking(OPENS - timedelta(seconds=0.3))
        asked = ask(asking(tmp_path, [pacs], 4, **WAIT), clock=clock)
        assert verdicts(asked) == {Verdict.COMPLETE}
        told = [event for event in asked.events if isinstance(event, PeerWaits)]
        assert [(one.peer, one.until) for one in told] == [("pacs", OPENS)]

    def test_a_clock_that_is_put_forward_ends_the_wait(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """By a fraction of a second each time it is read, as far as a test can wait."""
        scripted = scripted_peer(steps.final())
        steps_of = [OPENS - timedelta(seconds=0.02 * left) for left in range(9, -1, -1)]
        pacs = at(scripted, hours=EVENING)
        given = asking(tmp_path, [pacs], 1, **WAIT)
        asked = ask(given, clock=clock_of(*steps_of))
        assert verdicts(asked) == {Verdict.COMPLETE}

    def test_idle_associations_are_released_meanwhile(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        now, left = [OPENS], []

        def answer(_: Seen) -> Sequence[Step]:
            now[0] = AFTER
            return [steps.final()]

        closing = scripted_peer(script=answer)
        other = scripted_peer(steps.delay(0.3), steps.final())

        def other_ended(event: Event) -> bool:
            if isinstance(event, RequestEnded) and event.peer == "other":
                left.append(closing.seen.open)
            return bool(left)

        peers = [
            at(closing, "closing", hours=EVENING, associations=1),
            at(other, "other"),
        ]
        requests = [request("0.0", "closing"), request("0.1", "closing")]
        requests.append(request("1.0", "other"))
        given = plan(tmp_path, peers, requests, policy=WAIT | {"concurrency": 2})
        ask(given, other_ended, clock=lambda: now[0])
        assert left == [0]
        assert closing.seen.releases >= 1

    def test_no_place_is_held_that_another_peer_could_have(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        closed, other = scripted_peer(steps.final()), scripted_peer(steps.final())
        peers = [at(closed, "closed", hours=EVENING), at(other, "other")]
        given = asking(tmp_path, peers, 4, concurrency=1, **WAIT)
        ended: list[str] = []

        def all_others(event: Event) -> bool:
            if isinstance(event, RequestEnded):
                ended.append(event.peer)
            return len(ended) == 4

        ask(given, all_others, clock=lambda: BEFORE)
        assert ended[:4] == ["other"] * 4
        assert closed.seen.connections == 0

    def test_a_retry_waits_as_well(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        now = [OPENS]

        def answer(_: Seen) -> Sequence[Step]:
            now[0] = AFTER
            return [steps.abort()]

        scripted = scripted_peer(script=answer)
        pacs = at(scripted, hours=EVENING)
        given = asking(tmp_path, [pacs], 1, retry=AGAIN, **WAIT)
        asked = ask(
            given, lambda event: isinstance(event, PeerWaits), clock=lambda: now[0]
        )
        assert len(scripted.seen.requests) == 1
        assert any(isinstance(event, RequestRetried) for event in asked.events)

    def test_repetitions_keep_their_distance_from_the_first(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        timed = Timed(scripted_peer)
        requests = [
            request(f"0.{at}", "pacs", repetition=at, not_before=0.2 * at)
            for at in range(2)
        ]
        given = plan(tmp_path, [at(timed.peer, hours=EVENING)], requests, policy=WAIT)
        ask(given, clock=ticking(OPENS - timedelta(seconds=0.5)))
        assert timed.gaps()[0] > 0.15
