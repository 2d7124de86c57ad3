"""When the next C-FIND may be sent to peers that share what they bear."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.plan.model import PlannedPeer


class Pace:
    """C-FINDs one evenly after the other, never two in less than an interval.

    Nothing is saved up: after a pause there is no burst. Requests are let in an
    interval apart; those whose associations take longer or shorter to open are set
    apart again when they are sent. Times are seconds on the loop's clock.
    """

    def __init__(self, interval: float = 0.0) -> None:
        """None was sent yet.

        Args:
            interval: seconds between two, 0 for no bound.
        """
        self._interval = interval
        self._next_in = self._next_out = float("-inf")

    def ahead(self, now: float) -> float:
        """Seconds until one more request may be let in."""
        return max(0.0, max(self._next_in, self._next_out) - now)

    def let_in(self, now: float) -> None:
        """A request has been let in: it sends its C-FIND once it has an association."""
        self._next_in = now + self._interval

    def came_to_nothing(self) -> None:
        """It got no association, and sent none."""
        self._next_in = float("-inf")

    def gap(self, now: float) -> float:
        """Seconds until the C-FIND of a request that was let in may be sent."""
        return max(0.0, self._next_out - now)

    def sent(self, now: float, count: int = 1) -> None:
        """So many were sent by now."""
        if count:
            self._next_out = max(self._next_out, now) + count * self._interval


def pace_of(peers: Iterable[PlannedPeer]) -> Pace:
    """The pace of peers that share what they bear: the slowest of them counts."""
    rates = [peer.limits.rate for peer in peers]
    return Pace(max((rate.interval for rate in rates if rate), default=0.0))
