"""Asks every request: concurrently, within what each peer bears, losing nothing.

A peer's workers take requests from its line, one for each request that may be in
flight there; a slow or dead peer therefore never holds up another. How many fit on
one association is known once the first is accepted: then more workers join. What
comes back goes to the journal at once. A request is reported only when its ending is
durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace

from batchfind.capture.journal import Journal
from batchfind.capture.records import RequestVerdict, StoredAttempt, Verdict
from batchfind.errors import StorageError
from batchfind.execution.executor import Associated, Executor, Order
from batchfind.execution.growing import Grower
from batchfind.execution.nursery import Nursery
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import (
    Event,
    PeerTrouble,
    Received,
    RequestEnded,
    RequestSplit,
    RequestStarted,
    Stopping,
)
from batchfind.execution.queues import Chain, Line, Lines
from batchfind.execution.recording import Recorder, Recording
from batchfind.execution.refusals import refusal
from batchfind.execution.verdicts import judge
from batchfind.execution.wiring import Wiring
from batchfind.plan.model import Origin, Plan, Request

_FAILURES = (Verdict.FAILED, Verdict.PARTIAL)


class Scheduler:
    """One execution of the requests of a plan."""

    def __init__(
        self,
        plan: Plan,
        wiring: Wiring,
        executor: Executor,
        journal: Journal,
        tell: Callable[[Event], None],
        show: Callable[[Received], Awaitable[None]] | None = None,
        grower: Grower | None = None,
    ) -> None:
        """With everybody who takes part.

        Args:
            plan: whose requests are asked.
            wiring: makes orders of them.
            executor: carries orders out.
            journal: keeps what is asked and answered.
            tell: observers.
            show: is shown every response, or None.
            grower: decides which requests are born meanwhile; None for a plan that
                has none.
        """
        self._plan = plan
        self._wiring = wiring
        self._executor = executor
        self._recorder = Recorder(journal, tell, show)
        self._tell = tell
        self._slots = asyncio.Semaphore(plan.policy.concurrency)
        self._stop: Stop | None = None
        self._stopped = asyncio.Event()
        self._failure: StorageError | None = None
        self._verdicts: dict[str, RequestVerdict] = {}
        self._durable: set[asyncio.Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines = Lines(plan, wiring)
        self._nursery: Nursery | None = None
        if grower is not None:
            self._nursery = Nursery(
                grower, journal, tell, self._enqueue, lambda: self._stop is not None
            )

    async def run(self, requests: Iterable[Request]) -> dict[str, RequestVerdict]:
        """Asks the requests, and those born of their answers.

        Returns:
            Provisional verdicts by request id.

        Raises:
            StorageError: the capture could not be written. Everything under way was
                cancelled first; what was durable stays.
        """
        asked = tuple(requests)
        if self._nursery is None:
            self._enqueue(asked)
        else:
            self._enqueue(self._nursery.expect(asked))
            self._spawn(self._catch_up(self._nursery, asked))
        try:
            while self._tasks:
                done, _ = await asyncio.wait(
                    self._tasks, return_when=asyncio.FIRST_COMPLETED
                )
                self._tasks -= done
                for task in done:
                    task.result()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._durable, return_exceptions=True)
        if self._failure is not None:
            raise self._failure
        return self._verdicts

    def stop(self, reason: Stop, sentence: str) -> None:
        """Asks nothing more, and ends what is under way unless only STOPPED."""
        if self._stop is not None:
            return
        self._stop = reason
        self._stopped.set()
        self._tell(Stopping(sentence))
        if reason is not Stop.STOPPED:
            self._executor.stop(reason)

    def _enqueue(self, requests: Iterable[Request]) -> None:
        """Puts requests into the lines of their peers, and has them worked on."""
        for line in self._lines.put(requests):
            self._employ(line)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def _employ(self, line: Line) -> None:
        """Starts the workers that a line lacks."""
        for _ in range(line.wanted):
            line.workers += 1
            self._spawn(self._work(line))

    def _widen(self, line: Line, operations: int) -> None:
        """An association bears so many requests: more workers may find room."""
        if operations > line.operations:
            line.operations = operations
            self._employ(line)

    async def _work(self, line: Line) -> None:
        while line.chains:
            await self._chain(line, line.chains.popleft())
        line.workers -= 1
        await self._leave(line)

    async def _leave(self, line: Line) -> None:
        """Ends associations nobody comes back to, now that there is less to do."""
        if not line.awaited:
            over = not line.workers
            await self._executor.settle(line.host, line.port, over=over)

    async def _chain(self, line: Line, chain: Chain) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for request in chain:
            if request.origin is not Origin.SPLIT:
                await self._pause(begun + request.not_before - loop.time())
            async with self._slots:
                verdict = refusal(request, line, self._stop)
                if verdict is not None:
                    self._report(request, verdict)
                    self._pass_over(line, request)
                else:
                    series = chain[0].id if len(chain) > 1 else ""
                    await self._ask(line, request, series)

    async def _pause(self, seconds: float) -> None:
        """Waits for the start of a repetition, or for the end of the run."""
        if seconds <= 0 or self._stop is not None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _ask(self, line: Line, request: Request, series: str) -> None:
        self._tell(RequestStarted(request.id, request.query, request.peer))
        order = self._wiring.order(request)
        if series:
            order = replace(order, series=series)
        tries: list[StoredAttempt] = []
        try:
            while not await self._try(line, order, request, tries):
                order = replace(order, alone=True)
        except StorageError as error:
            self._fail(error)
            return
        ending = tries[-1].ending
        reached = tries[-1].facts is not None
        if self._stop is None:
            line.note(reached=reached)
        if ending is not None and not reached and ending.cause is not None:
            self._tell(PeerTrouble(request.peer, ending.cause))

    async def _try(
        self, line: Line, order: Order, request: Request, tries: list[StoredAttempt]
    ) -> bool:
        """Asks once; False when another request spoilt it, and it is to be repeated."""
        recording = Recording(self._recorder, request)
        async with aclosing(self._executor.submit(order)) as steps:
            async for step in steps:
                if isinstance(step, Associated):
                    self._widen(line, step.operations)
                else:
                    await recording.add(step)
        again = recording.disturbed and not order.alone and self._stop is None
        if again and not recording.begun:
            return False
        attempt, durable = recording.close(len(tries) + 1)
        tries.append(attempt)
        nursery = self._nursery
        again = again or (nursery is not None and nursery.again(request, tries))
        if again or nursery is None or not nursery.watches(request):
            self._report_when(durable, request, None if again else tries)
        else:
            line.awaited += 1
            self._spawn(self._settle(nursery, line, request, tries, durable))
        return not again

    async def _settle(
        self,
        nursery: Nursery,
        line: Line,
        request: Request,
        tries: list[StoredAttempt],
        durable: asyncio.Future[None],
    ) -> None:
        """Reports a request, or what it is cut into, once its answer is durable."""
        verdict = judge(request, self._plan.peers[request.peer], tries)
        try:
            await durable
            splits = await nursery.ended(request, tries)
            self._report_cut(splits)
            if all(one.request != request.id for one in splits):
                self._heed(verdict)
                self._report(request, verdict)
            await nursery.follow()
        except StorageError as error:
            self._fail(error)
        finally:
            line.awaited -= 1
        if not line.workers:
            await self._leave(line)

    async def _catch_up(self, nursery: Nursery, requests: Sequence[Request]) -> None:
        """Cuts what an earlier execution left to be cut, and goes on from there."""
        try:
            self._report_cut(await nursery.catch_up(requests))
        except StorageError as error:
            self._fail(error)

    def _pass_over(self, line: Line, request: Request) -> None:
        """Others do not wait for a request that is not asked."""
        nursery = self._nursery
        if nursery is not None and nursery.watches(request) and self._stop is None:
            nursery.skipped(request)
            line.awaited += 1
            self._spawn(self._follow(nursery, line))

    async def _follow(self, nursery: Nursery, line: Line) -> None:
        try:
            await nursery.follow()
        except StorageError as error:
            self._fail(error)
        finally:
            line.awaited -= 1
        if not line.workers:
            await self._leave(line)

    def _report_cut(self, splits: Iterable[RequestSplit]) -> None:
        for split in splits:
            self._verdicts[split.request] = RequestVerdict(
                request=split.request, verdict=Verdict.SPLIT, pieces=split.pieces
            )

    def _report_when(
        self,
        durable: asyncio.Future[None],
        request: Request,
        tries: list[StoredAttempt] | None,
    ) -> None:
        """A request is reported once no crash can take its answer back."""
        verdict: RequestVerdict | None = None
        if tries is not None:
            verdict = judge(request, self._plan.peers[request.peer], tries)
            self._heed(verdict)

        def report(done: asyncio.Future[None]) -> None:
            self._durable.discard(done)
            error = None if done.cancelled() else done.exception()
            if isinstance(error, StorageError):
                self._fail(error)
                return
            if verdict is not None:
                self._report(request, verdict)

        self._durable.add(durable)
        durable.add_done_callback(report)

    def _report(self, request: Request, verdict: RequestVerdict) -> None:
        self._verdicts[request.id] = verdict
        self._tell(RequestEnded(request.query, request.peer, verdict))

    def _heed(self, verdict: RequestVerdict) -> None:
        """Asks nothing more after a failure, where the job says so."""
        stopping = self._plan.policy.stop_on_failure and self._stop is None
        if stopping and verdict.verdict in _FAILURES:
            self.stop(Stop.STOPPED, f"request {verdict.request} is {verdict.verdict}")

    def _fail(self, error: StorageError) -> None:
        """The capture cannot be written: asking on would lose answers."""
        if self._failure is None:
            self._failure = error
            self.stop(Stop.LIMIT, str(error))
