"""Associations that nobody has now, kept for the next request or until they expire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from batchfind.execution.leases import Association, Kind
from batchfind.execution.seats import TURN


class Resting:
    """The idle associations of one pool, the one that rests longest first."""

    def __init__(
        self,
        retire: Callable[[Association], Coroutine[Any, Any, None]],
        yields: Callable[[], bool],
    ) -> None:
        """Without any.

        Args:
            retire: ends one of them, if it is still idle when its turn comes.
            yields: whether another run waits for what they hold.
        """
        self._retire = retire
        self._yields = yields
        self._idle: list[Association] = []
        self._look: asyncio.TimerHandle | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._idle)

    def __iter__(self) -> Iterator[Association]:
        return iter(tuple(self._idle))

    def __contains__(self, association: Association) -> bool:
        return association in self._idle

    def add(self, association: Association) -> None:
        """Keeps an association that nobody has now, for `timeouts.idle`."""
        self._idle.append(association)
        loop, idle = asyncio.get_running_loop(), association.client.idle_timeout
        if idle is not None:
            association.rests_until = loop.time() + idle
            self._see_to_expiry(association)
        if self._look is None:
            self._look = loop.call_later(TURN, self._look_around)

    def remove(self, association: Association) -> Association:
        """Takes out one that is somebody's again, or ends."""
        self._idle.remove(association)
        return association

    def oldest(self) -> Association:
        """Takes out the one that has rested longest."""
        return self._idle.pop(0)

    def awaits(self, series: str) -> bool:
        """Whether one served an earlier request of a series."""
        return bool(series) and any(series in each.series for each in self._idle)

    def preferred(self, kind: Kind, series: str, *, room: bool) -> list[Association]:
        """Those a request may take, its own of earlier repetitions first.

        Args:
            kind: of association that it needs.
            series: that it belongs to, or empty.
            room: the SCP bears one more; those that others come back to after a
                pause are then left to them.
        """
        fitting = [
            each
            for each in self._idle
            if (series in each.series or not (room and each.series))
            and each.kind == kind
            and not each.given_up
        ]
        fitting.sort(key=lambda each: (series not in each.series, bool(each.series)))
        return fitting

    def make_way(self) -> bool:
        """Gives all of them up for another run; False when there is none to give."""
        chosen = [each for each in self._idle if not each.given_up]
        for association in chosen:
            association.given_up = True
            self._retire_soon(association)
        return bool(chosen)

    async def settled(self) -> None:
        """Waits for those that are being ended; looks after none any more."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        await asyncio.gather(*self._retiring)

    def _look_around(self) -> None:
        """Ends what nobody has, now and then, if another run waits for a seat."""
        self._look = None
        if not self._idle:
            return
        if self._yields():
            self.make_way()
        self._look = asyncio.get_running_loop().call_later(TURN, self._look_around)

    def _see_to_expiry(self, association: Association) -> None:
        """Keeps one timer that is never late; most rests are over long before it."""
        if association.expiry is None:
            association.expiry = asyncio.get_running_loop().call_at(
                association.rests_until, self._expire, association
            )

    def _expire(self, association: Association) -> None:
        association.expiry = None
        if association not in self._idle:
            return
        if asyncio.get_running_loop().time() < association.rests_until:
            self._see_to_expiry(association)
            return
        self._retire_soon(association)

    def _retire_soon(self, association: Association) -> None:
        task = asyncio.create_task(self._retire(association))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
