"""Asks one request at its peer; every step goes to the journal and to observers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace

from batchfind.execution.executor import Associated, Executor, Order
from batchfind.execution.halt import Halt
from batchfind.execution.queues import Line, Turn
from batchfind.execution.recording import Recorder, Recording
from batchfind.execution.wiring import Wiring
from batchfind.plan.model import Request


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
    ) -> None:
        """With everybody who takes part.

        Args:
            wiring: makes orders of requests.
            executor: carries orders out.
            recorder: where the steps go.
            halt: after it nothing is repeated.
            seated: is told that an association stands, which bears so many requests.
            kept: is given the record of a try that another request spoilt.
        """
        self._wiring = wiring
        self._executor = executor
        self._recorder = recorder
        self._halt = halt
        self._seated = seated
        self._kept = kept

    async def ask(self, line: Line, turn: Turn) -> asyncio.Future[None]:
        """Tries the next request of a turn; once more if another request spoils that.

        Returns:
            Done once no crash can take the answer back. Of `turn.tries` it is the last.

        Raises:
            StorageError: the capture cannot be written.
        """
        # What ended an association before shall not harm others.
        reached = bool(turn.tries) and turn.tries[-1].facts is not None
        order = self._wiring.order(turn.request, series=turn.series, alone=reached)
        while True:
            recording = await self._try(line, order, turn.request)
            spoilt = recording.disturbed and not order.alone
            spoilt = spoilt and self._halt.reason is None
            if spoilt:
                order = replace(order, alone=True)
            if spoilt and not recording.begun:
                continue
            attempt, durable = recording.close(len(turn.tries) + 1)
            turn.tries.append(attempt)
            if not spoilt:
                if attempt.ending is not None:
                    turn.counted.append(attempt.ending)
                return durable
            self._kept(durable)

    async def _try(self, line: Line, order: Order, request: Request) -> Recording:
        recording = Recording(self._recorder, request)
        seated = 0
        try:
            async with aclosing(self._executor.submit(order)) as steps:
                async for step in steps:
                    if isinstance(step, Associated):
                        line.seated += 1 - seated
                        seated = 1
                        self._seated(line, step.operations)
                    else:
                        await recording.add(step)
        finally:
            line.seated -= seated
        return recording
