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
        connect: Callable[[Order], Awaitable[Client]],
        number: Callable[[], int],
        budget: Budget,
        complain: Callable[[Endpoint, str], None],
    ) -> None:
        """Begins with none open.

        Args:
            associations: most at once, 1 or more.
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
        self._hurry: float | None = None
        self._serves_once = False
        self._idle: list[Association] = []
        self._shared: list[Association] = []
        #: Places at the SCP that are in use, being opened or being closed.
        self._held = 0
        self._changed = asyncio.Event()
        self._waiting = 0
        self._retiring: set[asyncio.Task[None]] = set()

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
            if self._held < self._associations:
                association = await self._own(order)
                break
            if _wants_its_own(order):
                self._clear_one()
            await self._change()
        return self._lend(association, order)

    async def give_back(self, lease: Lease, order: Order) -> None:
        """Ends a loan; the last one to have it keeps the association or ends it."""
        association = lease.association
        association.users -= 1
        if not self._keeps(association, order):
            association.closed_to_others = True
        if association.users:
            self._tell()
            return
        self._shared.remove(association)
        try:
            if self._keeps(association, order) and association.client.reusable:
                self._rest(association)
            else:
                await self._end(association)
        finally:
            self._vacate()

    def serve_once(self) -> None:
        """From now on an association carries one C-FIND: the SCP closes it then."""
        self._serves_once = True

    async def close(self) -> None:
        """Ends every idle association."""
        while self._idle:
            await self._retire(self._idle[0])
        await asyncio.gather(*self._retiring)

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
            await self._end(self._remove(self._idle[0]))
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
        if _wants_its_own(order) or self._awaits(order):
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

    def _awaits(self, order: Order) -> bool:
        """Whether an association is idle that served an earlier repetition."""
        return bool(order.series) and any(
            order.series in each.series for each in self._idle
        )

    def _ready(self, order: Order) -> Association | None:
        """As `_own`, when an idle association is as good as it was."""
        if order.fresh or self._held >= self._associations:
            return None
        self._held += 1
        for association in self._preferred(order)[:1]:
            if association.client.reusable:
                return self._give(self._remove(association), order)
        self._held -= 1
        return None

    async def _own(self, order: Order) -> Association:
        """An association nobody has, with a place of its own at the SCP."""
        self._held += 1
        try:
            found = None if order.fresh else await self._take(order)
            association = found or await self._open(order)
        except BaseException:
            self._vacate()
            raise
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
            association = self._remove(preferred[0])
            if association.client.reusable:
                return association
            await self._end(association)
        return None

    def _preferred(self, order: Order) -> list[Association]:
        """Idle associations the order may take, its own of earlier repetitions first.

        Those that others come back to after a pause are left to them while the SCP
        bears one more.
        """
        room = len(self._idle) + self._held <= self._associations
        kind, series = Kind.of(order), order.series
        fitting = [
            each
            for each in self._idle
            if (series in each.series or not (room and each.series))
            and each.kind == kind
        ]
        fitting.sort(key=lambda each: (series not in each.series, bool(each.series)))
        return fitting

    async def _open(self, order: Order) -> Association:
        while self._idle and len(self._idle) + self._held > self._associations:
            await self._end(self._remove(self._idle[0]))
        await self._budget.take()
        try:
            client = await self._connect(order)
        except BaseException:
            self._budget.give_back()
            raise
        return Association(client, self._number(), Kind.of(order), order.abort_at_end)

    def _keeps(self, association: Association, order: Order) -> bool:
        """Whether it may carry another C-FIND after those it has."""
        most = 1 if self._serves_once else order.queries_per_association
        return not order.fresh and association.queries() < most

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

    def _remove(self, association: Association) -> Association:
        self._idle.remove(association)
        return association

    def _rest(self, association: Association) -> None:
        """Keeps an association that nobody has now, for `timeouts.idle`."""
        self._idle.append(association)
        idle = association.client.idle_timeout
        if idle is not None:
            association.rests_until = asyncio.get_running_loop().time() + idle
            self._see_to_expiry(association)

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
        task = asyncio.create_task(self._retire(association))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _retire(self, association: Association) -> None:
        """Ends an idle association; its place is held, for the peer counts it still."""
        while self._held >= self._associations:
            await self._change()
        if association not in self._idle:
            return
        self._remove(association)
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
