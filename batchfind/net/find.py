"""One C-FIND on an association: sets of matches, then the final response."""

from __future__ import annotations

from array import array
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

import numpy as np

from batchfind.dimse.command_set import Priority
from batchfind.dimse.messages import Final, Irregularity, Matches
from batchfind.errors import LimitReached, PeerError, ResponseTimeout
from batchfind.net.exchange import Exchange
from batchfind.net.inbox import Inbox
from batchfind.net.link import Link

#: A set of matches is handed on at this size, or when its first response is this old,
#: so that a slow peer's responses do not linger in memory.
_FLUSH_BYTES = 1 << 20
_FLUSH_SECONDS = 0.25
#: Distinct warnings kept for one request; a peer can repeat itself for ever.
_MOST_WARNINGS = 20
#: What a peer may send after C-CANCEL: what is on its way is much less, and a peer that
#: takes no notice could fill a disk within `timeouts.cancel`.
_MOST_DRAINED = 64 << 20
#: Weight of a response beside its Identifier, so that empty ones count as well.
_RESPONSE_BYTES = 64


class Find:
    """A C-FIND in progress. Leaving it before its end aborts the association.

    Attributes:
        message_id: of the C-FIND-RQ; 0 until it is sent.
        final: the final response, once `matches` has ended.
        warnings: tolerated irregularities, each once.
    """

    def __init__(
        self,
        link: Link,
        exchange: Exchange,
        *,
        context_id: int,
        sop_class: str,
        priority: Priority,
        identifier: bytes,
        flush_responses: int | None = None,
    ) -> None:
        self.message_id = 0
        self.final: Final | None = None
        self.warnings: list[str] = []
        self._link = link
        self._exchange = exchange
        self._inbox = Inbox()
        self._order = (context_id, sop_class, priority, identifier)
        self._deadline: float | None = None
        self._cancelled = False
        self._dropped = False
        self._drain: float | None = None
        self._drained = 0
        self._waiting: list[Matches] = []
        self._waiting_bytes = 0
        self._flush_at: float | None = None
        self._flush_in = flush_responses
        self._handed_on: float | None = None
        self._failure: Exception | None = None

    @property
    def bystander(self) -> bool:
        """Whether another request was at fault when the association ended."""
        return self._inbox.bystander

    @property
    def alone(self) -> bool:
        """Whether no other request was in flight when the association ended."""
        return self._inbox.alone

    async def __aenter__(self) -> Self:
        await self._exchange.begin(
            self._inbox, lambda: self._link.operations.find(*self._order)
        )
        self.message_id = self._inbox.message_id
        self._deadline = self._exchange.deadline(self._link.timeouts.response)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.final is None:
            self._exchange.abandon(self._inbox, error)
            await self._link.close()
        else:
            self._exchange.end(self._inbox)

    async def matches(self) -> AsyncGenerator[Matches, None]:
        """Sets of pending responses, as `more` gives them."""
        while (matches := await self.more()) is not None:
            yield matches

    async def more(self) -> Matches | None:
        """The next set of pending responses; not asking pauses reading.

        Returns:
            None with the final response in `final`, or without one after `drop`.

        Raises:
            ResponseTimeout: no complete message came within `timeouts.response`, or
                no final response within `timeouts.cancel` after a cancel.
            LimitReached: 64 MiB of responses came after a cancel.
            PeerError: the association ended or the peer broke the protocol. What
                came before was handed on first; `bystander` tells whether another
                request on the same association was at fault.
        """
        if self._failure is not None:
            raise self._failure
        self._resume()
        try:
            while self.final is None and not self._dropped:
                await self._step()
                if self._due():
                    self._handed_on = self._exchange.now()
                    return self._flush()
        except Exception as failure:
            if not self._waiting:
                raise
            self._failure = failure
        return self._flush() if self._waiting else None

    def cancel(self, at_most: float | None = None) -> None:
        """Sends C-CANCEL once; the final response must then come in time.

        Args:
            at_most: seconds to wait for it, if `timeouts.cancel` is none or longer.

        Source: PS3.7 Section 9.3.2.3.
        """
        if self._cancelled or self.final is not None or self._dropped:
            return
        self._cancelled = True
        if self._exchange.over:
            return
        self._link.write(self._link.operations.cancel(self.message_id))
        limits = (self._link.timeouts.cancel, at_most)
        self._drain = min((one for one in limits if one is not None), default=None)
        self._deadline = self._exchange.deadline(self._drain)
        self._exchange.wake(self._inbox)

    def drop(self) -> None:
        """Ends the request at once by A-ABORT."""
        self._dropped = True
        self._exchange.wake(self._inbox)

    def _resume(self) -> None:
        """Moves the deadline by the time that we, not the peer, took."""
        paused, self._handed_on = self._handed_on, None
        if paused is not None and self._deadline is not None:
            self._deadline += self._exchange.now() - paused

    async def _step(self) -> None:
        """Takes in one burst, or notices that a deadline passed."""
        exchange = self._exchange
        news = await exchange.news(self._inbox, self._deadline, self._flush_at)
        if news is None:
            if self._late() and not self._dropped:
                raise self._timeout()
            return
        progress = False
        for item in news:
            if isinstance(item, Irregularity):
                self._warn(item.text)
            elif isinstance(item, Matches):
                self._keep(item)
                progress = True
            elif isinstance(item, Final):
                self.final = item
                self._inbox.answered = True
        if progress and not self._cancelled:
            self._inbox.heard = True
            self._deadline = exchange.deadline(self._link.timeouts.response)
        elif self._late() and self.final is None:
            raise self._timeout()
        if self._drained > _MOST_DRAINED and self.final is None:
            most = _MOST_DRAINED >> 20
            raise LimitReached(f"no final response, but {most} MiB after C-CANCEL")

    def _late(self) -> bool:
        """Whether the peer takes too long.

        Until a request has its first response, one to another request counts as well:
        nothing tells an SCP to work on all at once, and one that takes them in turn is
        not silent towards those that wait.
        """
        heard, most = self._exchange.heard, self._link.timeouts.response
        waits = not self._inbox.heard and not self._cancelled
        if waits and heard is not None and most is not None:
            self._deadline = max(self._deadline or 0.0, heard + most)
        return self._exchange.late(self._deadline)

    def _keep(self, matches: Matches) -> None:
        if not self._waiting:
            self._flush_at = self._link.deadline(_FLUSH_SECONDS)
        self._waiting.append(matches)
        self._waiting_bytes += len(matches.payload)
        if self._cancelled:
            self._drained += len(matches.payload) + len(matches) * _RESPONSE_BYTES
        if self._flush_in is not None:
            self._flush_in -= len(matches)

    def _due(self) -> bool:
        return bool(self._waiting) and (
            self._waiting_bytes >= _FLUSH_BYTES
            or self._link.late(self._flush_at)
            or (self._flush_in is not None and self._flush_in <= 0)
        )

    def _flush(self) -> Matches:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._flush_at = None
        return waiting[0] if len(waiting) == 1 else _joined(waiting)

    def _warn(self, text: str) -> None:
        if text not in self.warnings and len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(text)

    def _timeout(self) -> PeerError:
        if self._cancelled:
            sentence = f"no final response within {self._drain:g} s after C-CANCEL"
            return ResponseTimeout(sentence)
        most = self._link.timeouts.response
        error = ResponseTimeout(f"no message from the peer within {most:g} s")
        if self._inbox.heard:
            return error
        return self._exchange.unanswered(self._inbox, error)


def _joined(parts: list[Matches]) -> Matches:
    ends, base = [], 0
    for part in parts:
        ends.append(np.asarray(part.ends, np.int64) + base)
        base += len(part.payload)
    statuses = [np.asarray(part.statuses, np.uint16) for part in parts]
    return Matches(
        parts[0].message_id,
        b"".join(part.payload for part in parts),
        array("q", np.concatenate(ends).tobytes()),
        array("H", np.concatenate(statuses).tobytes()),
    )
