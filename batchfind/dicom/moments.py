"""What a date or time should look like that was written as people write it.

Nothing here is sent: an error says it, and whoever wrote the value decides.

>>> suggestion("DA", "31.01.2026")
'20260131'
>>> suggestion("TM", "00:00-23:59")
'0000-2359'
>>> suggestion("DT", "2026-01-31 12:30")
'202601311230'
>>> suggestion("DA", ">= 2026-01-31")
'20260131-'
"""

from __future__ import annotations

import calendar
import re
from typing import Final

from batchfind.dicom.temporal import range_of, value_of

_YEAR_FIRST: Final = re.compile(
    r"(?P<y>\d{4})(?:(?P<s>[-./])(?P<m>\d{1,2})(?:(?P=s)(?P<d>\d{1,2}))?)?"
    r"|(?P<y2>\d{4})(?P<m2>\d{2})(?P<d2>\d{2})?"
)
_DAY_FIRST: Final = re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})")
_CLOCK: Final = re.compile(
    r"(?P<h>\d{1,2})(?:[:.](?P<m>\d{2})(?:[:.](?P<s>\d{2})(?:[.,](?P<f>\d{1,6}))?)?)?"
    r"|(?P<digits>(?:\d{2}){2,3}(?:\.\d{1,6})?)"
)
_BETWEEN: Final = re.compile(r"\s*(?:-|\u2013|\u2014|\.\.\.?|\u2026|/)\s*|\s+to\s+")
_COMPARISON: Final = re.compile(r"(?P<sign>[<>]=?|≥|≤)\s*(?P<value>.+)")
_DATE_AND_TIME: Final = re.compile(
    r"(?P<date>[\d./-]{6,10})(?:[T ]\s*(?P<time>[\d:.,]+)(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)


def suggestion(vr: str, text: str) -> str | None:
    """The key that a text of DA, TM or DT probably means; None when nobody can tell.

    Dates with slashes and the day or month first are ambiguous, so they are left
    alone. A month or a year becomes the range of its days.

    Returns:
        A value or range of the VR that differs from `text`.

    Source: PS3.5 Table 6.2-1, PS3.4 Section C.2.2.2.5.
    """
    found = _read(vr, text.strip())
    if found is None or found == text:
        return None
    valid = value_of(vr, found) or range_of(vr, found)
    return found if valid else None


def _read(vr: str, text: str) -> str | None:
    ends = _ends(vr, text)
    if ends is not None:
        return ends[0] if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"
    if comparison := _COMPARISON.fullmatch(text):
        # A range includes its ends (PS3.4 C.2.2.2.5), so > and >= are not told apart.
        ends = _ends(vr, comparison["value"])
        if ends is None:
            return None
        return f"{ends[0]}-" if comparison["sign"] in ">=≥" else f"-{ends[1]}"
    for between in _BETWEEN.finditer(text):
        low, high = text[: between.start()], text[between.end() :]
        first, last = _ends(vr, low), _ends(vr, high)
        if (first or not low) and (last or not high) and (first or last):
            return f"{first[0] if first else ''}-{last[1] if last else ''}"
    return None


def _ends(vr: str, text: str) -> tuple[str, str] | None:
    """The first and the last value that one date or time covers."""
    if vr == "DA":
        return _days(text)
    moment = _clock(text) if vr == "TM" else _date_and_time(text)
    return None if moment is None else (moment, moment)


def _days(text: str) -> tuple[str, str] | None:
    match = _DAY_FIRST.fullmatch(text) or _YEAR_FIRST.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    year, month, day = (
        str(parts[name] or parts.get(f"{name}2") or "") for name in "ymd"
    )
    if day:
        whole = f"{year}{month:0>2}{day:0>2}"
        return whole, whole
    first, end = (int(month), int(month)) if month else (1, 12)
    if not 1 <= first <= 12 or int(year) == 0:
        return None
    last = calendar.monthrange(int(year), end)[1]
    return f"{year}{first:02}01", f"{year}{end:02}{last}"


def _clock(text: str) -> str | None:
    match = _CLOCK.fullmatch(text)
    if match is None or match["digits"]:
        return match and match["digits"]
    fraction = f".{match['f']}" if match["f"] else ""
    return f"{match['h']:0>2}{match['m'] or ''}{match['s'] or ''}{fraction}"


def _date_and_time(text: str) -> str | None:
    match = _DATE_AND_TIME.fullmatch(text)
    days = _days(match["date"]) if match else None
    if match is None or days is None or days[0] != days[1]:
        return None
    time = _clock(match["time"]) if match["time"] else ""
    if time is None:
        return None
    zone = (match["zone"] or "").replace(":", "").replace("Z", "+0000")
    return f"{days[0]}{time}{zone}"
