"""The hours in which a peer may be asked, as a job writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WHOLE_DAY: Final = 24 * 60
"""Minutes of a day, as the clock on the wall counts them."""

_DAY: Final = "|".join(DAYS)
_BEGIN: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_INTERVAL: Final = re.compile(
    rf"({_DAY})(?:-({_DAY}))?(?: ({_BEGIN})-({_BEGIN}|24:00))?"
)


class EndlessError(ValueError):
    """An interval ends when it begins, which can mean never or always."""


@dataclass(frozen=True, slots=True)
class Interval:
    """From when to when, on days of the week; it belongs to the day it starts.

    Attributes:
        first, last: days from Monday, 0 to 6; `last` may come before `first`.
        begin: minute of the day, 0 to 1439.
        end: minute of the day, 1 to 1440; of the next day when `begin` is not before.
    """

    first: int
    last: int
    begin: int = 0
    end: int = WHOLE_DAY

    @property
    def minutes(self) -> int:
        """How long it lasts, on days on which the clock is not changed."""
        return self.end - self.begin + (0 if self.begin < self.end else WHOLE_DAY)

    def starts_on(self, weekday: int) -> bool:
        """Whether it starts on a day of the week, counted from Monday as 0."""
        return (weekday - self.first) % 7 <= (self.last - self.first) % 7

    def __str__(self) -> str:
        """As a job writes it."""
        days = DAYS[self.first]
        if self.last != self.first:
            days += f"-{DAYS[self.last]}"
        if self.minutes == WHOLE_DAY:
            return days
        return f"{days} {_clock_time(self.begin)}-{_clock_time(self.end)}"


def interval(text: str) -> Interval:
    """An interval of hours.

    Args:
        text: `Day[-Day] [HH:MM-HH:MM]`, such as `Mon-Fri 20:00-06:00` or `Sat-Sun`.

    Raises:
        EndlessError: begin and end are the same.
        ValueError: for any other text.
    """
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} are no hours; write Mon-Fri 20:00-06:00, Sat-Sun, or "
            "Mon-Sun 22:00-05:00 for every night"
        )
    first = DAYS.index(found[1])
    last = DAYS.index(found[2] or found[1])
    begin, end = found[3], found[4]
    if begin is None:
        return Interval(first, last)
    if begin == end:
        raise EndlessError(
            f"{text!r} begins and ends at {begin}; leave the times out for whole days"
        )
    # 00:00 as an end is the midnight that ends the day, like 24:00.
    return Interval(first, last, _minute(begin), _minute(end) or WHOLE_DAY)


def day_and_time(time: datetime) -> str:
    """`Mon 20:00`, in the time zone that the time has."""
    return f"{DAYS[time.weekday()]} {time:%H:%M}"


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _clock_time(minute: int) -> str:
    """A minute of the day as `HH:MM`; the last is `24:00`."""
    return f"{minute // 60:02}:{minute % 60:02}"
