"""Whether and why nothing more is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchfind.errors import StorageError
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import Event, Stopping


class Halt:
    """The end of asking, before all is asked.

    Attributes:
        reason: why, or None while requests are asked.
        failure: why the capture cannot be written, or None.
    """

    def __init__(
        self, tell: Callable[[Event], None], end: Callable[[Stop], None]
    ) -> None:
        """Not yet.

        Args:
            tell: observers.
            end: ends what is under way, as far as the reason asks for it.
        """
        self.reason: Stop | None = None
        self.failure: StorageError | None = None
        self._tell = tell
        self._end = end
        self._stopped = asyncio.Event()

    def stop(self, reason: Stop, sentence: str) -> None:
        """Asks nothing more; only the first reason counts."""
        if self.reason is not None:
            return
        self.reason = reason
        self._stopped.set()
        self._tell(Stopping(sentence))
        self._end(reason)

    def fail(self, error: StorageError) -> None:
        """The capture cannot be written: asking on would lose answers."""
        if self.failure is None:
            self.failure = error
            self.stop(Stop.LIMIT, str(error))

    async def pause(self, seconds: float) -> None:
        """Waits so long, or until nothing more is asked."""
        if seconds <= 0 or self.reason is not None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return
