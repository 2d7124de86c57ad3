"""The limit of open files is never taken for a fault of a peer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.execution import local
from batchfind.execution.budget import Budget, descriptors_for_associations
from tests.execution.conftest import Ask
from tests.execution.plans import peer, plan, request
from tests.peers import steps
from tests.peers.plugin import StartPeer


class TestBudget:
    def test_ends_an_idle_association_before_it_makes_anyone_wait(self) -> None:
        async def run() -> int:
            idle = 1

            async def end_idle() -> bool:
                nonlocal idle
                if not idle:
                    return False
                idle -= 1
                budget.give_back()
                return True

            budget = Budget(1, end_idle)
            await budget.take()
            async with asyncio.timeout(60):
                await budget.take()
            return idle

        assert asyncio.run(run()) == 0

    def test_waits_for_one_in_use(self) -> None:
        async def run() -> bool:
            async def no_idle() -> bool:
                return False

            budget = Budget(1, no_idle)
            await budget.take()
            waiting = asyncio.create_task(budget.take())
            await asyncio.sleep(0)
            waited = not waiting.done()
            budget.give_back()
            async with asyncio.timeout(60):
                await waiting
            return waited

        assert asyncio.run(run())

    def test_leaves_descriptors_for_everything_else(self) -> None:
        assert descriptors_for_associations() >= 4


class TestManyPeers:
    def test_more_peers_than_descriptors_are_all_asked(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(local, "descriptors_for_associations", lambda: 2)
        scripted = [scripted_peer(steps.matches(1), steps.final()) for _ in range(6)]
        peers = [peer(f"p{n}", each.port) for n, each in enumerate(scripted)]
        requests = [request(f"0.{n}", f"p{n % 6}") for n in range(24)]
        asked = ask(plan(tmp_path, peers, requests))
        assert {each.verdict for each in asked.verdicts.values()} == {Verdict.COMPLETE}
        assert sum(each.seen.simultaneous for each in scripted) <= 12
