r"""Rows of a table as data: what may be sent, and what must never be.

An empty cell in a matching key would ask for everything, and `* ? \` in a cell
would match more than the cell says, so both are refused here, by file and line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from batchfind.errors import Mark, Problem, Severity
from batchfind.job.model import Query, Rows
from batchfind.job.queries import RESERVED
from batchfind.job.suggest import did_you_mean
from batchfind.plan.model import SourceRow
from batchfind.plan.problems import Problems
from batchfind.sources.cells import cell_text
from batchfind.sources.model import Table

_MEANINGS: Final = {
    True: "is an axis of the matrix, too",
    False: "means something else in templates",
}
_NO_NAME: Final = re.compile(r"\W+")
_MOST_SHOWN: Final = 20
WILDCARDS: Final = frozenset("*?\\")


@dataclass(frozen=True, slots=True)
class InputRow:
    """One row, its cells by template name."""

    mark: Mark
    source: SourceRow
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RowGroup:
    r"""The rows behind one request.

    Attributes:
        rows: equal ones, and with `batch` those asked for together.
        cells: template name to text; with `batch` UIDs joined by `\`.
        batch: the UIDs asked for together, or empty.
    """

    rows: tuple[InputRow, ...]
    cells: Mapping[str, str]
    batch: tuple[str, ...] = ()

    @property
    def mark(self) -> Mark:
        """Place of the first row."""
        return self.rows[0].mark


@dataclass(frozen=True, slots=True)
class RowsRead:
    """The rows of a query.

    Attributes:
        names: template names of the columns.
        mark: place of the headers.
        taken: headers that mean something else in templates, with why they are no
            names of columns.
        absent: headers without cells, with why.
        unnamed: headers that no template can name.
    """

    names: tuple[str, ...]
    rows: tuple[InputRow, ...]
    mark: Mark
    taken: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    unnamed: tuple[str, ...] = ()


def read_rows(
    query: Query, rows: Rows, table: Table | None, problems: Problems
) -> RowsRead:
    """The rows of a query with the names templates know them by.

    They stand in `table`, or without one in the job itself.
    """
    if table is None:
        return _inline_rows(query, rows, problems)
    mark = Mark(table.path, table.line)
    if rows.columns:
        named = RowsRead(tuple(rows.columns), (), mark)
    else:
        named = _headers(query, rows, table, problems)
    columns = rows.columns or {name: name for name in named.names}
    found = (
        InputRow(
            Mark(table.path, row.line),
            SourceRow(table.path, row.line),
            {name: row.cells.get(header, "") for name, header in columns.items()},
        )
        for row in table.rows
    )
    return replace(named, rows=tuple(found))


def _inline_rows(query: Query, rows: Rows, problems: Problems) -> RowsRead:
    found = []
    for index, row in enumerate(rows.inline):
        path = f"queries.{query.name}.rows.from[{index}]"
        for name, scalar in row.items():
            if "{{" in scalar.text:
                message = "rows are data, no templates; use matrix or vars for this"
                problems.error(scalar.mark, f"{path}.{name}", message)
        mark = min((scalar.mark for scalar in row.values()), default=rows.mark)
        cells = {name: cell_text(scalar.text) for name, scalar in row.items()}
        found.append(InputRow(mark, SourceRow("rows", index), cells))
    # The job's loader saw that every row has the names of the first.
    names = tuple(rows.inline[0]) if rows.inline else ()
    return RowsRead(names, tuple(found), rows.mark)


def _headers(query: Query, rows: Rows, table: Table, problems: Problems) -> RowsRead:
    """The headers of a table as names, each of them with what becomes of it."""
    usable = [name for name in table.header if name.isidentifier()]
    if not usable:
        message = (
            f"no column of {table.path} has a header that can be a template name;"
            " name them under columns"
        )
        problems.error(rows.mark, f"queries.{query.name}.rows", message)
    # A header that means something else in templates is no mistake by itself.
    taken = {
        name: f"the header '{name}' {_MEANINGS[name in query.matrix]};"
        " name this column under columns"
        for name in usable
        if name in RESERVED or name in query.matrix
    }
    absent = {name: table.why_unusable(name) for name in table.unusable}
    return RowsRead(
        tuple(name for name in usable if name not in taken and name not in absent),
        (),
        Mark(table.path, table.line),
        taken,
        {name: f"{why} ({table.path})" for name, why in absent.items()},
        tuple(name for name in table.header if name not in usable),
    )


def unknown_names(
    read: Iterable[str], known: Collection[str], rows: RowsRead
) -> Mapping[str, str]:
    """Why each name that is read means nothing in a query with rows.

    Args:
        read: by the templates of the query.
        known: names that mean something, whatever the rows.
        rows: whose columns may be meant.
    """
    names = {*known, *rows.names}
    return {
        name: _unknown(name, names, rows)
        for name in read
        if name not in names and name not in rows.taken and name not in rows.absent
    }


def _unknown(name: str, names: Collection[str], rows: RowsRead) -> str:
    for header in rows.unnamed:
        if name in _NO_NAME.split(header):
            short = _NO_NAME.sub("_", header).strip("_").lower()
            short = short if short.isidentifier() else f"column_{short}"
            return (
                f"the header '{header[:64]}' is no name for templates; give it one"
                f" under rows, as in columns: {{{short}: {header[:64]}}}"
            )
    columns = f"; columns of the rows are {', '.join(rows.names[:_MOST_SHOWN])}"
    hint = did_you_mean(name, names) or (columns if rows.names else "")
    return f"the name {name} is not known here{hint}"


def safe_rows(
    rows: Iterable[InputRow],
    policy: Rows,
    keys: Mapping[str, Collection[str]],
    path: str,
    problems: Problems,
) -> tuple[list[InputRow], list[Problem]]:
    """The rows that can be sent, and problems of those skipped as the job asks.

    Args:
        rows: of one query.
        policy: what the job says about them.
        keys: each template name that matching keys read, to those of them that
            would be empty without its cell.
        path: place of the rows in the job.
        problems: notes cells that must not be sent.
    """
    sent, skipped = [], []
    for row in rows:
        empty = [name for name in keys if keys[name] and not row.cells[name]]
        if empty and policy.skip_empty:
            message = f"skipped: {empty[0]} is empty"
            skipped.append(Problem(row.mark, path, message, Severity.WARNING))
            continue
        wrong = [_empty_cell(name, keys[name]) for name in empty]
        if policy.literal:
            wrong += _wildcards(row, keys)
        for message in wrong:
            problems.error(row.mark, path, message)
        if not wrong:
            sent.append(row)
    return sent, skipped


def _empty_cell(name: str, keys: Collection[str]) -> str:
    return (
        f"{name} is empty, and a zero-length {', '.join(keys)} asks for everything;"
        " fill it in, or set on_empty: skip"
    )


def _wildcards(row: InputRow, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if found := sorted(WILDCARDS.intersection(row.cells[name])):
            yield (
                f"{name} holds {' '.join(found)}, which matches more than it says;"
                " correct it, or set literal: false"
            )


def group_equal(rows: Iterable[InputRow], names: Collection[str]) -> list[RowGroup]:
    """Rows that are equal in the names that matter, in order of the first one."""
    groups: dict[tuple[str, ...], list[InputRow]] = {}
    for row in rows:
        groups.setdefault(tuple(row.cells[name] for name in names), []).append(row)
    return [
        RowGroup(tuple(equal), dict(zip(names, cells, strict=True)))
        for cells, equal in groups.items()
    ]


def join_batches(groups: list[RowGroup], name: str, size: int) -> list[RowGroup]:
    """Up to `size` UIDs in one request, as a UID list.

    Source: PS3.4 Section C.2.2.2.2.
    """
    joined = []
    for start in range(0, len(groups), size):
        batch = groups[start : start + size]
        uids = tuple(group.cells[name] for group in batch)
        rows = tuple(row for group in batch for row in group.rows)
        joined.append(RowGroup(rows, {name: "\\".join(uids)}, uids))
    return joined
