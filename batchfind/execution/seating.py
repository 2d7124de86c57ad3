"""How a pool gets seats, and waits for those that other runs on this host have.

A seat is asked for again and again, with growing pauses and never blocking: a file
lock cannot be waited for on an event loop. Waiting costs a request nothing: nothing
is opened yet, so no deadline runs and no try is counted.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from batchfind.execution.seats import Seats

_SHORTEST_PAUSE: Final = 0.02
_LONGEST_PAUSE: Final = 0.25
_GROWTH: Final = 1.5
#: Seconds without any seat until somebody hears of it.
_PATIENCE: Final = 0.5


class Seating(Protocol):
    """The seats of one pool of associations."""

    @property
    def open(self) -> bool:
        """Whether it may pay to ask for one more."""
        ...

    def take(self) -> bool:
        """A seat for one more association; after False `changed` is called in time."""
        ...

    def give_back(self) -> None:
        """An association has ended, or could not be opened."""
        ...

    def yields(self) -> bool:
        """Whether an association should end soon, for another run waits."""
        ...

    async def rest(self) -> None:
        """Nobody waits for a seat any more."""
        ...


class FreeSeating:
    """Seats that nobody else takes."""

    open = True

    def take(self) -> bool:
        """As the protocol says."""
        return True

    def give_back(self) -> None:
        """As the protocol says."""

    def yields(self) -> bool:
        """As the protocol says."""
        return False

    async def rest(self) -> None:
        """As the protocol says."""


class SharedSeating:
    """Seats that other runs on this host take, too.

    Attributes:
        waited: seconds spent without any seat while one was wanted.
    """

    def __init__(
        self,
        seats: Seats,
        wanted: Callable[[], bool],
        changed: Callable[[], None],
        tell: Callable[[], None],
    ) -> None:
        """Has none.

        Args:
            seats: of the group.
            wanted: whether the pool has a use for one more.
            changed: is called when `take` succeeds again.
            tell: is called once, when the pool waits and has none at all.
        """
        self.waited = 0.0
        self._seats = seats
        self._wanted = wanted
        self._changed = changed
        self._tell = tell
        self._told = False
        #: A seat is there for the next one that asks.
        self._spare = False
        self._seeking: asyncio.Task[None] | None = None

    @property
    def open(self) -> bool:
        """As the protocol says."""
        return self._spare or self._seeking is None

    def take(self) -> bool:
        """As the protocol says."""
        if self._spare:
            self._spare = False
            return True
        if self._seeking is not None:
            return False
        if self._seats.take():
            return True
        self._seats.line_up()
        self._seeking = asyncio.create_task(self._seek())
        return False

    def give_back(self) -> None:
        """As the protocol says; one that waits here goes on at once, if it may."""
        self._seats.give_back()
        if self._seeking is not None and not self._spare:
            self._offer()

    def yields(self) -> bool:
        """As the protocol says."""
        return self._seats.yields()

    async def rest(self) -> None:
        """As the protocol says."""
        if self._seeking is not None:
            self._seeking.cancel()
            with suppress(asyncio.CancelledError):
                await self._seeking
            self._changed()  # if somebody waits all the same, it asks again

    async def _seek(self) -> None:
        pause, waited = _SHORTEST_PAUSE, 0.0
        try:
            while self._wanted():
                began = time.monotonic()
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
                waited += self._note(time.monotonic() - began, waited)
                if self._spare:  # nobody came for it
                    self._drop()
                elif self._offer():
                    pause = _SHORTEST_PAUSE
                    continue
                self._seats.line_up()
                pause = min(_GROWTH * pause, _LONGEST_PAUSE)
        finally:
            self._seeking = None
            self._seats.leave_line()
            if self._spare:
                self._drop()

    def _offer(self) -> bool:
        """Gets a seat and says so."""
        self._spare = self._seats.take()
        if self._spare:
            self._changed()
        return self._spare

    def _drop(self) -> None:
        self._spare = False
        self._seats.give_back()

    def _note(self, seconds: float, before: float) -> float:
        if self._seats.count:
            return 0.0
        self.waited += seconds
        if before + seconds >= _PATIENCE and not self._told:
            self._told = True
            self._tell()
        return seconds
