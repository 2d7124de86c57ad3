"""Reads a query's `window`: which key it writes, from which day to which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from batchfind.dicom.paths import KeyPath
from batchfind.job.model import KeyEntry, Query, Scalar, Window
from batchfind.plan.dates import date_of_text
from batchfind.plan.problems import Problems
from batchfind.plan.templates import Scope, Templates
from batchfind.plan.windows import DAY, Interval, Piece

UNPROVEN_TIMES = "unset-time-unproven"
"""Cause of requests cut by time: rows without a time may be in none of them."""


@dataclass(frozen=True, slots=True)
class WindowKeys:
    """The keys a window writes; both None when `{{ window }}` does."""

    date: KeyPath | None
    time: KeyPath | None

    def values(self, piece: Piece) -> list[tuple[KeyPath, str]]:
        """The keys of one piece."""
        keys = []
        if self.date is not None:
            keys.append((self.date, piece.dt if self.date.vr == "DT" else piece.da))
        if self.time is not None:
            keys.append((self.time, piece.tm))
        return keys


def window_keys(
    query: Query, used_by: Iterable[KeyEntry], problems: Problems
) -> WindowKeys:
    """Which keys a query's window writes; `used_by` are entries that read it."""
    window, path = query.window, f"queries.{query.name}.window"
    if window is None:
        return WindowKeys(None, None)
    users = list(used_by)
    if window.key is None and not users:
        message = "nothing uses the window; give it a key, or write {{ window }} in one"
        problems.error(window.mark, path, message)
    for entry in users if window.key is not None else ():
        problems.error(
            entry.mark,
            f"queries.{query.name}.keys.{entry.path}",
            f"the window writes {window.key} itself; remove {{{{ window }}}}"
            " here, or window.key",
        )
    time = _time_key(window, path, problems) if _is_short(window) else None
    _warn_of_written(query, (window.key, time), problems)
    return WindowKeys(window.key, time)


def _is_short(window: Window) -> bool:
    return window.step is not None and window.step < DAY


def _time_key(window: Window, path: str, problems: Problems) -> KeyPath | None:
    """The time by which steps under a day are asked."""
    time = window.time_key
    if window.key is None or window.key.vr != "DA" or time is None:
        message = (
            "a step under a day needs a date key and its time_key;"
            " give both, or use step: 1d"
        )
        problems.error(window.mark, f"{path}.step", message)
        return None
    message = (
        f"steps under a day ask by {time}: rows without a time may be in no piece, and"
        " rows exactly at a bound come twice, so no answer will count as complete;"
        " use step: 1d unless the peer caps a single day"
    )
    problems.warn(window.mark, f"{path}.step", message)
    return time


def _warn_of_written(
    query: Query, written: Iterable[KeyPath | None], problems: Problems
) -> None:
    """Notes values of `keys` that the window replaces."""
    paths = set(written)
    for entry in query.keys:
        if entry.path in paths and any(value.text for value in entry.values):
            problems.warn(
                entry.mark,
                f"queries.{query.name}.keys.{entry.path}",
                "the window replaces this value; leave it empty",
            )


def interval_of(
    query: Query, window: Window, templates: Templates, scope: Scope, problems: Problems
) -> Interval | None:
    """The days of a window in a scope, or None when a problem was noted."""
    path = f"queries.{query.name}.window"
    start, end = (
        _day(scalar, f"{path}.{name}", templates, scope, problems) if scalar else None
        for scalar, name in ((window.start, "from"), (window.end, "to"))
    )
    if (window.start and start is None) or (window.end and end is None):
        return None
    if start is not None and end is not None and end < start:
        message = f"to ({end}) is before from ({start}); both days are included"
        problems.error(window.mark, path, message)
        return None
    return Interval(start, end)


def _day(
    scalar: Scalar, path: str, templates: Templates, scope: Scope, problems: Problems
) -> date | None:
    text = templates.render(scalar, path, scope)
    if text is None:
        return None
    try:
        return date_of_text(text.strip())
    except ValueError as error:
        problems.error(scalar.mark, path, str(error))
        return None
