"""Requests that wait until they are asked again, and hold nothing meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchfind.execution.queues import Line, Turn


class Rests:
    """Who waits, until when, and for which line."""

    def __init__(self, back: Callable[[Line, Turn], None]) -> None:
        """Nobody yet.

        Args:
            back: puts one into line again.
        """
        self._back = back
        self._waiting: dict[Turn, tuple[Line, asyncio.TimerHandle]] = {}
        self._over: asyncio.Future[None] | None = None

    def put(self, line: Line, turn: Turn, seconds: float) -> bool:
        """Has one come back after a while; True when nobody waited before."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, self._return, turn)
        self._waiting[turn] = line, timer
        if self._over is not None:
            return False
        self._over = loop.create_future()
        return True

    async def over(self) -> None:
        """Waits until nobody waits any more."""
        if self._over is not None:
            await self._over

    def end(self) -> None:
        """Has everybody come back at once."""
        for turn in tuple(self._waiting):
            self._return(turn)

    def forget(self) -> None:
        """Nobody comes back: the run is over."""
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _return(self, turn: Turn) -> None:
        line, timer = self._waiting.pop(turn)
        timer.cancel()
        self._back(line, turn)
        if not self._waiting and self._over is not None:
            self._over.set_result(None)
            self._over = None
