"""Whether a window covers the partitions that an output would replace.

A partition is replaced whole. Where a window asks for a part of one only, what
stands in the other part would be lost without ever having been asked for again.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from batchfind.dicom.paths import KeyPath
from batchfind.job.output_model import Overwrite, Partition
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.plan.requests import Asked
from batchfind.plan.table_columns import find_column, table_columns
from batchfind.plan.windows import Interval


def partial_partitions(
    output: PlannedOutput, query: PlannedQuery, asked: Asked
) -> Iterator[str]:
    """Why an output must not replace partitions.

    Args:
        output: as planned.
        query: the one it holds.
        asked: the same with the window of each case.

    Yields:
        One sentence for each fault; nothing when every partition is covered whole,
        or none is replaced.
    """
    key = _window_key(asked)
    if output.overwrite is not Overwrite.PARTITIONS or key is None:
        return
    spans = list(_spans(output, asked))
    mine = [
        one for one in output.options.partition_by if _is_of(one, key, output, query)
    ]
    if spans and not mine:
        yield (
            f"a window of {key} covers partitions only in part; partition by"
            f" {key}, too, or choose another 'overwrite'"
        )
    for partition in mine:
        for day, what in _cut_days(spans, partition.by or "day"):
            yield (
                f"the window {what} {day}, inside a {partition.by} of"
                f" {partition.source}: replacing that partition would lose its other"
                f" days; let the window cover it whole"
            )


def _window_key(asked: Asked) -> KeyPath | None:
    """The key that the window narrows; None without a window."""
    prepared = asked.prepared
    if prepared.window.date is not None:
        return prepared.window.date
    return next((one.path for one in prepared.keys if "window" in one.names), None)


def _is_of(
    partition: Partition, key: KeyPath, output: PlannedOutput, query: PlannedQuery
) -> bool:
    """Whether a partition is of the window's own key."""
    sources = {one.name: one.source for one in output.options.columns}
    known = table_columns(query)
    name = sources.get(partition.source, partition.source)
    return find_column(known, name) == find_column(known, key.dotted)


def _spans(output: PlannedOutput, asked: Asked) -> Iterator[Interval]:
    """Unbroken spans of days that are asked for everywhere the output looks."""
    behind = frozenset(output.requests)
    pieces: dict[tuple[object, ...], list[Interval]] = {}
    for case, requests in asked.cases:
        if case.piece is not None and any(one.id in behind for one in requests):
            where = (case.peer.name, id(case.group), *case.combination.items())
            pieces.setdefault(where, []).append(case.piece.days)
    for found in pieces.values():
        yield from _joined(found)


def _joined(pieces: Iterable[Interval]) -> Iterator[Interval]:
    """Neighbouring intervals as one; they come in order."""
    span: Interval | None = None
    for piece in pieces:
        if span is not None and _touch(span, piece):
            span = Interval(span.start, piece.end)
            continue
        if span is not None:
            yield span
        span = piece
    if span is not None:
        yield span


def _touch(one: Interval, other: Interval) -> bool:
    if one.end is None or other.start is None:
        return True
    return other.start - one.end <= timedelta(days=1)


def _cut_days(spans: Iterable[Interval], by: str) -> Iterator[tuple[date, str]]:
    """Ends of spans that are no end of a year or month."""
    seen = set()
    for span in spans:
        ends = ((span.start, "begins on"), (span.end, "ends on"))
        for (day, what), at_edge in zip(ends, (_is_first, _is_last), strict=True):
            if day is not None and not at_edge(day, by) and (day, what) not in seen:
                seen.add((day, what))
                yield day, what


def _is_first(day: date, by: str) -> bool:
    return by == "day" or (day.day == 1 and (by == "month" or day.month == 1))


def _is_last(day: date, by: str) -> bool:
    last = day.day == calendar.monthrange(day.year, day.month)[1]
    return by == "day" or (last and (by == "month" or day.month == 12))
