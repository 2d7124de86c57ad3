"""How many associations this process can have open at all."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable

#: Descriptors for everything else: capture, outputs, name look-ups, the caller's own.
_RESERVE = 48
_LEAST = 4


class Budget:
    """Open associations of all peers together, within the limit of open files.

    Running out of descriptors would look like a fault of healthy peers, so the next
    association waits until another one is closed; idle ones are closed for it.
    """

    def __init__(self, most: int, end_idle: Callable[[], Awaitable[bool]]) -> None:
        """Begins with none open.

        Args:
            most: associations at once, 1 or more.
            end_idle: ends one idle association of any peer; False if there is none.
        """
        self._most = most
        self._end_idle = end_idle
        self._open = 0
        self._freed = asyncio.Event()

    async def take(self) -> None:
        """Waits until another association may be opened, and counts it."""
        while self._open >= self._most:
            self._freed.clear()
            if not await self._end_idle():
                await self._freed.wait()
        self._open += 1

    def give_back(self) -> None:
        """An association is closed."""
        self._open -= 1
        self._freed.set()


def descriptors_for_associations() -> int:
    """How many associations the limit of open files allows, once it is raised.

    The soft limit is a default for programs that use select(); this one does not.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 1 << 16)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass
    return max(_LEAST, soft - _RESERVE)
