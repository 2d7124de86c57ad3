"""The part of a run that talks to peers, from the first association to the last."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from batchfind.capture.journal import Journal
from batchfind.capture.records import RequestVerdict
from batchfind.execution.audience import Audience
from batchfind.execution.credentials import Credentials
from batchfind.execution.demo_process import demo_peers
from batchfind.execution.growing import Grower
from batchfind.execution.hall import Hall
from batchfind.execution.local import LocalExecutor
from batchfind.execution.mishaps import Mishaps
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import PlaceAwaited
from batchfind.execution.scheduler import Scheduler
from batchfind.execution.wiring import Wiring
from batchfind.net.settings import Endpoint
from batchfind.plan.model import Plan, Request


class Asking:
    """Asks requests of one plan; their answers go to the journal.

    Attributes:
        problems: what went wrong beside the answers, one sentence each.
    """

    def __init__(
        self,
        plan: Plan,
        credentials: Credentials,
        journal: Journal,
        audience: Audience,
        interrupt: asyncio.Event,
        mishaps: Mishaps,
        grower: Grower | None = None,
    ) -> None:
        self.problems: tuple[str, ...] = ()
        self._plan = plan
        self._credentials = credentials
        self._journal = journal
        self._audience = audience
        self._interrupt = interrupt
        self._mishaps = mishaps
        self._grower = grower

    async def ask(self, requests: Sequence[Request]) -> Mapping[str, RequestVerdict]:
        """Provisional verdicts by request id, once every association has ended.

        Without requests there may still be some to make of earlier answers.

        Raises:
            StorageError: the capture could not be written.
        """
        if not requests and self._grower is None:
            return {}
        async with demo_peers(self._plan) as ports:
            wiring = Wiring(self._plan, ports)
            async with self._beside_other_runs(wiring) as hall:
                told = await self._ask_peers(requests, wiring, hall)
        self.problems += await asyncio.to_thread(self._credentials.write_seeds)
        return told

    async def _ask_peers(
        self, requests: Sequence[Request], wiring: Wiring, hall: Hall | None
    ) -> Mapping[str, RequestVerdict]:
        executor = LocalExecutor(self._complain, self._credentials, hall)
        scheduler = Scheduler(
            self._plan,
            wiring,
            executor,
            self._journal,
            self._audience.tell,
            self._audience.show,
            self._grower,
            self._mishaps,
        )
        watchers = [
            asyncio.create_task(watch(scheduler))
            for watch in (self._watch, self._watch_capture)
        ]
        deadline = self._deadline(scheduler)
        try:
            return await scheduler.run(requests)
        finally:
            if deadline is not None:
                deadline.cancel()
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            with self._mishaps.beside_while("ending associations"):
                await executor.close()

    @asynccontextmanager
    async def _beside_other_runs(self, wiring: Wiring) -> AsyncIterator[Hall | None]:
        """What is shared with other runs on this host; demo peers are not."""
        peers = self._plan.peers.values()
        shared = {wiring.group(peer) for peer in peers if peer.demo is None}
        if not shared:
            yield None
            return
        hall = await asyncio.to_thread(Hall, os.environ, shared, self._await_place)
        try:
            yield hall
        finally:
            self.problems += hall.problems
            hall.close()

    def _await_place(self, peer: str) -> None:
        self._audience.tell(PlaceAwaited(peer))

    def _deadline(self, scheduler: Scheduler) -> asyncio.TimerHandle | None:
        """Ends the asking when the job says so."""
        seconds = self._plan.policy.deadline
        if seconds is None:
            return None
        sentence = "run.deadline: cancelling what is under way"
        loop = asyncio.get_running_loop()
        return loop.call_later(seconds, scheduler.stop, Stop.DEADLINE, sentence)

    async def _watch(self, scheduler: Scheduler) -> None:
        await self._interrupt.wait()
        scheduler.stop(Stop.INTERRUPTED, "interrupted: cancelling what is under way")

    async def _watch_capture(self, scheduler: Scheduler) -> None:
        """Ends what is under way: a peer that pauses would be waited for in vain."""
        scheduler.stop(Stop.LIMIT, await self._journal.failed())

    def _complain(self, endpoint: Endpoint, sentence: str) -> None:
        self._journal.event("release", {"peer": str(endpoint), "problem": sentence})
