"""Which partitions of a table the requests of a plan ask for as a whole.

`overwrite: partitions` replaces a partition by what came for it, so everything in it
must have been asked for. Only keys on partitioned columns count here: the others say
what the data set as a whole is made of, the same every night.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from batchfind.dicom.identifier import Identifier
from batchfind.dicom.matching import WILDCARD_VRS
from batchfind.dicom.paths import KeyPath
from batchfind.job.output_model import Overwrite, Partition, TableKind
from batchfind.plan.model import PlannedOutput, PlannedQuery, Request
from batchfind.plan.table_columns import (
    ColumnKind,
    TableColumn,
    request_columns,
    table_columns,
)

Span: TypeAlias = tuple[date, date]
"""Days from the first to the last, both included."""


@dataclass(frozen=True, slots=True)
class _Values:
    """These values are asked for; None stands for every value there is."""

    known: frozenset[str | None] | None


@dataclass(frozen=True, slots=True)
class _Days:
    """The days asked for, as spans that do not touch."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some values are asked for, and nobody can list them."""

    column: str


_Asked: TypeAlias = "_Values | _Days | _Part"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a plan's requests ask for, seen as partitions of one output.

    Attributes:
        partitions: of the output.
    """

    partitions: tuple[Partition, ...]
    _groups: tuple[tuple[_Asked, ...], ...]

    def covers(self, values: Sequence[str | None]) -> bool:
        """Whether everything in a partition was asked for.

        Args:
            values: one a level, as in the folder's name: `2026-01` for a month;
                None for the folder of absent values.
        """
        if len(values) != len(self.partitions):
            return False
        return any(
            all(
                _has(asked, value, partition)
                for asked, value, partition in zip(
                    group, values, self.partitions, strict=True
                )
            )
            for group in self._groups
        )


def coverage_of(
    output: PlannedOutput, query: PlannedQuery, requests: Iterable[Request]
) -> Coverage:
    """What the requests behind an output ask for.

    Args:
        output: as planned; its partitions bear the names their columns have.
        query: the query it holds.
        requests: of the plan; those behind the output count.
    """
    partitions = output.options.partition_by
    columns = [_column(output, query, one.source) for one in partitions]
    behind = frozenset(output.requests)
    merged: dict[tuple[object, ...], list[tuple[_Asked, ...]]] = {}
    for request in requests:
        if request.id in behind:
            levels = tuple(_asked(column, request) for column in columns)
            merged.setdefault(_kind_of(request, columns, levels), []).append(levels)
    groups = (tuple(map(_merged, zip(*each, strict=True))) for each in merged.values())
    return Coverage(partitions, tuple(dict.fromkeys(groups)))


def unlisted_values(
    output: PlannedOutput, query: PlannedQuery, requests: Iterable[Request]
) -> str:
    """Why an output must not replace partitions by values nobody can list.

    Args:
        output: as planned.
        query: the query it holds.
        requests: of the plan; those behind the output count.

    Returns:
        One sentence that says what to change; empty when all is well, or when no
        partition is replaced.
    """
    if output.overwrite is not Overwrite.PARTITIONS:
        return ""
    behind = frozenset(output.requests)
    columns = [
        _column(output, query, one.source) for one in output.options.partition_by
    ]
    for request in requests:
        for column in columns if request.id in behind else ():
            if isinstance(_asked(column, request), _Part):
                return (
                    f"partitions of {column.name} are replaced whole, but its key asks"
                    f" for some of its values only; leave the key empty, or use"
                    f" overwrite: append"
                )
    return ""


def _column(output: PlannedOutput, query: PlannedQuery, name: str) -> TableColumn:
    of_requests = output.options.table is TableKind.REQUESTS
    columns = request_columns(query) if of_requests else table_columns(query)
    known = {column.name: column for column in columns}
    for choice in output.options.columns:
        if (choice.name or choice.source) == name:
            return known[choice.source]
    return known[name]


def _asked(column: TableColumn, request: Request) -> _Asked:
    if column.path is None:
        return _facts(column, request)
    text = _key(request.identifier, column.path)
    wild = column.vr in WILDCARD_VRS
    if not text.strip(" *" if wild else " "):
        return _Values(None)
    if column.vr == "DA":
        return _days(text, column)
    if column.kind is ColumnKind.COMPONENT or column.vr in {"DT", "TM", "PN"}:
        return _Part(column.name)  # they match by range, or whatever the case
    if wild and {"*", "?"} & set(text):
        return _Part(column.name)
    return _Values(frozenset(text.split("\\") if column.vr == "UI" else [text]))


def _facts(column: TableColumn, request: Request) -> _Asked:
    """What a request is, whatever comes."""
    if column.kind is ColumnKind.CARRY:
        return _Values(frozenset({request.bindings.get(column.source) or None}))
    known = {
        "bf_peer": request.peer,
        "bf_query": request.query,
        "bf_request": request.id,
    }.get(column.source)
    return _Values(None if known is None else frozenset({known}))


def _key(identifier: Identifier, path: KeyPath) -> str:
    """The text of a key; empty where it is absent or zero length."""
    for step in path.sequences:
        items = next((e.value for e in identifier if e.tag == step.tag), ())
        if not isinstance(items, tuple) or not items:
            return ""
        identifier = items[0]
    value = next((e.value for e in identifier if e.tag == path.tag), "")
    return value if isinstance(value, str) else ""


def _days(text: str, column: TableColumn) -> _Asked:
    """The days of a date key: one day or a range, either end of it open."""
    low, dash, high = text.strip().partition("-")
    try:
        first = _day(low) if low else date.min
        last = (_day(high) if high else date.max) if dash else first
    except ValueError:
        return _Part(column.name)
    return _Days(((first, last),))


def _day(text: str) -> date:
    return date.fromisoformat(text.strip().replace(".", "-"))


def _kind_of(
    request: Request, columns: Sequence[TableColumn], levels: tuple[_Asked, ...]
) -> tuple[object, ...]:
    """What requests that only differ in their days have in common."""
    by_days = {
        column.path.steps[0].tag
        for column, asked in zip(columns, levels, strict=True)
        if column.path is not None and isinstance(asked, _Days)
    }
    others = tuple(None if isinstance(asked, _Days) else asked for asked in levels)
    if not by_days:
        return others  # nothing to merge: equal levels are equal groups
    rest = tuple(e for e in request.identifier if e.tag not in by_days)
    return request.peer, rest, *others


def _merged(level: Sequence[_Asked]) -> _Asked:
    """One level of requests that only differ in their days."""
    spans = [
        span for asked in level if isinstance(asked, _Days) for span in asked.spans
    ]
    if not spans:
        return level[0]
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and _touch(found[-1][1], first):
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return _Days(tuple(found))


def _touch(last: date, first: date) -> bool:
    return first <= last or first - last <= timedelta(days=1)


def _has(asked: _Asked, value: str | None, partition: Partition) -> bool:
    if isinstance(asked, _Values):
        return asked.known is None or value in asked.known
    if isinstance(asked, _Part) or value is None:
        return False
    try:
        first, last = _period(value, partition.by)
    except ValueError:
        return False
    return any(low <= first and last <= high for low, high in asked.spans)


def _period(value: str, by: str | None) -> Span:
    """First and last day of a partition, by its value."""
    first = _day(value + {"year": "-01-01", "month": "-01"}.get(by or "", ""))
    if by == "year":
        return first, first.replace(month=12, day=31)
    if by == "month":
        if first.month == 12:
            return first, first.replace(day=31)
        return first, first.replace(month=first.month + 1) - timedelta(days=1)
    return first, first
