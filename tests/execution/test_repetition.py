"""`repeat`: on the same association or a new one, one start after another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from batchfind.capture.records import Verdict
from batchfind.execution.progress import Event, RequestEnded
from batchfind.job.model import PeerLimits
from batchfind.plan.model import Request
from tests.execution.conftest import Ask
from tests.execution.plans import peer, plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Seen
from tests.peers.scripted import Step


def repeated(
    number: int, times: int, every: float = 0.0, *, fresh: bool = False
) -> list[Request]:
    return [
        request(
            f"{number}.{at}",
            "pacs",
            repetition=at,
            not_before=at * every,
            fresh_association=fresh,
        )
        for at in range(times)
    ]


class TestAssociation:
    def test_is_the_same_for_all_repetitions(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(1), steps.final())
        requests = [each for number in range(4) for each in repeated(number, 3, 0.05)]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=4))
        asked = ask(plan(tmp_path, [pacs], requests))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        found: dict[bytes, set[int]] = {}
        for each in scripted.seen.requests:
            patient = next(one for one in each.elements if one.tag == 0x0010_0020)
            series = patient.value.partition(b".")[0]
            found.setdefault(series, set()).add(each.association)
        assert all(len(associations) == 1 for associations in found.values())
        assert scripted.seen.simultaneous <= 4

    def test_is_left_to_it_while_the_peer_bears_another(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        others = [request(f"{number}.0", "pacs") for number in range(1, 9)]
        requests = [*repeated(0, 2, 0.2), *others]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=2))
        ask(plan(tmp_path, [pacs], requests))
        first, second = (
            each.association
            for each in scripted.seen.requests
            if any(one.value.startswith(b"R0.") for one in each.elements)
        )
        assert first == second
        assert len(scripted.seen.associations) == 2

    def test_is_given_away_when_the_peer_bears_no_other(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        requests = [*repeated(0, 3), request("1.0", "pacs"), *repeated(2, 2)]
        pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=1))
        asked = ask(plan(tmp_path, [pacs], requests))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert len(scripted.seen.associations) == 1

    def test_is_a_new_one_each_time_if_the_job_says_so(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        requests = repeated(0, 3, fresh=True)
        ask(plan(tmp_path, [peer("pacs", scripted.port)], requests))
        assert [each.association for each in scripted.seen.requests] == [0, 1, 2]
        assert scripted.seen.releases == 3

    def test_ends_by_abort_each_time_if_the_peer_wants_that(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        pacs = peer("pacs", scripted.port, end="abort")
        asked = ask(plan(tmp_path, [pacs], repeated(0, 2, fresh=True)))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert (len(scripted.seen.associations), scripted.seen.releases) == (2, 0)


class TestInterval:
    def test_is_from_one_start_to_the_next(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        began: list[float] = []

        def answer(_: Seen) -> Sequence[Step]:
            began.append(time.monotonic())
            return [steps.final()]

        scripted = scripted_peer(script=answer)
        ask(plan(tmp_path, [peer("pacs", scripted.port)], repeated(0, 3, 0.3)))
        # What came earlier would be too early; later says nothing on a busy machine.
        assert began[2] - began[0] > 0.3

    def test_ends_with_the_run(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())

        def first_ended(event: Event) -> bool:
            return isinstance(event, RequestEnded)

        requests = repeated(0, 2, 3600.0)
        asked = ask(
            plan(tmp_path, [peer("pacs", scripted.port)], requests), first_ended
        )
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert asked.verdicts["0.1"].verdict is Verdict.SKIPPED
        assert scripted.seen.releases == 1
