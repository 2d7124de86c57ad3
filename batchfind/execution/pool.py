"""Associations with one SCP: never more than it bears, shared and reused.

A request joins an association that has room in its window; else it takes an idle one;
else a new one is opened, while the SCP bears another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from batchfind.execution.budget import Budget
from batchfind.execution.executor import Order
from batchfind.execution.leases import Association, Kind, Lease
from batchfind.execution.resting import Resting
from batchfind.execution.seating import Seating
from batchfind.net.client import Client
from batchfind.net.settings import Endpoint


class Pool:
    """The associations with one group of peers, mostly one host and port.

    An idle association counts against the limit like one in use, so that the peer
    never sees more than `associations` at once, whatever their AE titles.
    """

    def __init__(
        self,
        associations: int,
        seating: Callable[[Callable[[], bool], Callable[[], None]], Seating],
        connect: Callable[[Order], Awaitable[Client]],
        number: Callable[[], int],
        budget: Budget,
        complain: Callable[[Endpoint, str], None],
    ) -> None:
        """Begins with none open.

        Args:
            associations: most at once, 1 or more.
            seating: gives the seats of the peers, which other runs take, too; is told
                how to ask whether one more is wanted, and whom to call then.
            connect: opens an association as an order says.
            number: gives the next association's number.
            budget: counts the associations of all pools.
            complain: is told when a peer does not release properly.
        """
        self._associations = associations
        self._connect = connect
        self._number = number
        self._budget = budget
        self._complain = complain
        self._seats = seating(self._wants_more, self._tell)
        self._hurry: float | None = None
        self._serves_once = False
        self._idle = Resting(self._retire, self._seats.yields)
        self._shared: list[Association] = []
        #: Places at the SCP that are in use, being opened or being closed.
        self._held = 0
        self._changed = asyncio.Event()
        self._waiting = 0

    def at_once(self, order: Order) -> Lease | None:
        """A place on an association that stands, if one is free and nobody waits."""
        if self._waiting:
            return None
        association = self._with_room(order) or self._ready(order)
        return None if association is None else self._lend(association, order)

    async def lease(self, order: Order) -> Lease:
        """A place on an association that fits the order.

        Raises:
            PeerError: the association could not be opened.
        """
        while (association := self._with_room(order)) is None:
            if self._may_own():
                if (association := await self._own(order)) is not None:
                    break
                continue
            if _wants_its_own(order):
                self._clear_one()
            await self._change()
        return self._lend(association, order)

    async def give_back(self, lease: Lease, order: Order) -> None:
        """Ends a loan; the last one to have it keeps the association or ends it."""
        association = lease.association
        association.users -= 1
        if self._seats.yields() and not self._idle.make_way():
            association.given_up = True
        if not self._keeps(association, order):
            association.closed_to_others = True
        if association.users:
            self._tell()
            return
        self._shared.remove(association)
        try:
            if self._keeps(association, order) and association.client.reusable:
                self._idle.add(association)
            else:
                await self._end(association)
        finally:
            self._vacate()

    def serve_once(self) -> None:
        """From now on an association carries one C-FIND: the SCP closes it then."""
        self._serves_once = True

    async def close(self) -> None:
        """Ends every idle association."""
        await self._seats.rest()
        while idle := tuple(self._idle):
            await self._retire(idle[0])
        await self._idle.settled()

    async def trim(self) -> None:
        """Ends idle associations but those that repetitions come back to."""
        while spare := [each for each in self._idle if not each.series]:
            await self._retire(spare[0])

    def hurry(self, seconds: float) -> None:
        """No release takes longer from now on: the run is being interrupted."""
        self._hurry = seconds

    async def end_one(self) -> bool:
        """Ends one idle association; False when there is none."""
        if not self._idle:
            return False
        self._held += 1
        try:
            await self._end(self._idle.oldest())
        finally:
            self._vacate()
        return True

    def _lend(self, association: Association, order: Order) -> Lease:
        lease = Lease(association)
        association.lent += 1
        if order.series:
            association.series.add(order.series)
        association.users += 1
        self._tell()
        return lease

    def _with_room(self, order: Order) -> Association | None:
        """The association in use with the fewest requests that may take another."""
        if _wants_its_own(order) or self._idle.awaits(order.series):
            return None
        roomy = [
            each
            for each in self._shared
            if each.users < each.client.accepted.operations
            and not each.closed_to_others
        ]
        if not roomy:
            return None
        kind = Kind.of(order)
        fitting = [
            each
            for each in roomy
            if each.kind == kind and each.client.alive and self._keeps(each, order)
        ]
        return min(fitting, key=lambda each: each.users, default=None)

    def _ready(self, order: Order) -> Association | None:
        """As `_own`, when an idle association is as good as it was."""
        if order.fresh or self._held >= self._associations:
            return None
        self._held += 1
        for association in self._preferred(order)[:1]:
            if association.client.reusable:
                return self._give(self._idle.remove(association), order)
        self._held -= 1
        return None

    def _may_own(self) -> bool:
        """Whether there may be an association that nobody has, or a seat for one."""
        able = len(self._idle) > 0 or self._seats.open
        return able and self._held < self._associations

    def _wants_more(self) -> bool:
        """Whether a seat would help somebody who waits."""
        return self._waiting > 0 and self._held < self._associations

    async def _own(self, order: Order) -> Association | None:
        """An association nobody has, with a place of its own; None without a seat."""
        self._held += 1
        try:
            found = None if order.fresh else await self._take(order)
            association = found or await self._open(order)
        except BaseException:
            self._vacate()
            raise
        if association is None:
            self._vacate()
            return None
        return self._give(association, order)

    def _give(self, association: Association, order: Order) -> Association:
        association.closed_to_others = _wants_its_own(order)
        self._shared.append(association)
        return association

    def _clear_one(self) -> None:
        """Lets one association run empty for a request that wants its own."""
        if not any(each.closed_to_others for each in self._shared):
            for association in self._shared[:1]:
                association.closed_to_others = True

    async def _take(self, order: Order) -> Association | None:
        while preferred := self._preferred(order):
            association = self._idle.remove(preferred[0])
            if association.client.reusable:
                return association
            await self._end(association)
        return None

    def _preferred(self, order: Order) -> list[Association]:
        """Idle associations the order may take, the best first."""
        room = len(self._idle) + self._held <= self._associations
        return self._idle.preferred(Kind.of(order), order.series, room=room)

    async def _open(self, order: Order) -> Association | None:
        while self._idle and len(self._idle) + self._held > self._associations:
            await self._end(self._idle.oldest())
        while not self._seats.take():
            if not self._idle:
                return None
            await self._end(self._idle.oldest())
        try:
            client = await self._connected(order)
        except BaseException:
            self._seats.give_back()
            raise
        return Association(client, self._number(), Kind.of(order), order.abort_at_end)

    async def _connected(self, order: Order) -> Client:
        await self._budget.take()
        try:
            return await self._connect(order)
        except BaseException:
            self._budget.give_back()
            raise

    def _keeps(self, association: Association, order: Order) -> bool:
        """Whether it may carry another C-FIND after those it has."""
        most = 1 if self._serves_once else order.queries_per_association
        wanted = not (order.fresh or association.given_up)
        return wanted and association.queries() < most

    async def _end(self, association: Association) -> None:
        if association.expiry is not None:
            association.expiry.cancel()
            association.expiry = None
        try:
            if association.abort_at_end:
                await association.client.abort()
                return
            complaint = await association.client.release(self._hurry)
            if complaint:
                self._complain(association.client.endpoint, complaint)
        finally:
            self._budget.give_back()
            self._seats.give_back()

    async def _retire(self, association: Association) -> None:
        """Ends an idle association; its place is held, for the peer counts it still."""
        while self._held >= self._associations:
            await self._change()
        if association not in self._idle:
            return
        self._idle.remove(association)
        self._held += 1
        try:
            await self._end(association)
        finally:
            self._vacate()

    async def _change(self) -> None:
        """Waits until it may pay to look for a place again."""
        self._changed.clear()
        self._waiting += 1
        try:
            await self._changed.wait()
        finally:
            self._waiting -= 1

    def _vacate(self) -> None:
        self._held -= 1
        self._tell()

    def _tell(self) -> None:
        """Those that wait for a place look again."""
        self._changed.set()


def _wants_its_own(order: Order) -> bool:
    """Whether others on its association would have to suffer for the order."""
    cancels = order.cancel.after is not None or order.cancel.after_responses is not None
    return order.fresh or order.alone or (order.abort_on_cancel and cancels)
