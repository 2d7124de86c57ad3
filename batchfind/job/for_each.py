"""The field `for_each` of a query: the query whose rows it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.job.keys import KeyRules, read_key_paths, read_path
from batchfind.job.model import ForEach, Query
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean

_SEVERAL_ROWS: Final = ("rows", "files")
"""Fields that make requests of something else than the rows of another query."""


def read_for_each(
    query: Section, known: Dictionary, reserved: Iterable[str]
) -> ForEach | None:
    """The query whose rows a query is asked for; problems are reported."""
    if not query.has("for_each"):
        return None
    each = query.section("for_each")
    for name in _SEVERAL_ROWS:
        if query.has(name):
            message = (
                f"the rows of '{each.text('query') or 'another query'}' make the"
                f" requests, so {name} cannot, too; remove one of the two"
            )
            query.error(name, message)
    paths = read_key_paths(each, "keys", KeyRules(known=known))
    columns = _columns(each, known, {*reserved, *_names(query.section("matrix"))})
    limit: dict[str, Any] = each.integers("max")
    return ForEach(
        mark=each.mark("query"),
        query=each.text("query") or "",
        keys=tuple(path for path, _ in paths),
        columns=columns,
        **({"limit": limit["max"]} if limit else {}),
    )


def _columns(
    each: Section, known: Dictionary, taken: Iterable[str]
) -> dict[str, KeyPath]:
    columns = each.section("columns")
    reserved = frozenset(taken)
    found = {}
    for key, _ in columns.entries():
        if key.text in reserved:
            message = f"'{key.text}' has a meaning of its own; choose another name"
            columns.report.error(key.mark, columns.place(key.text), message)
            continue
        path = read_path(columns, key.text, known)
        if path is not None and path.vr == "SQ":
            message = f"{path.dotted} is a sequence; name a key inside it"
            columns.error(key.text, message)
        elif path is not None:
            found[key.text] = path
    return found


def _names(section: Section) -> Iterator[str]:
    return (key.text for key, _ in section.entries())


def check_parents(root: Section, queries: Mapping[str, Query]) -> None:
    """Reports queries that are asked for the rows of none, of themselves, or in a ring.

    Args:
        root: the job.
        queries: as read.
    """
    names = [key.text for key, _ in root.section("queries").entries()]
    for query in queries.values():
        each = query.for_each
        if each is None or not each.query:
            continue
        place = f"queries.{query.name}.for_each.query"
        if each.query not in names:
            meant = did_you_mean(each.query, names)
            message = f"there is no query '{each.query[:64]}'{meant}"
            root.report.error(each.mark, place, message)
        elif query.name in (ring := _above(query, queries)):
            way = " → ".join((query.name, *ring))
            message = f"each waits for the other ({way}); remove one for_each"
            if ring == (query.name,):
                message = "a query cannot be asked for its own rows; name another"
            root.report.error(each.mark, place, message)


def _above(query: Query, queries: Mapping[str, Query]) -> tuple[str, ...]:
    """The queries whose rows a query depends on, nearest first, up to itself."""
    found: list[str] = []
    at: Query | None = query
    while at is not None and at.for_each is not None:
        name = at.for_each.query
        if name in found:
            break
        found.append(name)
        if name == query.name:
            break
        at = queries.get(name)
    return tuple(found)
