"""The hours in which peers may be asked, by the clock on their wall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias
from zoneinfo import ZoneInfo

from batchfind.job.hours import WHOLE_DAY, Interval
from batchfind.plan.model import PlannedPeer

Clock: TypeAlias = Callable[[], datetime]
"""Tells the time of day, with a time zone; it may be set, or stand still in sleep."""

_DAY = timedelta(days=1)


def wall_clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def opens(hours: Iterable[Interval], now: datetime) -> datetime | None:
    """When the next interval of hours begins, if none has now.

    What the clock on the wall shows decides: what it shows twice, when it is put back,
    is within hours twice; what it leaves out, when it is put forward, never is, and an
    interval that would begin then begins with what it shows next.

    Args:
        hours: one or more intervals.
        now: in the time zone that the hours are meant in.

    Returns:
        A time in that zone; None when it is within hours.
    """
    intervals, zone, found = tuple(hours), now.tzinfo or UTC, now
    while not any(_covers(one, found) for one in intervals):
        wall = found.replace(tzinfo=None)
        wait = min(_next_begin(one, wall) for one in intervals) - wall
        found = _pass(found.astimezone(UTC), min(wait, _DAY), zone)
    return None if found is now else found


def _covers(interval: Interval, time: datetime) -> bool:
    """Whether an interval has begun and not ended, today's or that of yesterday."""
    minute, today = time.hour * 60 + time.minute, time.weekday()
    since, yesterday = minute - interval.begin, today - 1
    if since >= 0:
        return interval.starts_on(today) and since < interval.minutes
    return interval.starts_on(yesterday) and since + WHOLE_DAY < interval.minutes


def _next_begin(interval: Interval, wall: datetime) -> datetime:
    """When an interval begins next, as the wall shows it."""
    midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = midnight + timedelta(minutes=interval.begin)
    while begin <= wall or not interval.starts_on(begin.weekday()):
        begin += _DAY
    return begin


def _pass(start: datetime, wait: timedelta, zone: tzinfo) -> datetime:
    """A time so much later, or that at which the clock is changed before."""
    low, high = start, start + wait
    offset = start.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() != offset:
        while high - low > timedelta(microseconds=1):
            middle = low + (high - low) / 2
            if middle.astimezone(zone).utcoffset() == offset:
                low = middle
            else:
                high = middle
    return high.astimezone(zone)


class Opening:
    """When peers that share what they bear may be asked.

    Attributes:
        waits: requests outside wait until then; else they are skipped.
    """

    def __init__(
        self,
        hours: Sequence[tuple[tuple[Interval, ...], str]] = (),
        *,
        waits: bool = False,
        clock: Clock = wall_clock,
    ) -> None:
        """As the plan says.

        Args:
            hours: with the IANA name of the time zone they are meant in; all of them
                count. Without any it is always.
            waits: what requests outside do.
            clock: tells the time.
        """
        self.waits = waits
        self._hours = [(intervals, ZoneInfo(zone)) for intervals, zone in hours]
        self._clock = clock
        #: From when until when it is known not to be.
        self._closed: tuple[datetime, datetime] | None = None

    def opens(self) -> datetime | None:
        """When they may be asked again; None when they may be asked now."""
        if not self._hours:
            return None
        now = self._clock().astimezone(UTC)
        if self._closed is not None and self._closed[0] <= now < self._closed[1]:
            return self._closed[1]
        found = (opens(hours, now.astimezone(zone)) for hours, zone in self._hours)
        later = (one for one in found if one is not None)
        until = max(later, key=datetime.timestamp, default=None)
        self._closed = None if until is None else (now, until)
        return until

    def ahead(self) -> float:
        """Seconds until then, by the clock as it goes now."""
        until = self.opens()
        # Not by subtraction: within one time zone it takes no account of the offset.
        return 0.0 if until is None else until.timestamp() - self._clock().timestamp()

    def __str__(self) -> str:
        """The hours as a job writes them."""
        return " and ".join(
            f"{', '.join(map(str, intervals))} {zone}"
            for intervals, zone in self._hours
        )


def opening_of(
    peers: Iterable[PlannedPeer], zone: str | None, *, waits: bool, clock: Clock
) -> Opening:
    """When peers that share what they bear may be asked.

    Args:
        peers: of one group.
        zone: time zone of those that name none.
        waits: what requests outside do.
        clock: tells the time.
    """
    hours = dict.fromkeys(
        (peer.limits.hours, peer.timezone or zone or "UTC")
        for peer in peers
        if peer.limits.hours
    )
    return Opening(tuple(hours), waits=waits, clock=clock)
