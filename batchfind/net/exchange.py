"""The operations in flight on one association: who reads, and who gets which news.

An association is one stream of bytes, so there is one reader at a time: the first
operation that waits reads for all, and puts what belongs to others into their
inboxes. An operation that is alone on its association reads for itself, and nothing
is copied or queued.

A stream cannot be read in part either. While one inbox holds more than its owner has
taken for a while, nobody reads, so that a slow owner costs no memory; and no deadline
runs, since it is not the peer that is slow. Operations that share an association
therefore need a task each: one that is never asked for its news stops the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchfind.dimse.messages import Irregularity, Matches
from batchfind.errors import (
    Interrupted,
    LocalProtocolError,
    PeerClosed,
    PeerError,
    PeerReleased,
    PeerReset,
)
from batchfind.net.inbox import Inbox
from batchfind.net.link import Link, News

#: How an SCP leaves that takes no more requests on an association.
_LEAVING = (PeerClosed, PeerReset, PeerReleased)


class Exchange:
    """Requests and answers of one association.

    Attributes:
        served: an operation was answered to its end.
        heard: when the last response came, on this exchange's clock, as far as
            several operations were in flight then; or None.

    Source: PS3.7 Section D.3.3.3.
    """

    def __init__(self, link: Link, window: int) -> None:
        """Begins with nothing in flight.

        Args:
            link: of an association whose contexts are negotiated.
            window: operations that may be in flight, 1 or more.
        """
        self._link = link
        self._window = window
        self._clock = asyncio.get_running_loop().time
        self._inboxes: dict[int, Inbox] = {}
        self._reader: Inbox | None = None
        self._answering: Inbox | None = None
        self._full: set[Inbox] = set()
        self._paused_since = 0.0
        self._paused = 0.0
        self._over: PeerError | None = None
        self.served = False
        self.heard: float | None = None

    @property
    def over(self) -> bool:
        """Whether the association can carry no further operation."""
        return self._over is not None or self._link.ended

    async def begin(
        self, inbox: Inbox, request: Callable[[], tuple[int, bytes]]
    ) -> None:
        """Sends a request whose answers go into an inbox.

        Args:
            inbox: not used before.
            request: gives the message ID and the bytes to be written.

        Raises:
            PeerError: the association ended before the request was sent.
            LocalProtocolError: the window is full, or the request is impossible.
        """
        try:
            # Whatever came before the request cannot be its answer.
            while self._over is None and not self._full and not self._link.silent:
                news = await self._link.news(self._link.deadline(0.0))
                if news is None:
                    break
                self._deliver(news)
        except PeerError as error:
            unshared = self._over is None and not self._inboxes
            self._collapse(error)
            if unshared:
                raise
        if self._over is not None:
            raise inbox.disturbed(self._over)
        if self._link.operations.in_flight >= self._window:
            raise LocalProtocolError(f"{self._window} operations are in flight already")
        inbox.message_id, data = request()
        self._inboxes[inbox.message_id] = inbox
        self._link.write(data)

    async def news(
        self, inbox: Inbox, deadline: float | None, at: float | None = None
    ) -> News | None:
        """What came for one operation since the last time.

        Args:
            inbox: of the operation.
            deadline: by this exchange's clock; None waits for ever.
            at: on the loop's clock: returns then, too.

        Returns:
            A list, empty when no message is complete yet; None at a deadline or
            after `wake`.

        Raises:
            PeerError: the association ended. What came before was returned first;
                `inbox.bystander` tells whether another operation was at fault.
        """
        try:
            while not inbox.news:
                if inbox.error is not None:
                    raise inbox.error
                until = _earlier(self._on_loop(deadline), at)
                if self._reader is not None or self._full:
                    if not await inbox.stirred(until):
                        return None
                    continue
                self._reader = inbox
                try:
                    news = await self._link.news(until)
                finally:
                    self._reader = None
                # Whoever began an operation meanwhile may have read for this one.
                if not inbox.news and (news is None or len(self._inboxes) == 1):
                    return news
                self._deliver(news or [])
                break
            return self._take(inbox)
        except PeerError as error:
            self._collapse(error)
            if inbox.error is None or inbox.error is error:
                raise
            raise inbox.error from error
        finally:
            # Whoever stops waiting may have been the one whose turn it was to read.
            if self._reader is None:
                self._pass_on()

    def wake(self, inbox: Inbox) -> None:
        """Makes a waiting `news` return None: its caller looks at its deadlines."""
        if self._reader is inbox:
            self._link.wake()
        else:
            inbox.wake()

    def end(self, inbox: Inbox) -> None:
        """Forgets an operation that had its final response."""
        self.served = True
        self._forget(inbox)

    def abandon(self, inbox: Inbox, error: BaseException | None) -> None:
        """Aborts the association of an operation that is left before its end.

        Args:
            inbox: of the operation, which is at fault.
            error: why it is left; the others hear of it.
        """
        if not isinstance(error, PeerError):
            error = Interrupted("a request on it was given up")
        self._collapse(error, inbox)
        self._link.abort()
        self._forget(inbox)

    def unanswered(self, inbox: Inbox, error: PeerError) -> PeerError:
        """Ends an association that is silent towards an operation from its beginning.

        An SCP that takes requests in turn never came to this one: what bears it is
        the one that the SCP is busy with.

        Args:
            inbox: of the operation that waited in vain.
            error: the timeout.

        Returns:
            What it is to the operation.
        """
        self._collapse(error)
        return inbox.error or error

    def close(self) -> None:
        """Ends what is in flight: the association is about to be ended by us."""
        self._collapse(Interrupted("the association was ended"))

    def deadline(self, seconds: float | None) -> float | None:
        """A point on this exchange's clock so many seconds from now; None: never."""
        return None if seconds is None else self.now() + seconds

    def late(self, deadline: float | None) -> bool:
        """Whether the deadline has passed."""
        return deadline is not None and self.now() >= deadline

    def now(self) -> float:
        """Seconds on a clock that stands still while we do not read."""
        return (self._paused_since if self._full else self._clock()) - self._paused

    def _on_loop(self, deadline: float | None) -> float | None:
        """The deadline on the loop's clock; none while our clock stands still."""
        return None if deadline is None or self._full else deadline + self._paused

    def _forget(self, inbox: Inbox) -> None:
        self._inboxes.pop(inbox.message_id, None)
        self._take(inbox)
        if self._answering is inbox:
            self._answering = None

    def _pass_on(self) -> None:
        """Lets the oldest operation that waits read next."""
        for inbox in self._inboxes.values():
            if inbox.waits:
                inbox.stir()
                return

    def _deliver(self, news: News) -> None:
        for item in news:
            inbox = self._inboxes.get(item.message_id or 0)
            if not isinstance(item, Irregularity):
                self.heard = self.now()
            elif inbox is None:
                # It belongs to nobody any more; the oldest request tells it.
                inbox = next(iter(self._inboxes.values()), None)
            if inbox is None:
                continue
            if isinstance(item, Matches):
                self._answering = inbox
            inbox.put(item)
            if inbox.full and inbox not in self._full:
                self._pause(inbox)

    def _pause(self, inbox: Inbox) -> None:
        if not self._full:
            self._paused_since = self._clock()
        self._full.add(inbox)

    def _take(self, inbox: Inbox) -> News:
        if inbox in self._full:
            self._full.remove(inbox)
            if not self._full:
                self._paused += self._clock() - self._paused_since
                for waiting in self._inboxes.values():
                    waiting.stir()
        return inbox.take()

    def _collapse(self, error: PeerError, culprit: Inbox | None = None) -> None:
        """Ends every operation in flight, each with an error of its own."""
        if self._over is not None:
            return
        self._over = error
        unanswered = [each for each in self._inboxes.values() if not each.answered]
        culprit = culprit or self._culprit(error, unanswered)
        for inbox in unanswered:
            inbox.alone = len(unanswered) == 1
            if inbox is culprit:
                inbox.error = error
            else:
                inbox.error = inbox.disturbed(error)
            inbox.stir()
        self._link.wake()

    def _culprit(self, error: PeerError, unanswered: list[Inbox]) -> Inbox | None:
        """Whose answer ended the association, as far as can be known.

        An SCP that fails was busy with the request it answered last, or, if it has
        answered none of them, with the oldest. One that leaves after it answered
        others may have had enough of the association before it saw any of these.

        Returns:
            None when it is nobody as far as can be known.
        """
        named = self._inboxes.get(error.message_id or 0)
        heard = [each for each in unanswered if each.heard]
        for inbox in (named, self._answering, *heard):
            if inbox in unanswered:
                return inbox
        served = self.served or len(unanswered) < len(self._inboxes)
        left = served and isinstance(error, _LEAVING)
        if not unanswered or (left and len(unanswered) > 1):
            return None
        return unanswered[0]


def _earlier(first: float | None, second: float | None) -> float | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)
