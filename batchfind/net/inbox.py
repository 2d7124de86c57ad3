"""What came for one operation while its owner did something else."""

from __future__ import annotations

import asyncio

from batchfind.dimse.messages import Echoed, Final, Matches
from batchfind.errors import PeerError
from batchfind.net.link import News, NewsItem

#: Nothing more is read while an inbox holds so much; what has been read still comes.
_FULL_BYTES = 1 << 20
#: Weight of one response beside its Identifier: its end and its status.
_RESPONSE_BYTES = 64


class Inbox:
    """News of one operation that its owner has not taken yet.

    Attributes:
        message_id: of the request; 0 until it is sent.
        news: in the order received.
        heard: a response to it came.
        answered: the final response is among them or was taken.
        error: how the association ended for this operation, or None.
        bystander: it ended through the fault of another operation, so that this one
            may be asked again as if it had not been.
        alone: no other operation was in flight when it ended.
    """

    __slots__ = (
        "_waiter",
        "_weight",
        "alone",
        "answered",
        "bystander",
        "error",
        "heard",
        "message_id",
        "news",
    )

    def __init__(self) -> None:
        self.message_id = 0
        self.news: News = []
        self.heard = False
        self.answered = False
        self.error: PeerError | None = None
        self.bystander = False
        self.alone = True
        self._weight = 0
        self._waiter: asyncio.Future[bool] | None = None

    @property
    def full(self) -> bool:
        """Whether it holds more than it should."""
        return self._weight >= _FULL_BYTES

    @property
    def waits(self) -> bool:
        """Whether its owner waits for somebody else to read."""
        return self._waiter is not None and not self._waiter.done()

    def put(self, item: NewsItem) -> None:
        """Keeps a piece of news and tells the owner."""
        self.news.append(item)
        if isinstance(item, Matches):
            self.heard = True
            self._weight += len(item.payload) + len(item) * _RESPONSE_BYTES
        elif isinstance(item, Final | Echoed):
            self.answered = True
        self.stir()

    def take(self) -> News:
        """All that is in it."""
        news, self.news, self._weight = self.news, [], 0
        return news

    def disturbed(self, error: PeerError) -> PeerError:
        """Marks a bystander; the error for it when another one failed like this."""
        self.bystander = True
        return type(error)(f"another request ended the association: {error}")

    async def stirred(self, deadline: float | None) -> bool:
        """Waits until there is something to do.

        Args:
            deadline: on the loop's clock, in seconds; None waits for ever.

        Returns:
            False at the deadline or after `wake`.
        """
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = None if deadline is None else loop.call_at(deadline, self.wake)
        try:
            return await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def stir(self) -> None:
        """Ends the owner's wait: there is news, an error, or its turn to read."""
        self._finish(stirred=True)

    def wake(self) -> None:
        """Ends the owner's wait without any of them."""
        self._finish(stirred=False)

    def _finish(self, *, stirred: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(stirred)
