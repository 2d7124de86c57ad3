"""One try at a request on one association, with the reasons to end it early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from batchfind.capture.records import Ending
from batchfind.dicom.encode import encode
from batchfind.dimse.messages import Matches
from batchfind.errors import BatchfindError, PeerClosed, PeerReleased, PeerReset
from batchfind.execution.executor import Order
from batchfind.execution.outcomes import (
    Stop,
    Tally,
    ended_by_error,
    ended_by_final,
    ended_by_us,
)
from batchfind.net.client import Client
from batchfind.net.find import Find

#: How a connection ends that the peer had given up before it saw the request.
_GONE_BEFORE = (PeerClosed, PeerReset, PeerReleased)
#: How long a peer may take to end a request that the run gives up, in seconds.
_PATIENCE = 10.0


class Attempt:
    """A C-FIND under way; `stop` may be called at any time.

    Attributes:
        unheard: the connection was gone before the peer can have answered.
    """

    def __init__(self, order: Order, client: Client) -> None:
        self.unheard = False
        self._order = order
        self._find = self._prepare(client)
        self._reason: Stop | None = None
        self._sent = False
        self._responses = 0
        self._bytes = 0

    async def run(self) -> AsyncGenerator[Matches | Ending, None]:
        """Sets of matches as they come, then exactly one Ending.

        Never raises for a fault of the peer: the Ending tells it.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        error: BatchfindError | None = None
        timers = self._timers(loop)
        try:
            async with self._find as find:
                self._sent = True
                self._act()
                async with aclosing(find.matches()) as sets:
                    async for matches in sets:
                        self._count(matches)
                        yield matches
        except BatchfindError as failure:
            error = failure
        finally:
            for timer in timers:
                timer.cancel()
        yield self._ending(error, loop.time() - started)

    def stop(self, reason: Stop) -> None:
        """Ends the request: by C-CANCEL, or by A-ABORT where the job says so."""
        if self._reason is None:
            self._reason = reason
            self._act()

    def _prepare(self, client: Client) -> Find:
        order = self._order

        def encoded(transfer_syntax: str) -> bytes:
            return encode(
                order.identifier,
                transfer_syntax,
                order.charset,
                deflate_level=order.deflate_level,
            )

        return client.find(
            order.sop_class,
            encoded,
            order.priority,
            flush_responses=order.cancel.after_responses,
        )

    def _timers(self, loop: asyncio.AbstractEventLoop) -> list[asyncio.TimerHandle]:
        """The reasons to stop that come with time rather than with responses."""
        after, most = self._order.cancel.after, self._order.limits.seconds
        timers = []
        if after is not None:
            timers.append(loop.call_later(after, self.stop, Stop.POLICY))
        if most is not None:
            timers.append(loop.call_later(most, self.stop, Stop.LIMIT))
        return timers

    def _act(self) -> None:
        if self._reason is None or not self._sent:
            return
        if self._reason is Stop.POLICY and self._order.abort_on_cancel:
            self._find.drop()
        else:
            # Who interrupts a run wants it to end, whatever the peer's timeouts say.
            self._find.cancel(None if self._reason is Stop.POLICY else _PATIENCE)

    def _count(self, matches: Matches) -> None:
        order = self._order
        self._responses += len(matches)
        self._bytes += len(matches.payload)
        ended = self._find.final is not None
        wanted = order.cancel.after_responses
        if wanted is not None and self._responses >= wanted + ended:
            self.stop(Stop.POLICY)
        elif not ended and (
            self._responses > order.limits.responses or self._bytes > order.limits.bytes
        ):
            self.stop(Stop.LIMIT)

    def _ending(self, error: BatchfindError | None, seconds: float) -> Ending:
        order, find = self._order, self._find
        tally = self._tally(error, seconds)
        if find.final is not None:
            return ended_by_final(
                find.final, self._reason, tally, order.peer, order.endpoint
            )
        if self._reason is not None or error is None:
            reason = self._reason or Stop.INTERRUPTED
            return ended_by_us(reason, tally, order.peer, order.endpoint, None)
        self.unheard = isinstance(error, _GONE_BEFORE) and not self._responses
        return ended_by_error(error, tally, order.peer, order.endpoint)

    def _tally(self, error: BatchfindError | None, seconds: float) -> Tally:
        warnings = tuple(self._find.warnings)
        if error is not None and self._reason is not None:
            warnings += (str(error),)
        kept = self._responses
        wanted = self._order.cancel.after_responses
        if self._reason is Stop.POLICY and wanted is not None:
            kept = min(kept, wanted)
        return Tally(
            responses=self._responses,
            kept=kept,
            bytes=self._bytes,
            seconds=seconds,
            warnings=warnings,
        )
