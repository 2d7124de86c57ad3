"""The field `rows` of a query: a file to read, or rows as written."""

from __future__ import annotations

import codecs
from typing import Any, Final

from batchfind.job.model import Rows, Scalar
from batchfind.job.nodes import MappingNode, ScalarNode, SequenceNode
from batchfind.job.section import Section, scalars_by_name

_OF_FILES: Final = ("columns", "delimiter", "encoding")
_OF_NO_FILE: Final = {
    "idna",
    "punycode",
    "raw-unicode-escape",
    "undefined",
    "unicode-escape",
}
"""Encodings of Python that are about names and literals, not about files."""


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
    if encoding is not None and not _is_encoding(encoding):
        rows.error(
            "encoding", f"'{encoding[:40]}' is no encoding of text that Python knows"
        )
    if delimiter is not None and not _is_delimiter(delimiter):
        message = "must be one printable character or a tab, and no quote"
        rows.error("delimiter", message)
    return Rows(
        mark=query.mark("rows"),
        columns={name: one.text for name, one in rows.mapping("columns").items()},
        delimiter=delimiter,
        encoding=encoding,
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
        known = codecs.lookup(name).name.replace("_", "-")
    except (LookupError, ValueError):
        return False
    try:
        # Alone this refuses codecs that decode no text, such as hex.
        b"a".decode(name)
    except UnicodeError:
        pass  # one byte is not enough for UTF-16
    except LookupError:
        return False
    return known not in _OF_NO_FILE


def _is_delimiter(text: str) -> bool:
    # The schema sees to it that it is one character.
    return text == "\t" or (text.isprintable() and text not in {'"', "'"})
