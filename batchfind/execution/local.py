"""The local executor: requests on this machine's own associations."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from batchfind.capture.records import AttemptFacts, Ending
from batchfind.errors import (
    BatchfindError,
    ConnectTimeout,
    DescriptorsExhausted,
    DnsNotFound,
    DnsTemporary,
    Refused,
    TlsHandshake,
    TlsVerify,
    Unreachable,
)
from batchfind.execution.attempt import Attempt
from batchfind.execution.budget import Budget, descriptors_for_associations
from batchfind.execution.connecting import connect
from batchfind.execution.credentials import Credentials
from batchfind.execution.executor import (
    Associated,
    Disturbed,
    Order,
    Started,
    Step,
    Unasked,
)
from batchfind.execution.hall import Hall
from batchfind.execution.leases import Lease
from batchfind.execution.outcomes import Stop, Tally, ended_by_error, ended_by_us
from batchfind.execution.pool import Pool
from batchfind.execution.seating import FreeSeating, Seating
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint

_T = TypeVar("_T")
#: How long a peer may take to answer A-RELEASE once the run is interrupted, seconds.
_HURRIED_RELEASE = 5.0
#: C-FINDs sent on an association whose SCP answered one and left.
_FIRST_AND_THIS = 2
_CONNECTING = (
    DnsNotFound,
    DnsTemporary,
    Refused,
    Unreachable,
    ConnectTimeout,
    DescriptorsExhausted,
    TlsHandshake,
    TlsVerify,
)


class _StoppedError(Exception):
    """The executor was stopped while something was awaited."""


class _StaleError(Exception):
    """A reused association was gone before the peer saw the request."""


class LocalExecutor:
    """Associations by group of peers, shared by all requests of the run."""

    def __init__(
        self,
        complain: Callable[[Endpoint, str], None],
        credentials: Credentials | None = None,
        hall: Hall | None = None,
    ) -> None:
        """Begins without any association; use inside a running loop.

        Args:
            complain: is told when a peer does not release properly.
            credentials: for orders with TLS or a user identity.
            hall: where seats are shared with other runs on this host, or None.
        """
        self._credentials = credentials or Credentials()
        self._hall = hall
        self._resolver = Resolver()
        self._complain = complain
        self._numbers = itertools.count(1)
        self._budget = Budget(descriptors_for_associations(), self._end_one_idle)
        self._pools: dict[str, Pool] = {}
        self._running: set[Attempt] = set()
        #: Requests for which an association was opened, or is being opened.
        self._opened: set[str] = set()
        self._stopped = asyncio.Event()
        self._reason = Stop.INTERRUPTED

    async def submit(self, order: Order) -> AsyncGenerator[Step, None]:
        """Steps as the protocol says."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            try:
                lease = await self._leased(order)
                async with aclosing(self._carry_out(order, lease)) as steps:
                    async for step in steps:
                        yield step
            except _StoppedError:
                yield self._given_up(order)
            except _StaleError:
                continue
            except BatchfindError as error:
                if error.cause == BatchfindError.cause:
                    raise  # a mistake of ours is told with its traceback
                tally = Tally(seconds=loop.time() - started)
                yield ended_by_error(
                    error, tally, order.peer, order.endpoint, _phase(error)
                )
            return

    def _given_up(self, order: Order) -> Ending | Unasked:
        """What became of a request that has no association when all is stopped."""
        if order.request not in self._opened:
            return Unasked()
        return ended_by_us(self._reason, Tally(), order.peer, order.endpoint, None)

    def stop(self, reason: Stop) -> None:
        """Cancels what runs; connections being opened are given up."""
        self._reason = reason
        self._stopped.set()
        for pool in self._pools.values():
            pool.hurry(_HURRIED_RELEASE)
        for attempt in self._running:
            attempt.stop(reason)

    async def settle(self, group: str, *, over: bool) -> None:
        """Releases the idle associations of a group that nobody comes back to."""
        pool = self._pools.get(group)
        if pool is not None:
            await (pool.close() if over else pool.trim())

    async def close(self) -> None:
        """Releases every association that is still open."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
        self._resolver.close()

    async def _carry_out(
        self, order: Order, lease: Lease
    ) -> AsyncGenerator[Step, None]:
        """Runs the order on the association; tells whether the peer heard of it."""
        attempt: Attempt | None = None
        begun = False
        try:
            attempt = Attempt(order, lease.client)
            facts = _facts(order, lease, attempt.accepted)
            self._running.add(attempt)
            yield Associated(lease.client.accepted.operations)
            if self._stopped.is_set():
                attempt.stop(self._reason)
            async with aclosing(attempt.run()) as steps:
                async for step in steps:
                    if attempt.unheard and self._stale(order, lease):
                        raise _StaleError
                    if attempt.disturbed and isinstance(step, Ending):
                        yield Disturbed(step)
                        return
                    if not begun:
                        begun = True
                        yield Started(facts)
                    yield step
        finally:
            if attempt is not None:
                self._running.discard(attempt)
            await self._pool(order).give_back(lease, order)

    def _stale(self, order: Order, lease: Lease) -> bool:
        """Whether the SCP had enough of the association: others were served on it."""
        if self._stopped.is_set() or not lease.client.proven:
            return False
        if lease.client.served == _FIRST_AND_THIS:
            # Some SCPs serve one C-FIND an association and close it afterwards.
            self._pool(order).serve_once()
        return True

    async def _end_one_idle(self) -> bool:
        for pool in self._pools.values():
            if await pool.end_one():
                return True
        return False

    def _pool(self, order: Order) -> Pool:
        if order.group not in self._pools:
            self._pools[order.group] = Pool(
                order.associations,
                partial(self._seating, order),
                self._connect,
                lambda: next(self._numbers),
                self._budget,
                self._complain,
            )
        return self._pools[order.group]

    def _seating(
        self, order: Order, wanted: Callable[[], bool], changed: Callable[[], None]
    ) -> Seating:
        if self._hall is None:
            return FreeSeating()
        return self._hall.seating(order, wanted, changed)

    async def _connect(self, order: Order) -> Client:
        self._opened.add(order.request)
        client = await connect(order, self._credentials, self._resolver)
        self._opened.discard(order.request)
        return client

    async def _leased(self, order: Order) -> Lease:
        pool = self._pool(order)
        lease = None if self._stopped.is_set() else pool.at_once(order)
        if lease is not None:
            return lease
        return await self._unless_stopped(pool.lease(order))

    async def _unless_stopped(self, work: Coroutine[Any, Any, _T]) -> _T:
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise _StoppedError
        finally:
            stopped.cancel()
            if not task.done():  # else what it brought is on its way to the caller
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def _phase(error: BatchfindError) -> str:
    return "connect" if isinstance(error, _CONNECTING) else "association"


def _facts(order: Order, lease: Lease, options: tuple[str, ...]) -> AttemptFacts:
    client = lease.client
    accepted = client.accepted
    implementation = (accepted.implementation_version, accepted.implementation_uid)
    return AttemptFacts(
        transfer_syntax=client.negotiated[order.sop_class].transfer_syntax,
        peer_implementation=" ".join(part for part in implementation if part),
        peer_max_pdu=accepted.max_pdu,
        address=str(client.address),
        association=lease.number,
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        tls=client.tls_facts,
        negotiated=options,
        operations=accepted.operations,
    )
