"""What part of time a request asks for, and where that part has its middle."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from batchfind.plan.dates import Day, as_da
from batchfind.plan.day_times import DayTimes, times_between, times_of_key
from batchfind.plan.model import Extent, Piecing, Request, Splitting
from batchfind.plan.rewriting import text_at
from batchfind.plan.windows import Interval, Piece

_DIGITS: Final = re.compile(r"\d{8}", re.ASCII)
_ONE_DAY: Final = timedelta(days=1)


def is_one_day(extent: Extent) -> bool:
    """Whether it lies within one day."""
    return bool(extent.first) and extent.first == extent.last


def days_key(extent: Extent) -> str:
    """The days of an extent as a DA key: one day alone, else a range.

    Source: PS3.4 Section C.2.2.2.5.1.
    """
    first = date.fromisoformat(extent.first) if extent.first else None
    last = date.fromisoformat(extent.last) if extent.last else None
    return Piece(Interval(first, last)).da


def days_are_cut(request: Request, splitting: Splitting) -> bool:
    """Whether each half of a request's days means what it means in the whole.

    A time key beside several days may make one period of them, from the time of the
    first day to that of the last. Models without levels are matched like worklists.

    Source: PS3.4 Sections C.2.2.2.5 and K.6.
    """
    if splitting.time is None or not text_at(request.identifier, splitting.time):
        return True
    return request.level is not None and "date_time" not in request.negotiation


def last_of_first_half(extent: Extent, days: Iterable[str] = ()) -> date | None:
    """The last day of the first of two halves; None when nobody can tell.

    Args:
        extent: more than one day.
        days: values of the date key that rows show, DA or DT; only read where an end
            of the extent is open. The halves meet at their median.
    """
    if extent.first and extent.last:
        first, last = date.fromisoformat(extent.first), date.fromisoformat(extent.last)
        return first + (last - first) // 2 if first < last else None
    seen = sorted(day for day in (text[:8] for text in days) if _lies_in(day, extent))
    if not seen:
        return None
    text = seen[(len(seen) - 1) // 2]
    median = date.fromisoformat(text)
    if text != extent.last:
        return median if median < date.max else None
    # The second half is that day alone: without it, the first is less than the whole.
    return median - _ONE_DAY if median > date.min else None


def _lies_in(day: str, extent: Extent) -> bool:
    """Whether it is a day of the calendar within an extent."""
    if _DIGITS.fullmatch(day) is None:
        return False
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return extent.first <= day <= (extent.last or day)


def times_asked(
    request: Request, splitting: Splitting, extent: Extent
) -> DayTimes | None:
    """The times a request asks for on a day; None when they are no range.

    Args:
        request: its own time key counts, which the job may have written.
        splitting: of its query.
        extent: its own; says the times where day and time are one key.
    """
    if splitting.date.vr == "DT":
        return times_between(extent.low, extent.high)
    if splitting.time is None:
        return None
    return times_of_key(text_at(request.identifier, splitting.time))


def within(extent: Extent, times: DayTimes) -> Extent:
    """A day's extent cut to some of its times."""
    low, high = times.clocks
    return replace(extent, low=low, high=high, by=Piecing.TIME)


def as_day(day: date) -> str:
    """A day as in an extent."""
    return as_da(Day(day))
