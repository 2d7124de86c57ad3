"""Days, moments and spans: the values a template calculates with.

A day is a calendar day of a peer's time zone, so `today - days(1)` is yesterday
also when the night between them had 23 or 25 hours. Minutes and hours are real
time and belong to `now`.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import total_ordering
from typing import Final


class Style(Enum):
    """How a date is written where a template is not told otherwise.

    KEY is the form of DA and DT (PS3.5 Section 6.2); PATH is ISO 8601, in its
    basic form where a time is included, since a colon cannot be in file names
    everywhere.
    """

    KEY = ("%Y%m%d", "%Y%m%d%H%M%S")
    PATH = ("%Y-%m-%d", "%Y%m%dT%H%M%S")

    @property
    def day(self) -> str:
        """Format of a day."""
        return self.value[0]

    @property
    def moment(self) -> str:
        """Format of a moment."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class Span:
    """A distance in calendar months, calendar days and seconds."""

    months: int = 0
    days: int = 0
    seconds: int = 0

    def __add__(self, other: object) -> Span:
        if not isinstance(other, Span):
            raise TypeError("a span stands after the date; write today + days(1)")
        return Span(
            self.months + other.months,
            self.days + other.days,
            self.seconds + other.seconds,
        )

    def __neg__(self) -> Span:
        return Span(-self.months, -self.days, -self.seconds)

    def __str__(self) -> str:
        raise TypeError(
            "a span of time is no value by itself; write {{ today - days(1) }}"
        )


@total_ordering
@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day."""

    date: date
    style: Style = Style.KEY

    def __add__(self, span: object) -> Day:
        if not isinstance(span, Span):
            raise TypeError(_no_span("today", "+", span))
        if span.seconds:
            raise TypeError("minutes() and hours() belong to now, not to a day")
        return Day(_moved(self.date, span), self.style)

    def __sub__(self, span: object) -> Day:
        if not isinstance(span, Span):
            raise TypeError(_no_span("today", "-", span))
        return self + -span

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Day):
            return self.date < other.date
        raise TypeError("a day compares with days only; write both as text with iso")

    def __str__(self) -> str:
        return _written(self.date, self.style.day)


@total_ordering
@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, in a time zone."""

    at: datetime
    style: Style = Style.KEY

    def __add__(self, span: object) -> Moment:
        if not isinstance(span, Span):
            raise TypeError(_no_span("now", "+", span))
        moved = datetime.combine(_moved(self.at.date(), span), self.at.timetz())
        # Through UTC, so that an hour is an hour in the night the clocks change.
        real = moved.astimezone(UTC) + timedelta(seconds=span.seconds)
        return Moment(real.astimezone(self.at.tzinfo), self.style)

    def __sub__(self, span: object) -> Moment:
        if not isinstance(span, Span):
            raise TypeError(_no_span("now", "-", span))
        return self + -span

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Moment):
            return self.at < other.at
        raise TypeError("now compares with now only; write both as text with iso")

    def __str__(self) -> str:
        return _written(self.at, self.style.moment)


def _no_span(name: str, sign: str, other: object) -> str:
    """What to write instead of a sum or difference that is none."""
    number = other if isinstance(other, int) else 1
    return f"a date moves by a span only; write {name} {sign} days({number})"


def _written(value: date, form: str) -> str:
    """As strftime, with four digits in every year on every platform."""
    return value.strftime(form.replace("%Y", f"{value.year:04}"))


def _moved(day: date, span: Span) -> date:
    """The day after a span: months first, clamped to the last of the month."""
    month = day.year * 12 + day.month - 1 + span.months
    year, month = divmod(month, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"the year {year} is outside 1 to 9999")
    last = calendar.monthrange(year, month + 1)[1]
    moved = date(year, month + 1, min(day.day, last))
    return moved + timedelta(days=span.days)


def _whole(number: object) -> int:
    if isinstance(number, str) and number.strip().lstrip("-").isdecimal():
        number = int(number)  # a matrix value or variable is text
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"a whole number is needed, not {number!r}")
    return number


SPANS: Final[Mapping[str, Callable[[object], Span]]] = {
    "minutes": lambda count: Span(seconds=_whole(count) * 60),
    "hours": lambda count: Span(seconds=_whole(count) * 3600),
    "days": lambda count: Span(days=_whole(count)),
    "weeks": lambda count: Span(days=_whole(count) * 7),
    "months": lambda count: Span(months=_whole(count)),
}
"""The functions of templates that make a span."""


def as_da(value: object) -> str:
    """The filter `da`: a day, a moment or ISO text as YYYYMMDD."""
    return _written(_date_of(value), "%Y%m%d")


def as_tm(value: object) -> str:
    """The filter `tm`: a moment or ISO text as HHMMSS."""
    if isinstance(value, Moment):
        return value.at.strftime("%H%M%S")
    if isinstance(value, str):
        return time.fromisoformat(value).strftime("%H%M%S")
    raise TypeError("the filter tm needs now, or text such as 12:30")


def as_dt(value: object) -> str:
    """The filter `dt`: a moment or ISO text as YYYYMMDDHHMMSS, a day as YYYYMMDD."""
    if isinstance(value, Moment):
        return _written(value.at, "%Y%m%d%H%M%S")
    if isinstance(value, str) and "T" in value:
        return _written(datetime.fromisoformat(value), "%Y%m%d%H%M%S")
    return as_da(value)


def as_iso(value: object) -> str:
    """The filter `iso`: ISO 8601, a moment with its offset from UTC."""
    if isinstance(value, Moment):
        return value.at.isoformat(timespec="seconds")
    return _date_of(value).isoformat()


FILTERS: Final[Mapping[str, Callable[[object], str]]] = {
    "da": as_da,
    "tm": as_tm,
    "dt": as_dt,
    "iso": as_iso,
}
"""The filters of templates that write a date."""


def _date_of(value: object) -> date:
    if isinstance(value, Moment):
        return value.at.date()
    if isinstance(value, Day):
        return value.date
    if isinstance(value, str):
        return date_of_text(value)
    raise TypeError("a date is needed: today, now, or text such as 2026-01-31")


def date_of_text(text: str) -> date:
    """The day a text names.

    Args:
        text: `2026-01-31` or `20260131`.

    Raises:
        ValueError: when it is neither, or no such day exists.
    """
    digits = text.replace("-", "") if text[4:5] + text[7:8] == "--" else text
    if len(digits) != 8 or not (digits.isascii() and digits.isdecimal()):
        raise ValueError(f"{text!r} is no day; write 2026-01-31 or 20260131")
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None
