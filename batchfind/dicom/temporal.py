"""DA, TM and DT values and ranges as intervals of comparable numbers.

A partial value stands for all moments it leaves open: TM `10` is the hour from
100000 to 105959.999999. Moments are plain integers of digits
(YYYYMMDDhhmmssffffff), so that no calendar is needed to compare them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

_DATE: Final = re.compile(r"(\d{4})(?:(\d{2})(\d{2})|\.(\d{2})\.(\d{2}))")
_TIME: Final = re.compile(
    r"([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d|60)(?:\.(\d{1,6}))?)?)?"
)
_DATE_TIME: Final = re.compile(r"(\d{4}(?:\d{2}){0,5})(?:\.(\d{1,6}))?([+-]\d{4})?")
_OFFSET: Final = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d")
_FIRST: Final = "00000101000000000000"
_LAST: Final = "99991231235959999999"

_Ends: TypeAlias = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Interval:
    """The moments from `first` to `last`, both included; None is an open end.

    Attributes:
        written: when an offset was given, and the ends are therefore in UTC: the
            ends as they were written.
    """

    first: int | None
    last: int | None
    written: tuple[int | None, int | None] | None = None

    def contains(self, held: Interval) -> bool:
        """Whether all of another interval lies in this one.

        Where only one of them has an offset from UTC, the other's zone is unknown
        and both are compared as written.
        """
        (first, last), (held_first, held_last) = self._beside(held)
        return (first is None or (held_first or 0) >= first) and (
            last is None or (held_last or 0) <= last
        )

    def meets(self, held: Interval) -> bool:
        """Whether any moment lies in both; compared as `contains` compares."""
        (first, last), (held_first, held_last) = self._beside(held)
        return (first is None or held_last is None or held_last >= first) and (
            last is None or held_first is None or held_first <= last
        )

    def _beside(self, held: Interval) -> tuple[_Ends, _Ends]:
        """The ends of both as they can be compared."""
        mine, theirs = (self.first, self.last), (held.first, held.last)
        if (self.written is None) != (held.written is None):
            mine, theirs = self.written or mine, held.written or theirs
        return mine, theirs


def value_of(vr: str, text: str) -> Interval | None:
    """The interval one DA, TM or DT value covers; None when it is no such value.

    The forms of ACR-NEMA (`2026.01.31`, `10:30:15`) are read too. A DA is checked
    against the calendar.

    Source: PS3.5 Table 6.2-1.
    """
    readers = {"DA": _date, "TM": _time, "DT": _date_time}
    return readers[vr](text.rstrip(" "))


def range_of(vr: str, text: str) -> Interval | None:
    """The interval of a range key `a-b`, `a-` or `-b`; None when it is no range.

    A hyphen in DT may begin an offset from UTC: where that is possible, it does.

    Source: PS3.4 Section C.2.2.2.5.
    """
    if text.strip() == "-" or value_of(vr, text) is not None:
        return None
    for hyphen in (at for at, char in enumerate(text) if char == "-"):
        first, last = text[:hyphen], text[hyphen + 1 :]
        begin = value_of(vr, first) if first else _OPEN
        end = value_of(vr, last) if last else _OPEN
        if begin is not None and end is not None:
            if begin.written is end.written is None:
                return Interval(begin.first, end.last)
            written_first = (begin.written or (begin.first, None))[0]
            written_last = (end.written or (None, end.last))[1]
            return Interval(begin.first, end.last, (written_first, written_last))
    return None


_OPEN: Final = Interval(None, None)


def _date(text: str) -> Interval | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    digits = "".join(filter(None, match.groups()))
    return _moments(digits, "")


def _time(text: str) -> Interval | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    digits = "".join(filter(None, match.groups()[:3]))
    fraction = match[4] or ""
    return Interval(
        int((digits + fraction).ljust(12, "0")),
        int(digits + "5959"[len(digits) - 2 :] + fraction.ljust(6, "9")),
    )


def _date_time(text: str) -> Interval | None:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return None
    digits, fraction, offset = match[1], match[2] or "", match[3]
    if (fraction and len(digits) != 14) or (offset and not _OFFSET.fullmatch(offset)):
        return None
    return _moments(digits, fraction, offset)


def _moments(digits: str, fraction: str, offset: str | None = None) -> Interval | None:
    """The interval of a date with as many parts as given; None off the calendar."""
    first = digits + fraction if fraction else digits
    first += _FIRST[len(first) :]
    last = digits + (fraction.ljust(6, "9") if fraction else "")
    last += _LAST[len(last) :]
    try:
        moment = _parse(first)
        if len(digits) == 6:
            # The last day of a month: the day before the first of the next one.
            following = (moment.replace(day=28) + timedelta(days=4)).replace(day=1)
            last = digits + f"{(following - timedelta(days=1)).day:02}" + last[8:]
        end = _parse(last)
        if offset is None:
            return Interval(_number(moment), _number(end))
        minutes = int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[3:]))
        ahead = timedelta(minutes=minutes)
        written = (_number(moment), _number(end))
        return Interval(_number(moment - ahead), _number(end - ahead), written)
    except (ValueError, OverflowError):
        return None


def _parse(digits: str) -> datetime:
    second = min(int(digits[12:14]), 59)  # a leap second is the last of its minute
    return datetime(  # noqa: DTZ001 - offsets are applied by the caller
        int(digits[:4]),
        int(digits[4:6]),
        int(digits[6:8]),
        int(digits[8:10]),
        int(digits[10:12]),
        second,
        int(digits[14:]),
    )


def _number(moment: datetime) -> int:
    return int(moment.strftime("%Y").zfill(4) + moment.strftime("%m%d%H%M%S%f"))
