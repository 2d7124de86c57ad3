"""Associations with one SCP: never more than it bears, reused while drained."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from batchfind.execution.budget import Budget
from batchfind.execution.executor import Order
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer


@dataclass(slots=True)
class Lease:
    """An association lent to one request.

    Attributes:
        number: of the association within the run, from 1.
        used: another request was served on it before.
    """

    client: Client
    number: int
    offer: Offer
    abort_at_end: bool
    used: bool = False
    expiry: asyncio.Task[None] | None = None


class Pool:
    """The associations with one host and port.

    An idle association counts against the limit like one in use, so that the peer
    never sees more than `associations` at once, whatever their AE titles.
    """

    def __init__(
        self,
        associations: int,
        resolver: Resolver,
        number: Callable[[], int],
        budget: Budget,
        complain: Callable[[Endpoint, str], None],
    ) -> None:
        """Begins with none open.

        Args:
            associations: most at once, 1 or more.
            resolver: looks names up.
            number: gives the next association's number.
            budget: counts the associations of all pools.
            complain: is told when a peer does not release properly.
        """
        self._slots = asyncio.Semaphore(associations)
        self._resolver = resolver
        self._number = number
        self._budget = budget
        self._hurry: float | None = None
        self._complain = complain
        self._associations = associations
        self._idle: list[Lease] = []
        self._leased = 0

    async def lease(self, order: Order) -> Lease:
        """An idle association that fits the order, else a new one.

        Raises:
            PeerError: the association could not be opened.
        """
        await self._slots.acquire()
        self._leased += 1
        try:
            found = None if order.fresh else await self._take(order)
            return found or await self._open(order)
        except BaseException:
            self._vacate()
            raise

    async def give_back(self, lease: Lease, *, keep: bool) -> None:
        """Ends a loan: keeps the association for others, or ends it."""
        try:
            if keep and lease.client.reusable:
                lease.used = True
                self._idle.append(lease)
                lease.expiry = asyncio.create_task(self._expire(lease))
            else:
                await self._end(lease)
        finally:
            self._vacate()

    async def close(self) -> None:
        """Ends every idle association."""
        while self._idle:
            await self._retire(self._remove(self._idle[0]))

    def hurry(self, seconds: float) -> None:
        """No release takes longer from now on: the run is being interrupted."""
        self._hurry = seconds

    async def end_one(self) -> bool:
        """Ends one idle association; False when there is none."""
        if not self._idle:
            return False
        await self._end(self._remove(self._idle[0]))
        return True

    async def _take(self, order: Order) -> Lease | None:
        for lease in list(self._idle):
            if lease.client.endpoint == order.endpoint and lease.offer == order.offer:
                self._remove(lease)
                if lease.client.reusable:
                    return lease
                await self._end(lease)
        return None

    async def _open(self, order: Order) -> Lease:
        while self._idle and len(self._idle) + self._leased > self._associations:
            await self._end(self._remove(self._idle[0]))
        await self._budget.take()
        try:
            client = await Client.connect(
                order.endpoint, order.offer, order.timeouts, self._resolver
            )
        except BaseException:
            self._budget.give_back()
            raise
        return Lease(client, self._number(), order.offer, order.abort_at_end)

    async def _end(self, lease: Lease) -> None:
        try:
            if lease.abort_at_end:
                await lease.client.abort()
                return
            complaint = await lease.client.release(self._hurry)
            if complaint:
                self._complain(lease.client.endpoint, complaint)
        finally:
            self._budget.give_back()

    def _remove(self, lease: Lease) -> Lease:
        self._idle.remove(lease)
        if lease.expiry is not None:
            lease.expiry.cancel()
            lease.expiry = None
        return lease

    async def _expire(self, lease: Lease) -> None:
        """Ends an association nobody wanted for `timeouts.idle`."""
        idle = lease.client.idle_timeout
        if idle is None:
            return
        await asyncio.sleep(idle)
        lease.expiry = None
        if lease in self._idle:
            self._idle.remove(lease)
            await self._retire(lease)

    async def _retire(self, lease: Lease) -> None:
        """Ends an idle association; its slot is held, for the peer still counts it."""
        await self._slots.acquire()
        self._leased += 1
        try:
            await self._end(lease)
        finally:
            self._vacate()

    def _vacate(self) -> None:
        self._leased -= 1
        self._slots.release()
