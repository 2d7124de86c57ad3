"""A peer that caps, compares times in its own way, and is no more than a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchfind.dicom.paths import parse_path
from batchfind.plan.model import Piecing, PlannedQuery, Request
from batchfind.plan.rewriting import text_at
from batchfind.plan.splitting import pieces_of
from tests.plan.splits import PEER

DATE, TIME = parse_path("StudyDate"), parse_path("StudyTime")


@dataclass(frozen=True)
class Study:
    """What a row shows."""

    uid: int
    date: str
    time: str


def numeric(text: str) -> Any:
    """Moments of the day: `12`, `1200` and `12:00:00.0` are one."""
    digits, _, fraction = text.replace(":", "").partition(".")
    return int((digits.ljust(6, "0") + fraction).ljust(12, "0"))


def lexicographic(text: str) -> Any:
    """As text stands in a column of a database."""
    return text


def by_minute(text: str) -> Any:
    """Hours and minutes alone, as in old indexes."""
    return text.replace(":", "").ljust(4, "0")[:4]


def as_number(text: str) -> Any:
    """Digits as one number: `1200` lies far below `120000`."""
    return float(text.replace(":", ""))


ORDERS: tuple[Callable[[str], Any], ...] = (
    numeric,
    lexicographic,
    by_minute,
    as_number,
)


def in_range(order: Callable[[str], Any], key: str, value: str) -> bool:
    """Whether a value that is not empty lies in a closed range."""
    low, _, high = key.partition("-")
    return (not low or order(low) <= order(value)) and (
        not high or order(value) <= order(high)
    )


@dataclass
class CappedScp:
    """A peer that answers with no more than so many studies.

    Attributes:
        order: compares times.
        unset: studies without a time match `all` ranges, those open `below`, or `none`.
        silent: nothing tells a full answer from one that was cut off; otherwise the
            status does.
    """

    studies: Sequence[Study]
    cap: int
    order: Callable[[str], Any] = numeric
    unset: str = "all"
    silent: bool = True
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> tuple[list[Study], bool]:
        """Rows, and whether there may be more."""
        self.asked.append(request)
        days = text_at(request.identifier, DATE)
        times = text_at(request.identifier, TIME)
        found = [
            study
            for study in self.studies
            if self._has_day(days, study.date) and self._has_time(times, study.time)
        ]
        more = len(found) >= self.cap if self.silent else len(found) > self.cap
        return found[: self.cap], more

    def _has_day(self, key: str, day: str) -> bool:
        if not key:
            return True
        return in_range(lexicographic, key, day) if "-" in key else key == day

    def _has_time(self, key: str, time: str) -> bool:
        if not key:
            return True
        if not time:
            return self.unset == "all" or (self.unset == "below" and key[0] == "-")
        return in_range(self.order, key, time)


@dataclass
class Gathered:
    """What cutting gave.

    Attributes:
        rows: of all answers, each study once.
        stuck: requests that were cut off and cannot be cut.
        by_time: whether any day had to be cut by time.
    """

    rows: set[Study] = field(default_factory=set)
    stuck: list[Request] = field(default_factory=list)
    by_time: bool = False


def gather(scp: CappedScp, request: Request, query: PlannedQuery) -> Gathered:
    """Asks a request, and whatever it has to be cut into."""
    gathered, waiting = Gathered(), [request]
    while waiting:
        one = waiting.pop()
        rows, more = scp.answer(one)
        gathered.rows.update(rows)
        if more:
            days = [study.date for study in rows]
            pieces = pieces_of(one, query, PEER, days=days)
            waiting.extend(pieces)
            if not pieces:
                gathered.stuck.append(one)
            elif pieces[0].extent is not None:
                gathered.by_time |= pieces[0].extent.by is Piecing.TIME
    return gathered
