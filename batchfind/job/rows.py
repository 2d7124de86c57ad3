"""The field `rows` of a query: a file to read, or rows as written."""

from __future__ import annotations

from typing import Any

from batchfind.job.model import Rows, Scalar
from batchfind.job.nodes import MappingNode, ScalarNode, SequenceNode
from batchfind.job.section import Section, scalars_by_name

_OF_FILES = ("columns", "delimiter", "encoding")


def read_rows(query: Section) -> Rows | None:
    """Rows of a query; problems are reported."""
    if not query.has("rows"):
        return None
    rows = query.section("rows")
    fields: dict[str, Any] = rows.integers("batch") | rows.flags("literal")
    source = rows.node.get("from")
    if isinstance(source, SequenceNode):
        fields["inline"] = _inline(rows, source)
    elif isinstance(source, ScalarNode):
        fields["source"] = rows.paths("from")[0]
    delimiter, encoding = rows.text("delimiter"), rows.text("encoding")
    if encoding is not None:
        fields["encoding"] = encoding
        if not _is_encoding(encoding):
            rows.error("encoding", f"'{encoding[:40]}' is no encoding known to Python")
    return Rows(
        mark=query.mark("rows"),
        columns={name: one.text for name, one in rows.mapping("columns").items()},
        delimiter=delimiter,
        skip_empty=rows.text("on_empty") == "skip",
        **fields,
    )


def _inline(rows: Section, source: SequenceNode) -> tuple[dict[str, Scalar], ...]:
    """Rows as written; each has the names of the first."""
    for name in _OF_FILES:
        if rows.has(name):
            rows.error(name, f"{name} is about a file; rows written here have none")
    found: list[dict[str, Scalar]] = []
    for number, item in enumerate(source.items):
        if not isinstance(item, MappingNode):
            continue
        place = f"{rows.place('from')}[{number}]"
        row = scalars_by_name(Section(item, place, rows.report))
        names = found[0].keys() if found else row.keys()
        if names != row.keys():
            odd = ", ".join(sorted(names ^ row.keys()))
            message = (
                f"every row has the same names; this and the first differ in {odd}"
            )
            rows.report.error(item.mark, place, message)
        found.append(row)
    return tuple(found)


def _is_encoding(name: str) -> bool:
    try:
        # Of no bytes Python says nothing: it does not even look the name up.
        b"a".decode(name)
    except UnicodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True
