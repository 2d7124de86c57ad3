"""The columns that a query's expectations are about, each by its name in the table."""

from __future__ import annotations

from dataclasses import replace

from batchfind.job.model import Query
from batchfind.plan.model import PlannedQuery
from batchfind.plan.output_columns import no_column
from batchfind.plan.problems import Problems
from batchfind.plan.table_columns import ColumnKind, find_column, table_columns


def with_expectations(
    planned: PlannedQuery, query: Query, problems: Problems
) -> PlannedQuery:
    """A query whose expectations name columns as its table does.

    Args:
        planned: its columns are known.
        query: as loaded, with the expectations as written.
        problems: notes what names no column.
    """
    expect = query.expect
    if expect is None:
        return planned
    settled = replace(
        expect,
        unique=_settled("unique", expect.unique, planned, query, problems),
        not_null=_settled("not_null", expect.not_null, planned, query, problems),
    )
    return replace(planned, expect=settled)


def _settled(
    field: str,
    names: tuple[str, ...],
    planned: PlannedQuery,
    query: Query,
    problems: Problems,
) -> tuple[str, ...]:
    known = tuple(
        column
        for column in table_columns(planned)
        if column.kind is not ColumnKind.COMPONENT
    )
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        place = f"expect.{field}[{number}]"
        mark = query.marks.get(place, query.mark)
        where = f"queries.{query.name}.{place}"
        column = find_column(known, name)
        if column is None:
            problems.error(mark, where, no_column(name, known, query.name))
        elif column.name in found:
            problems.error(mark, where, f"{column.name} is named twice; remove one")
        else:
            found[column.name] = None
    return tuple(found)
