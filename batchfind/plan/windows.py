"""Cuts an interval of days into disjoint pieces.

>>> from datetime import date
>>> week = Interval(date(2026, 1, 1), date(2026, 1, 7))
>>> [piece.da for piece in cut(week, 3 * DAY)]
['20260101-20260103', '20260104-20260106', '20260107']
>>> [piece.da for piece in cut(Interval(None, date(2026, 1, 7)), None)]
['-20260107']
>>> [piece.da for piece in cut(Interval(date(2026, 1, 1), None), None)]
['20260101-']

Within a day the pieces share their bounds and the outer ones are open, so that
every time a peer has stored is in one of them, whatever order it compares in:

>>> day = Interval(date(2026, 1, 1), date(2026, 1, 1))
>>> [(piece.da, piece.tm) for piece in cut(day, 8 * HOUR)]
[('20260101', '-080000'), ('20260101', '080000-160000'), ('20260101', '160000-')]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from batchfind.plan.dates import Day, Style, as_da

HOUR: Final = 3600
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Interval:
    """Days from `start` to `end`, both included; None leaves that end open."""

    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a window.

    Attributes:
        days: the days it covers.
        tm: range of times within its only day, or empty for whole days.
    """

    days: Interval
    tm: str = ""

    @property
    def da(self) -> str:
        """The days as a DA key: one day alone, else a range.

        Source: PS3.4 Section C.2.2.2.5.1.
        """
        start, end = self.days.start, self.days.end
        if start is not None and start == end:
            return as_da(Day(start))
        low = as_da(Day(start)) if start else ""
        high = as_da(Day(end)) if end else ""
        return f"{low}-{high}"

    @property
    def dt(self) -> str:
        """The days as a DT key: always a range, to the last microsecond.

        Source: PS3.4 Section C.2.2.2.5.3.
        """
        low = f"{as_da(Day(self.days.start))}000000" if self.days.start else ""
        high = f"{as_da(Day(self.days.end))}235959.999999" if self.days.end else ""
        return f"{low}-{high}"

    @property
    def label(self) -> str:
        """The piece as one text, for people and columns."""
        return f"{self.da} {self.tm}" if self.tm else self.da


@dataclass(frozen=True, slots=True)
class WindowValue:
    """What `window` means in a template."""

    piece: Piece
    style: Style
    date_time: bool = False

    @property
    def start(self) -> Day:
        """The first day."""
        return _bound(self.piece.days.start, "from", self.style)

    @property
    def end(self) -> Day:
        """The last day."""
        return _bound(self.piece.days.end, "to", self.style)

    def __str__(self) -> str:
        return self.piece.dt if self.date_time else self.piece.da


def _bound(day: date | None, name: str, style: Style) -> Day:
    if day is None:
        raise ValueError(f"the window is open; give it `{name}`")
    return Day(day, style)


def count(interval: Interval, step: int | None) -> int:
    """How many pieces `cut` gives, without making them."""
    if step is None or interval.start is None or interval.end is None:
        return 1
    days = (interval.end - interval.start).days + 1
    return days * (DAY // step) if step < DAY else -(-days // (step // DAY))


def cut(interval: Interval, step: int | None) -> Iterator[Piece]:
    """The pieces of an interval, in order.

    Args:
        interval: cut only when it is closed at both ends.
        step: seconds of one piece: whole days, or a divisor of 24 hours; None
            for one piece in all.

    Returns:
        Pieces that cover every day once, and within a day every time.

    Source: PS3.4 Section C.2.2.2.5.
    """
    start, end = interval.start, interval.end
    if step is None or start is None or end is None:
        yield Piece(interval)
    elif step < DAY:
        for day in _days(start, end, 1):
            yield from (Piece(day, tm) for tm in _times(step))
    else:
        yield from map(Piece, _days(start, end, step // DAY))


def _days(start: date, end: date, step: int) -> Iterator[Interval]:
    for offset in range(0, (end - start).days + 1, step):
        first = start + timedelta(days=offset)
        # Compared as a distance: the day after the last one may not exist.
        rest = (end - first).days
        yield Interval(first, first + timedelta(days=min(step - 1, rest)))


def _times(step: int) -> Iterator[str]:
    for begin in range(0, DAY, step):
        low = as_clock(begin) if begin else ""
        high = as_clock(begin + step) if begin + step < DAY else ""
        yield f"{low}-{high}"


def as_clock(seconds: int) -> str:
    """Seconds since midnight as a TM of six digits."""
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}{minutes % 60:02}{second:02}"
