"""Asks one request at its peer; every step goes to the journal and to observers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from batchfind.capture.records import StoredAttempt
from batchfind.errors import StorageError
from batchfind.execution.executor import Associated, Executor, Unasked
from batchfind.execution.halt import Halt
from batchfind.execution.mishaps import Mishaps
from batchfind.execution.queues import Line, Turn
from batchfind.execution.recording import Recorder, Recording
from batchfind.execution.wiring import Wiring


class Asker:
    """Carries out tries at requests."""

    def __init__(
        self,
        wiring: Wiring,
        executor: Executor,
        recorder: Recorder,
        halt: Halt,
        seated: Callable[[Line, int], None],
        kept: Callable[[asyncio.Future[None]], None],
        mishaps: Mishaps,
    ) -> None:
        """With everybody who takes part.

        Args:
            wiring: makes orders of requests.
            executor: carries orders out.
            recorder: where the steps go.
            halt: after it nothing is repeated.
            seated: is told that an association stands, which bears so many requests.
            kept: is given the record of a try that another request spoilt.
            mishaps: keeps mistakes of ours, which end one request each.
        """
        self._wiring = wiring
        self._executor = executor
        self._recorder = recorder
        self._halt = halt
        self._seated = seated
        self._kept = kept
        self._mishaps = mishaps

    async def ask(self, line: Line, turn: Turn) -> asyncio.Future[None] | None:
        """Tries the next request of a turn; once more if another request spoils that.

        Returns:
            Done once no crash can take the answer back. Of `turn.tries` it is the last.
            None when all was stopped before anything was ever opened for it.

        Raises:
            StorageError: the capture cannot be written.
        """
        line.pace.let_in(asyncio.get_running_loop().time())
        # What ended an association before shall not harm others.
        alone = bool(turn.tries) and turn.tries[-1].facts is not None
        durable = turn.durable
        while True:
            recording = await self._try(line, turn, alone=alone)
            if recording.unasked:
                return durable
            spoilt = recording.disturbed and not alone
            spoilt = spoilt and self._halt.reason is None
            alone = alone or spoilt
            if spoilt and not recording.begun:
                continue
            attempt, durable = recording.close(len(turn.tries) + 1)
            turn.tries.append(attempt)
            self._count_pages(line, attempt)
            if not spoilt:
                if attempt.ending is not None:
                    turn.counted.append(attempt.ending)
                return durable
            self._kept(durable)

    async def _try(self, line: Line, turn: Turn, *, alone: bool) -> Recording:
        request = turn.request
        recording = Recording(self._recorder, request)
        seated, whom = 0, request.peer
        try:
            order = self._wiring.order(request, series=turn.series, alone=alone)
            whom = f"{request.peer} ({order.endpoint})"
            async with aclosing(self._executor.submit(order)) as steps:
                async for step in steps:
                    if isinstance(step, Associated):
                        line.seated += 1 - seated
                        first, seated = not seated, 1
                        self._seated(line, step.operations)
                        if first:  # else the peer has not heard the one before
                            await self._space(line)
                    elif isinstance(step, Unasked):
                        recording.unasked = True
                    else:
                        await recording.add(step)
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - ours: it shall cost one request
            recording.cut_off(self._mishaps.ending(error, whom, recording.responses))
        finally:
            line.seated -= seated
        if not seated:
            line.pace.came_to_nothing()
        return recording

    def _count_pages(self, line: Line, attempt: StoredAttempt) -> None:
        """Has others wait for C-FINDs that asked for further pages."""
        pages = 1 if attempt.ending is None else attempt.ending.pages
        line.pace.sent(asyncio.get_running_loop().time(), pages - 1)

    async def _space(self, line: Line) -> None:
        """Has a C-FIND wait whose association came about sooner than one before."""
        now = asyncio.get_running_loop().time
        while (seconds := line.pace.gap(now())) > 0 and self._halt.reason is None:
            await self._halt.pause(seconds)
        line.pace.sent(now())
