"""One try at a request on one association, with the reasons to end it early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from batchfind.capture.records import Ending
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Identifier
from batchfind.dimse.messages import Matches
from batchfind.errors import (
    BatchfindError,
    NotNegotiated,
    PeerClosed,
    PeerReleased,
    PeerReset,
)
from batchfind.execution.executor import Order
from batchfind.execution.negotiated import negotiated
from batchfind.execution.outcomes import (
    Stop,
    Tally,
    ended_between_pages,
    ended_by_error,
    ended_by_final,
    ended_by_us,
)
from batchfind.execution.pages import Pages
from batchfind.net.client import Client
from batchfind.net.find import Find

#: How a connection ends that the peer had given up before it saw the request.
_GONE_BEFORE = (PeerClosed, PeerReset, PeerReleased)
#: How long a peer may take to end a request that the run gives up, in seconds.
_PATIENCE = 10.0


class Attempt:
    """A C-FIND under way with all its pages; `stop` may be called at any time.

    Attributes:
        unheard: the connection was gone before the peer can have answered.
        disturbed: another request on the association was at fault when it ended.
        accepted: options of extended negotiation that were asked and accepted.
    """

    def __init__(self, order: Order, client: Client) -> None:
        self.unheard = False
        self.disturbed = False
        self._order = order
        self._client = client
        context = client.negotiated[order.sop_class]
        self._pages = Pages(order.sop_class, context.transfer_syntax)
        self._reason: Stop | None = None
        self._sent = False
        self._responses = 0
        self._bytes = 0
        self._options = negotiated(
            order.sop_class, order.negotiation, client.accepted.extended
        )
        self.accepted = self._options.accepted
        self._warnings = dict.fromkeys(self._options.warnings)
        self._find = self._prepare(order.identifier)

    async def run(self) -> AsyncGenerator[Matches | Ending, None]:
        """Sets of matches as they come, then exactly one Ending.

        Never raises for a fault of the peer: the Ending tells it.
        """
        if self._options.missing:
            yield self._refusal()
            return
        loop = asyncio.get_running_loop()
        started = loop.time()
        error: BatchfindError | None = None
        timers = self._timers(loop)
        try:
            while True:
                async with self._find as find:
                    self._sent = True
                    self._act()
                    while (matches := await find.more()) is not None:
                        self._count(matches)
                        yield matches
                if not self._turned():
                    break
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

    def _refusal(self) -> Ending:
        order, error = self._order, NotNegotiated(self._options.refusal)
        return ended_by_error(error, Tally(), order.peer, order.endpoint)

    def _prepare(self, identifier: Identifier) -> Find:
        order = self._order
        wanted = order.cancel.after_responses

        def encoded(transfer_syntax: str) -> bytes:
            return encode(
                identifier,
                transfer_syntax,
                order.charset,
                deflate_level=order.deflate_level,
                new_vr_as_ob=order.new_vr_as_ob,
            )

        return self._client.find(
            order.sop_class,
            encoded,
            order.priority,
            flush_responses=None if wanted is None else wanted - self._responses,
        )

    def _turned(self) -> bool:
        """Whether there is another page, which is then ready to be asked for."""
        if self._reason is not None or not self._pages.more(self._find.final):
            return False
        wanted = self._order.cancel.after_responses
        if wanted is not None and self._responses >= wanted:
            self._reason = Stop.POLICY
            return False
        following = self._pages.following(self._order.identifier)
        if following is None:
            return False
        self._keep_warnings()
        self._sent = False
        self._find = self._prepare(following)
        return True

    def _keep_warnings(self) -> None:
        self._warnings |= dict.fromkeys(self._find.warnings)

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
        self._pages.note(matches)
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
        if find.final is not None and self._pages.problem:
            return ended_between_pages(
                find.final, self._pages, tally, order.peer, order.endpoint
            )
        if find.final is not None:
            return ended_by_final(
                find.final, self._reason, tally, order.peer, order.endpoint
            )
        if self._reason is not None or error is None:
            reason = self._reason or Stop.INTERRUPTED
            return ended_by_us(reason, tally, order.peer, order.endpoint, None)
        self.disturbed = find.bystander
        gone = isinstance(error, _GONE_BEFORE) and not self._responses
        # With others in flight it was one of them, or this one, that drove it away.
        self.unheard = gone and find.alone and not find.bystander
        return ended_by_error(error, tally, order.peer, order.endpoint)

    def _tally(self, error: BatchfindError | None, seconds: float) -> Tally:
        self._keep_warnings()
        warnings = tuple(self._warnings)
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
            pages=self._pages.count,
            warnings=warnings,
        )
