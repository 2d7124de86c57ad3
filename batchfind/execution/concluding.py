"""What becomes of a request that has ended: its verdict, and others born of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

from batchfind.capture.records import RequestVerdict, StoredAttempt, Verdict
from batchfind.errors import StorageError
from batchfind.execution.halt import Halt
from batchfind.execution.nursery import Nursery
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import Event, RequestEnded, RequestSplit
from batchfind.execution.queues import Line
from batchfind.execution.verdicts import judge
from batchfind.plan.model import Plan, Request

_FAILURES = (Verdict.FAILED, Verdict.PARTIAL)


class Concluding:
    """Reports requests once no crash can take their answers back.

    Attributes:
        verdicts: provisional ones, by request id.
    """

    def __init__(
        self,
        plan: Plan,
        tell: Callable[[Event], None],
        halt: Halt,
        nursery: Nursery | None,
        spawn: Callable[[Coroutine[None, None, None]], None],
        leave: Callable[[Line], Awaitable[None]],
    ) -> None:
        """With everybody who is concerned.

        Args:
            plan: of the run.
            tell: observers.
            halt: is called after a failure where the job says so.
            nursery: brings up what requests give rise to; None if nothing does.
            spawn: has something done beside.
            leave: is told when less may be to do at a peer.
        """
        self.verdicts: dict[str, RequestVerdict] = {}
        self._plan = plan
        self._tell = tell
        self._halt = halt
        self._nursery = nursery
        self._spawn = spawn
        self._leave = leave
        self._durable: set[asyncio.Future[None]] = set()

    def conclude(
        self,
        line: Line,
        request: Request,
        tries: Sequence[StoredAttempt],
        durable: asyncio.Future[None],
    ) -> None:
        """A request is not asked again; `durable` belongs to the last of its tries."""
        nursery = self._nursery
        if nursery is not None and nursery.watches(request):
            line.awaited += 1
            self._spawn(self._settle(nursery, line, request, tries, durable))
            return
        verdict = judge(request, self._plan.peers[request.peer], tries)
        self._heed(verdict)
        self._when(durable, lambda: self._report(request, verdict))

    def keep(self, durable: asyncio.Future[None]) -> None:
        """Sees to it that a try is kept which is not the last one."""
        self._when(durable, lambda: None)

    def pass_over(self, line: Line, request: Request, verdict: RequestVerdict) -> None:
        """A request is not asked at all; others do not wait for it."""
        self._report(request, verdict)
        nursery = self._nursery
        if nursery is None or self._halt.reason is not None:
            return
        if nursery.watches(request):
            nursery.skipped(request)
            line.awaited += 1
            self._spawn(self._follow(nursery, line))

    async def catch_up(self, nursery: Nursery, requests: Sequence[Request]) -> None:
        """Cuts what an earlier execution left to be cut, and goes on from there."""
        try:
            self._report_cut(await nursery.catch_up(requests))
        except StorageError as error:
            self._halt.fail(error)

    async def durable(self) -> None:
        """Waits until all is reported."""
        await asyncio.gather(*self._durable, return_exceptions=True)

    async def _settle(
        self,
        nursery: Nursery,
        line: Line,
        request: Request,
        tries: Sequence[StoredAttempt],
        durable: asyncio.Future[None],
    ) -> None:
        """Reports a request, or what it is cut into."""
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
            self._halt.fail(error)
        finally:
            line.awaited -= 1
        if not line.workers:
            await self._leave(line)

    async def _follow(self, nursery: Nursery, line: Line) -> None:
        try:
            await nursery.follow()
        except StorageError as error:
            self._halt.fail(error)
        finally:
            line.awaited -= 1
        if not line.workers:
            await self._leave(line)

    def _when(self, durable: asyncio.Future[None], then: Callable[[], None]) -> None:
        def report(done: asyncio.Future[None]) -> None:
            self._durable.discard(done)
            error = None if done.cancelled() else done.exception()
            if isinstance(error, StorageError):
                self._halt.fail(error)
            else:
                then()

        self._durable.add(durable)
        durable.add_done_callback(report)

    def _report_cut(self, splits: Iterable[RequestSplit]) -> None:
        for split in splits:
            self.verdicts[split.request] = RequestVerdict(
                request=split.request, verdict=Verdict.SPLIT, pieces=split.pieces
            )

    def _report(self, request: Request, verdict: RequestVerdict) -> None:
        self.verdicts[request.id] = verdict
        self._tell(RequestEnded(request.query, request.peer, verdict))

    def _heed(self, verdict: RequestVerdict) -> None:
        """Asks nothing more after a failure, where the job says so."""
        stopping = self._plan.policy.stop_on_failure
        if stopping and verdict.verdict in _FAILURES:
            sentence = f"request {verdict.request} is {verdict.verdict}"
            self._halt.stop(Stop.STOPPED, sentence)
