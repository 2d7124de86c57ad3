"""The wire of one association: events in, PDUs out, deadlines on the loop's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TypeAlias

from batchfind.dimse.messages import Echoed, Final, Irregularity, Matches
from batchfind.dimse.operations import Operations
from batchfind.errors import (
    DimseError,
    LimitReached,
    LocalProtocolError,
    PeerAborted,
    PeerClosed,
    PeerError,
    PeerReleased,
    PeerReset,
    RejectedPermanent,
    RejectedTransient,
)
from batchfind.net.channel import Channel
from batchfind.net.settings import Timeouts
from batchfind.net.tls_faults import late_fault
from batchfind.net.x509 import Certificate
from batchfind.ul.association import Association
from batchfind.ul.contexts import NegotiatedContext
from batchfind.ul.events import (
    Abort,
    Aborted,
    Closed,
    Command,
    Event,
    Rejected,
    ReleaseRequested,
    ReleaseResponse,
    Tolerated,
)
from batchfind.ul.framing import Burst

#: How long a closed connection may take to flush its last bytes, in seconds.
_FAREWELL = 2.0
#: A server of TLS drops what is not TLS, most often without a word.
_SILENT_END = (
    "the peer may drop unknown addresses or AE titles, or expect TLS at this port; "
    "look at its log"
)

NewsItem: TypeAlias = Matches | Final | Echoed | Irregularity
News: TypeAlias = list[NewsItem]


class Link:
    """An association joined to its connection.

    Attributes:
        timeouts: deadlines of every wait, in seconds.
    """

    def __init__(
        self, channel: Channel, association: Association, timeouts: Timeouts
    ) -> None:
        self.timeouts = timeouts
        self._channel = channel
        self._association = association
        self._operations: Operations | None = None
        self._fault: PeerError | None = None

    def begin(self, contexts: Iterable[NegotiatedContext]) -> None:
        """Starts the operations once the presentation contexts are negotiated."""
        self._operations = Operations(contexts, self._association.send)

    @property
    def operations(self) -> Operations:
        """What runs on the association; only after `begin`."""
        if self._operations is None:
            raise LocalProtocolError("the association is not negotiated yet")
        return self._operations

    @property
    def ended(self) -> bool:
        """Whether the association is over."""
        return self._association.ended

    @property
    def tls_facts(self) -> str:
        """Version and cipher suite of TLS, or empty without it."""
        tls = self._channel.tls
        return "" if tls is None else tls.facts

    @property
    def certificate(self) -> Certificate | None:
        """The certificate the peer showed, or None without TLS."""
        tls = self._channel.tls
        return next(iter(tls.chain), None) if tls is not None else None

    @property
    def quiet(self) -> bool:
        """Whether nothing unread has arrived and the connection stands."""
        return not self._channel.readable

    @property
    def silent(self) -> bool:
        """Whether `news` would have to wait."""
        waits = self._fault is None and not self._association.unread
        return waits and not self._channel.readable

    def send(self, command: Command) -> None:
        """Carries out a command of the upper layer."""
        self._channel.write(self._association.send(command))

    def write(self, data: bytes) -> None:
        """Sends encoded PDUs in one write."""
        self._channel.write(data)

    def wake(self) -> None:
        """Makes a waiting `event` or `news` return None: its caller looks up."""
        self._channel.wake()

    def abort(self) -> None:
        """Sends A-ABORT if something is left to abort, and drops the connection."""
        self.send(Abort())
        self._channel.kill()

    async def close(self) -> None:
        """Closes the connection; waits briefly until the socket is gone."""
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._channel.close()
        except TimeoutError:
            self._channel.kill()

    @staticmethod
    def deadline(seconds: float | None) -> float | None:
        """A point on the loop's clock so many seconds from now; None: never."""
        if seconds is None:
            return None
        return asyncio.get_running_loop().time() + seconds

    @staticmethod
    def late(deadline: float | None) -> bool:
        """Whether the deadline has passed."""
        return deadline is not None and asyncio.get_running_loop().time() >= deadline

    async def event(self, deadline: float | None) -> Event | None:
        """The next event of the upper layer.

        Returns:
            None at the deadline, after `wake`, or when nothing can follow.

        Raises:
            PeerError: the peer broke the protocol; our A-ABORT has been sent.
        """
        channel, association = self._channel, self._association
        while True:
            try:
                event = association.next_event()
            except PeerError as fault:
                # Others may look for news while the connection is being closed.
                self._fault = fault
                channel.write(association.pending_output())
                await self.close()
                raise
            if event is not None:
                return event
            if association.ended:
                return None
            if not channel.readable:
                if self.late(deadline):
                    return None
                await channel.wait(deadline)
                if not channel.readable:
                    return None
            association.receive(channel.take())

    async def news(self, deadline: float | None) -> News | None:
        """What the next burst means to the operations.

        Returns:
            A list, empty when no message is complete yet; None at the deadline or
            after `wake`.

        Raises:
            PeerError: the association ended or the peer broke the protocol; our
                A-ABORT has been sent where one is due.
        """
        if self._fault is not None:
            raise self._fault
        event = await self.event(deadline)
        if event is None:
            return None
        if isinstance(event, Burst):
            return self._received(event)
        if isinstance(event, Tolerated):
            return [Irregularity(None, event.text)]
        raise self.over(event)

    def _received(self, burst: Burst) -> News:
        """What came before a fault is handed on; the fault is raised next time."""
        items: News = []
        try:
            items.extend(self.operations.receive(burst))
        except (DimseError, LimitReached) as fault:
            self.abort()
            if not items:
                raise
            self._fault = fault
        return items

    def over(self, event: Event) -> PeerError:
        """The error that an event which ends the association is to its caller."""
        match event:
            case Rejected():
                kind = RejectedTransient if event.transient else RejectedPermanent
                return kind(
                    f"the association was rejected: {event.words}",
                    source=event.source,
                    reason=event.reason,
                )
            case Aborted():
                return PeerAborted(f"the association was aborted: {event.words}")
            case ReleaseRequested():
                self.send(ReleaseResponse())
                return PeerReleased("the peer released the association")
            case Closed():
                return self._closed(event)
            case _:
                return DimseError(f"{type(event).__name__} was not expected here")

    def _closed(self, event: Closed) -> PeerError:
        tls = self._channel.tls
        if fault := late_fault(tls):
            return fault
        error: PeerError = PeerClosed(event.words)
        if isinstance(self._channel.error, ConnectionResetError):
            error = PeerReset("the connection was reset")
        elif isinstance(self._channel.error, TimeoutError):
            error = PeerReset("the connection broke: its other end does not answer")
        if tls is None and self._operations is None and not event.received:
            error.hint = _SILENT_END
        return error
