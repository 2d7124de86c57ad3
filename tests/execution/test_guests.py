"""`limits.rate` and `limits.group`, at peers that count and time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchfind.capture.records import Verdict
from batchfind.execution.progress import (
    Event,
    PeerTrouble,
    RequestEnded,
)
from batchfind.job.units import Rate
from tests.execution.conftest import Ask
from tests.execution.guests import (
    AGAIN,
    QUICK,
    Timed,
    asking,
    at,
    evenly,
    verdicts,
)
from tests.execution.plans import plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Seen
from tests.peers.scripted import Step


class TestTheRate:
    def test_sets_c_finds_apart_on_all_associations_together(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        timed = Timed(scripted_peer)
        pacs = at(timed.peer, rate=QUICK, associations=4)
        asked = ask(asking(tmp_path, [pacs], 8))
        assert verdicts(asked) == {Verdict.COMPLETE}
        assert len(timed.times) == 8
        assert evenly(timed.gaps(), QUICK.interval)

    def test_is_kept_when_associations_are_slow_to_open(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """All open at about the same time, long after they were asked for."""
        timed = Timed(scripted_peer, on_connect=[steps.delay(0.2), steps.accept()])
        pacs = at(timed.peer, rate=QUICK, associations=4)
        asked = ask(asking(tmp_path, [pacs], 8))
        assert verdicts(asked) == {Verdict.COMPLETE}
        assert evenly(timed.gaps(), QUICK.interval)

    def test_is_that_of_the_slowest_alias_of_a_group(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        timed = Timed(scripted_peer)
        peers = [at(timed.peer), at(timed.peer, "archive", rate=QUICK)]
        ask(asking(tmp_path, peers, 4))
        assert len(timed.times) == 8
        assert evenly(timed.gaps(), QUICK.interval)

    def test_counts_what_is_asked_again(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        timed = Timed(scripted_peer, steps.abort())
        pacs = at(timed.peer, rate=QUICK)
        asked = ask(asking(tmp_path, [pacs], 2, retry=AGAIN))
        assert verdicts(asked) == {Verdict.FAILED}
        assert len(timed.times) == 6
        assert evenly(timed.gaps(), QUICK.interval)

    def test_counts_repetitions(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        timed = Timed(scripted_peer)
        requests = [request(f"0.{at}", "pacs", repetition=at) for at in range(4)]
        ask(plan(tmp_path, [at(timed.peer, rate=QUICK)], requests))
        assert len(timed.times) == 4
        assert evenly(timed.gaps(), QUICK.interval)

    def test_does_not_count_associations_that_come_to_nothing(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        rejecting = scripted_peer(on_connect=[steps.reject(2, 3, 2)])
        pacs = at(rejecting, rate=Rate(1, "h"))
        asked = ask(asking(tmp_path, [pacs], 1, retry=AGAIN))
        assert asked.verdicts["0.0"].attempts == 3

    def test_holds_no_other_group_up(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        """With one place for all, and one request of the slow peer that never comes."""
        slow, quick = Timed(scripted_peer), Timed(scripted_peer)
        peers = [at(slow.peer, "slow", rate=Rate(1, "h")), at(quick.peer, "quick")]
        given = asking(tmp_path, peers, 5, concurrency=1)
        ended: list[str] = []

        def all_but_the_slow(event: Event) -> bool:
            if isinstance(event, RequestEnded):
                ended.append(event.peer)
            return len(ended) == 6

        asked = ask(given, all_but_the_slow)
        assert sorted(ended[:6]) == ["quick"] * 5 + ["slow"]
        codes = [one.cause.code for one in asked.verdicts.values() if one.cause]
        assert codes == ["interrupted"] * 4
        assert len(slow.times) == 1


class TestAGroup:
    """Peers that name the same `limits.group` are one machine."""

    def test_bears_the_least_that_one_of_its_hosts_does(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        counts: list[int] = []

        def count(_: Seen) -> Sequence[Step]:
            counts.append(sum(one.seen.open for one in hosts))
            return [steps.delay(0.02), steps.final()]

        hosts = [scripted_peer(script=count) for _ in range(3)]
        peers = [
            at(one, f"p{number}", group="vna", associations=2 + 3 * number)
            for number, one in enumerate(hosts)
        ]
        asked = ask(asking(tmp_path, peers, 8))
        assert verdicts(asked) == {Verdict.COMPLETE}
        assert len(counts) == 24
        assert max(counts) <= 2

    def test_shares_associations_between_aliases(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final())
        peers = [at(scripted, f"p{number}", associations=1) for number in range(3)]
        asked = ask(asking(tmp_path, peers, 4))
        assert verdicts(asked) == {Verdict.COMPLETE}
        assert scripted.seen.simultaneous == 1
        assert len(scripted.seen.associations) == 1

    def test_of_its_own_makes_two_of_one_address(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.delay(0.1), steps.final())
        peers = [
            at(scripted, name, group=name, associations=1) for name in ("west", "east")
        ]
        ask(asking(tmp_path, peers, 3))
        assert scripted.seen.simultaneous == 2

    def test_has_one_circuit(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        closing = scripted_peer(on_connect=[steps.close()])
        well = scripted_peer(steps.final())
        peers = [at(closing, "bad", group="vna"), at(well, "well", group="vna")]
        requests = [request(f"0.{number}", "bad") for number in range(12)]
        requests.append(request("1.0", "well"))
        asked = ask(plan(tmp_path, peers, requests))
        cause = asked.verdicts["1.0"].cause
        assert cause is not None
        assert cause.code == "circuit"
        assert any(isinstance(event, PeerTrouble) for event in asked.events)
