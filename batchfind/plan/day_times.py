"""The times of a day that a request asks for, and where they are cut.

Pieces share their bounds, and the bounds a request has already stay as they are
written. A stored time is therefore in one of the pieces whenever it is in the whole,
whatever order a peer compares in: `HHMM`, fractions and `HH:MM:SS` fall somewhere in
every order, and no order has a place between a bound and itself.

>>> times = times_of_key("")
>>> [f"{half.low}-{half.high}" for half in times.halves(900)]
['-120000', '120000-']
>>> [f"{half.low}-{half.high}" for half in times_of_key("0800-").halves(900)]
['0800-160000', '160000-']
>>> times_of_key("-001500").halves(900)
()
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from batchfind.plan.windows import DAY, HOUR, as_clock

_TIME: Final = re.compile(
    r"([01]\d|2[0-3])(?:([0-5]\d)(?:([0-5]\d|60)(?:\.\d{1,6})?)?)?", re.ASCII
)
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class DayTimes:
    """An interval of times within a day, both ends included.

    Attributes:
        low, high: as the key is to hold them; empty for an open end.
        first, last: the same in seconds since midnight, from 0 to 86400.
    """

    low: str
    high: str
    first: int
    last: int

    def units(self, floor: int) -> int:
        """How many pieces there are at most that are not cut any more, 1 or more.

        Args:
            floor: seconds of the shortest piece.
        """
        return max(1, -(-(self.last - self.first) // floor))

    def halves(self, floor: int) -> tuple[DayTimes, ...]:
        """Two pieces with one bound in common; () below the floor.

        Args:
            floor: seconds; the bound is so many of them from the low end.
        """
        units = self.units(floor)
        if units == 1:
            return ()
        middle = self.first + floor * (units // 2)
        clock = as_clock(middle)
        return (
            DayTimes(self.low, clock, self.first, middle),
            DayTimes(clock, self.high, middle, self.last),
        )

    @property
    def clocks(self) -> tuple[str, str]:
        """Both ends as six digits; empty for an open end."""
        low = as_clock(self.first) if self.low else ""
        return low, as_clock(self.last) if self.high else ""


def times_of_key(text: str) -> DayTimes | None:
    """The times that a TM key asks for; None when it is no range.

    Args:
        text: of the key; zero length asks for the whole day.

    Source: PS3.4 Section C.2.2.2.5.2.
    """
    if not text.strip():
        return DayTimes("", "", 0, DAY)
    low, hyphen, high = text.strip().partition("-")
    if not hyphen:
        return None
    return times_between(low, high)


def times_between(low: str, high: str) -> DayTimes | None:
    """The times between two bounds; None when one of them is no TM.

    Args:
        low: `HH`, `HHMM`, `HHMMSS` or with a fraction; empty for an open end.
        high: as `low`.
    """
    first = _seconds(low) if low else 0
    last = _seconds(high) if high else DAY
    return None if first is None or last is None else DayTimes(low, high, first, last)


def _seconds(text: str) -> int | None:
    """Whole seconds since midnight."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * HOUR + minutes * _MINUTE + seconds
