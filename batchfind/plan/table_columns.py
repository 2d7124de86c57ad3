"""The columns a query's table can have, with the names everybody knows them by.

A job picks, orders and renames them; the tables fill them. Both ask here, so that a
name that passes the plan is a name the tables know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from batchfind.dicom.paths import KeyPath, Step, column_name, parse_path
from batchfind.job.column_words import (
    NAME_COMPONENTS,
    ON_REQUEST,
    PROVENANCE,
    REQUEST_COLUMNS,
)
from batchfind.plan.model import PlannedQuery


class ColumnKind(Enum):
    """What fills a column."""

    ATTRIBUTE = "attribute"
    COMPONENT = "component"
    CARRY = "carry"
    PROVENANCE = "provenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column a table can have.

    Attributes:
        name: unique among the query's columns, also where letter case does not
            count.
        source: the name in `Request.bindings`, or that of a `bf_` column; empty for
            attributes.
        path: of the attribute, without item numbers; None for other columns.
        depth: 0 for an attribute of the data set, 1 for one of the items of the
            exploded sequence, and so on.
        component: one of `NAME_COMPONENTS`, or empty.
    """

    name: str
    kind: ColumnKind
    source: str = ""
    path: KeyPath | None = None
    depth: int = 0
    component: str = ""

    @property
    def vr(self) -> str:
        """VR of its attribute; empty for other columns."""
        return "" if self.path is None else self.path.vr


def table_columns(query: PlannedQuery) -> tuple[TableColumn, ...]:
    """Every column a table of responses can have.

    Args:
        query: its columns, exploded sequence and carried names.

    Returns:
        Attributes in the order written, each PN followed by its components, then
        carried names, then provenance.
    """
    names = _Names((*PROVENANCE, *ON_REQUEST))
    found: list[TableColumn] = []
    places = _places(query)
    short = [_short_name(path, query.explode) for path in places.values()]
    for (depth, _), path in places.items():
        name = _short_name(path, query.explode)
        if depth and short.count(name) > 1:
            name = column_name(_bare(path))
        found.append(
            TableColumn(
                name=names.claim(name),
                kind=ColumnKind.ATTRIBUTE,
                path=path,
                depth=depth,
            )
        )
    # Names the user chose are given out first, then those that few jobs ask for.
    carried = tuple(_named_by_user(query.carry, names))
    found = [one for each in found for one in (each, *_components(each, names))]
    return (*found, *carried, *_provenance((*PROVENANCE, *ON_REQUEST)))


def request_columns(query: PlannedQuery) -> tuple[TableColumn, ...]:
    """Every column of a table of requests, in the order they stand."""
    before, after = REQUEST_COLUMNS
    names = _Names((*before, *after))
    own = _named_by_user(query.bindings, names)
    return (*_provenance(before), *own, *_provenance(after))


def find_column(columns: Iterable[TableColumn], text: str) -> TableColumn | None:
    """The column that a text of a job names, or None.

    Args:
        columns: to choose from.
        text: the name of a column, or a key path in any form; item numbers in a
            path do not count.
    """
    known = tuple(columns)
    for column in known:
        if column.name == text:
            return column
    for column in known:
        if column.path is not None and column.path.dotted == text:
            return column  # by the keyword of a dictionary file
    try:
        wanted = _steps_of(parse_path(text))
    except ValueError:
        return None
    for column in known:
        if column.path is not None and _steps_of(column.path) == wanted:
            return column  # the attribute itself: its components come after it
    return None


class _Names:
    """Column names given out so far."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in reserved}

    def claim(self, name: str, otherwise: str = "") -> str:
        """The name, or a free one like it.

        Letter case does not count: DuckDB and Spark take such columns for equal.
        """
        candidates = [name, otherwise] if otherwise else [name]
        for candidate in candidates:
            if candidate.casefold() not in self._taken:
                break
        else:
            ordinal = 2
            while f"{candidate}_{ordinal}".casefold() in self._taken:
                ordinal += 1
            candidate = f"{candidate}_{ordinal}"
        self._taken.add(candidate.casefold())
        return candidate


def _components(column: TableColumn, names: _Names) -> Iterator[TableColumn]:
    if column.vr != "PN":
        return
    for component in NAME_COMPONENTS:
        yield TableColumn(
            name=names.claim(f"{column.name}_{component}"),
            kind=ColumnKind.COMPONENT,
            path=column.path,
            depth=column.depth,
            component=component,
        )


def _named_by_user(keys: Iterable[str], names: _Names) -> Iterator[TableColumn]:
    """Matrix, row and window names."""
    for key in keys:
        # A name that begins with _ or . is hidden from many readers.
        plain = key if key[:1] not in {"_", "."} else f"carry{key}"
        yield TableColumn(
            name=names.claim(plain, f"carry_{key.lstrip('_.')}"),
            kind=ColumnKind.CARRY,
            source=key,
        )


def _provenance(names: Iterable[str]) -> Iterator[TableColumn]:
    for name in names:
        yield TableColumn(name=name, kind=ColumnKind.PROVENANCE, source=name)


def _places(query: PlannedQuery) -> dict[tuple[int, Step], KeyPath]:
    """Each column's depth and step in its level, with its path, in order written.

    A sequence that is not exploded is one column, where its first leaf stands.
    """
    exploded = _bare(query.explode).steps if query.explode is not None else ()
    places: dict[tuple[int, Step], KeyPath] = {}
    for path in query.columns:
        steps = _bare(path).steps
        depth = _shared(steps, exploded)
        if depth == len(steps):
            # The exploded sequence itself, asked as a whole: its rows show it.
            depth -= 1
        place = depth, _known_by(steps[depth])
        places.setdefault(place, KeyPath(steps[: depth + 1]))
    return places


def _shared(steps: tuple[Step, ...], exploded: tuple[Step, ...]) -> int:
    depth = 0
    for step, outer in zip(steps, exploded, strict=False):
        if _known_by(step) != _known_by(outer):
            break
        depth += 1
    return depth


def _known_by(step: Step) -> Step:
    """The step without what may differ between two mentions of one attribute."""
    return Step(step.tag, "", creator=step.creator)


def _steps_of(path: KeyPath) -> tuple[Step, ...]:
    """What tells a path from others, whatever its items."""
    return tuple(_known_by(step) for step in path.steps)


def _bare(path: KeyPath) -> KeyPath:
    """The path without item numbers."""
    return KeyPath(tuple(replace(step, item=0) for step in path.steps))


def _short_name(path: KeyPath, explode: KeyPath | None) -> str:
    """The column's name without the prefix of the exploded sequence."""
    steps = path.steps
    exploded = _bare(explode).steps if explode is not None else ()
    depth = min(_shared(steps, exploded), len(steps) - 1)
    return column_name(KeyPath(steps[depth:]))
