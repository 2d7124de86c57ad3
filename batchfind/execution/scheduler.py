"""Asks every request: concurrently, within what each peer bears, losing nothing.

A peer's workers take requests from its line, one for each request that may be in
flight there; a slow or dead peer therefore never holds up another. How many fit on
one association is known once the first is accepted: then more workers join. What
comes back goes to the journal at once. A request whose failure may pass rests and
goes back to its line; it is reported only when its ending is final and durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable

from batchfind.capture.journal import Journal
from batchfind.capture.records import Ending, Outcome, RequestVerdict, StoredAttempt
from batchfind.errors import StorageError
from batchfind.execution.admission import Admission
from batchfind.execution.asker import Asker
from batchfind.execution.concluding import Concluding
from batchfind.execution.executor import Executor
from batchfind.execution.growing import Grower
from batchfind.execution.halt import Halt
from batchfind.execution.hours import Clock, wall_clock
from batchfind.execution.mishaps import Mishaps
from batchfind.execution.nursery import Nursery
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import (
    Event,
    PeerTrouble,
    Received,
    RequestRetried,
    RequestStarted,
)
from batchfind.execution.queues import Line, Lines, Turn
from batchfind.execution.recording import Recorder
from batchfind.execution.refusals import asker_of, refusal
from batchfind.execution.rests import Rests
from batchfind.execution.retrying import Retrying
from batchfind.execution.wiring import Wiring
from batchfind.plan.model import Plan, Request

_BUSY = "rejected-transient"


class Scheduler:
    """One execution of the requests of a plan."""

    def __init__(  # noqa: PLR0913, PLR0917 - as many take part
        self,
        plan: Plan,
        wiring: Wiring,
        executor: Executor,
        journal: Journal,
        tell: Callable[[Event], None],
        show: Callable[[Received], Awaitable[None]] | None = None,
        grower: Grower | None = None,
        mishaps: Mishaps | None = None,
        clock: Clock = wall_clock,
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
            mishaps: keeps mistakes of ours; None keeps no tracebacks.
            clock: tells the time of day, for hours of peers.
        """
        self._plan = plan
        self._mishaps = mishaps or Mishaps()
        self._executor = executor
        self._tell = tell
        self._slots = asyncio.Semaphore(plan.policy.concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._retrying = Retrying(plan.policy.retry)
        self._lines = Lines(plan, wiring, self._retrying.probes, clock)
        self._rests = Rests(self._back)
        self._halt = halt = Halt(tell, self._end)
        self._admission = Admission(halt, tell, self._leave_for_now)
        self._nursery: Nursery | None = None
        if grower is not None:
            self._nursery = Nursery(
                grower, journal, tell, self._enqueue, lambda: halt.reason is not None
            )
        self._concluding = Concluding(
            plan, tell, halt, self._nursery, self._spawn, self._leave
        )
        self._asker = Asker(
            wiring,
            executor,
            Recorder(journal, tell, show),
            halt,
            self._seated,
            self._concluding.keep,
            self._mishaps,
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
            self._spawn(self._concluding.catch_up(self._nursery, asked))
        try:
            while self._tasks:
                done, _ = await asyncio.wait(
                    self._tasks, return_when=asyncio.FIRST_COMPLETED
                )
                self._tasks -= done
                for task in done:
                    task.result()
        finally:
            self._rests.forget()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._concluding.durable()
        if self._halt.failure is not None:
            raise self._halt.failure
        return self._concluding.verdicts

    def stop(self, reason: Stop, sentence: str) -> None:
        """Asks nothing more, and ends what is under way unless only STOPPED."""
        self._halt.stop(reason, sentence)

    def _end(self, reason: Stop) -> None:
        """Nothing more is asked: nobody waits for it any more."""
        if reason is not Stop.STOPPED:
            self._executor.stop(reason)
        self._rests.end()

    def _enqueue(self, requests: Iterable[Request]) -> None:
        """Puts requests into the lines of their peers, and has them worked on."""
        for line in self._lines.put(requests):
            self._employ(line)

    def _back(self, line: Line, turn: Turn) -> None:
        """Puts a request into line again that has rested."""
        line.turns.appendleft(turn)
        self._employ(line)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    def _employ(self, line: Line) -> None:
        """Starts the workers that a line lacks."""
        if not self._waits(line):
            for _ in range(line.wanted(_now())):
                line.workers += 1
                self._spawn(self._work(line))
        elif line.turns and not line.reviving:
            line.reviving = True
            self._spawn(self._revive(line))

    def _waits(self, line: Line) -> bool:
        """Whether its requests wait for one that gets through."""
        return line.circuit.waits and self._halt.reason is None

    def _seated(self, line: Line, operations: int) -> None:
        """An association stands, and bears so many requests."""
        if self._halt.reason is None:
            line.circuit.reached()
        line.operations = max(line.operations, operations)
        self._employ(line)

    async def _work(self, line: Line) -> None:
        while (
            line.turns and not self._waits(line) and line.workers <= line.room(_now())
        ):
            await self._take(line, line.turns.popleft())
            self._employ(line)
        line.workers -= 1
        self._employ(line)
        await self._leave(line)

    async def _leave(self, line: Line) -> None:
        """Ends associations nobody comes back to, now that there is less to do."""
        if not line.awaited:
            over = not line.workers
            with self._mishaps.beside_while("ending associations"):
                await self._executor.settle(line.group, over=over)

    async def _leave_for_now(self, line: Line) -> None:
        """Ends associations that nobody comes back to for long."""
        with self._mishaps.beside_while("ending associations"):
            await self._executor.settle(line.group, over=True)

    async def _revive(self, line: Line) -> None:
        """Has one request tried at a peer in trouble, after a while and once more."""
        circuit = line.circuit
        while self._waits(line) and line.turns:
            pause = self._retrying.probe_pause
            await self._halt.pause(circuit.opened + pause - _now())
            if not self._waits(line):
                break
            circuit.probe()
            line.workers += 1
            while circuit.probing and self._waits(line) and line.turns:
                await self._take(line, line.turns.popleft(), probe=True)
            line.workers -= 1
        line.reviving = False
        self._employ(line)
        await self._leave(line)

    async def _take(self, line: Line, turn: Turn, *, probe: bool = False) -> None:
        """Asks a request and its repetitions, until one has to rest or to wait."""
        while turn.left:
            ahead = turn.ahead(_now())
            if probe and ahead > 0:
                self._put_aside(line, turn, ahead)
                return
            await self._halt.pause(ahead)
            if await self._admission.wait(line, turn.request):
                turn.put_off()
                continue
            async with self._slots:
                if self._waits(line) and not probe:
                    turn.put_off()
                    line.turns.appendleft(turn)
                    return
                if self._admission.ahead(line, turn.request) > 0:
                    continue
                if not await self._ask(line, turn, probe=probe):
                    return
            turn.advance()
            probe = False

    async def _ask(self, line: Line, turn: Turn, *, probe: bool) -> bool:
        """Brings the next request of a turn to its end; False when it has to rest."""
        request = turn.request
        refused = refusal(request, line, self._halt.reason)
        if refused is None:
            return await self._try(line, turn, probe=probe)
        if turn.durable is not None:
            self._concluding.conclude(line, request, turn.tries, turn.durable)
        else:
            self._concluding.pass_over(line, request, refused)
        return True

    async def _try(self, line: Line, turn: Turn, *, probe: bool) -> bool:
        request, began = turn.request, _now()
        self._tell(RequestStarted(request.id, request.query, request.peer))
        try:
            durable = await self._asker.ask(line, turn)
        except StorageError as error:
            self._halt.fail(error)
            return True
        if durable is None:  # all has been stopped: now it is refused
            return await self._ask(line, turn, probe=probe)
        turn.durable = durable
        if self._halt.reason is None:
            self._note(line, turn, began, probe=probe)
        self._tell_trouble(request, turn.tries[-1])
        seconds = self._pause(line, turn)
        if seconds is None:
            self._concluding.conclude(line, request, turn.tries, durable)
            return True
        self._concluding.keep(durable)
        self._rest(line, turn, seconds)
        return False

    def _note(self, line: Line, turn: Turn, began: float, *, probe: bool) -> None:
        """Learns from a try what to make of its peer."""
        attempt, asker = turn.tries[-1], asker_of(turn.request)
        ending = attempt.ending or Ending(outcome=Outcome.FAILED)
        if attempt.facts is not None:
            if ending.outcome is Outcome.SUCCESS:
                line.reserve.refill()
            return
        if ending.cause is not None and ending.cause.code == _BUSY:
            line.rejected(_now(), began)
            if line.seated:
                return  # it bears others: it is busy, and not in trouble
        line.circuit.ended(ending, _now(), probe=probe, asker=asker)

    def _tell_trouble(self, request: Request, attempt: StoredAttempt) -> None:
        ending = attempt.ending
        if attempt.facts is None and ending is not None and ending.cause is not None:
            self._tell(PeerTrouble(request.peer, ending.cause))

    def _pause(self, line: Line, turn: Turn) -> float | None:
        """Seconds until the next request of a turn is asked again; None for never."""
        if self._halt.reason is not None or line.circuit.given_up or not turn.counted:
            return None
        request, nursery = turn.request, self._nursery
        seconds = self._retrying.pause(
            turn.counted,
            splits=self._plan.queries[request.query].splitting is not None,
            unsure=nursery is not None and nursery.again(request, turn.tries),
        )
        if seconds is None or not line.reserve.take():
            return None
        return seconds

    def _rest(self, line: Line, turn: Turn, seconds: float) -> None:
        """Puts a request aside for a while: it holds nothing, and others go on."""
        request, cause = turn.request, turn.counted[-1].cause
        if cause is not None:
            self._tell(
                RequestRetried(request.id, request.query, request.peer, cause, seconds)
            )
        self._put_aside(line, turn, seconds)

    def _put_aside(self, line: Line, turn: Turn, seconds: float) -> None:
        if self._rests.put(line, turn, seconds):
            self._spawn(self._rests.over())


def _now() -> float:
    return asyncio.get_running_loop().time()
