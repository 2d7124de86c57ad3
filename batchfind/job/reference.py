"""The tables of fields in docs/job-file.md, made from the schema.

`python -m batchfind.job.reference docs/job-file.md` writes them anew.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from batchfind.job.schema import Schema, load_schema, resolve

SECTIONS: Final = {
    "job": "",
    "peer": "peer",
    "timeouts": "timeouts",
    "limits": "limits",
    "charset": "charset",
    "tls": "tls",
    "seed": "seed",
    "negotiation": "negotiation",
    "user_identity": "userIdentity",
    "query": "query",
    "rows": "rows",
    "window": "window",
    "then": "then",
    "for_each": "forEach",
    "expect": "expect",
    "repeat": "repeat",
    "cancel": "cancel",
    "run": "run",
    "keep": "keep",
    "retry": "retry",
    "per_request": "perRequest",
    "output": "output",
}
"""Table in the document to definition in the schema; the job itself has no name."""

_TABLE: Final = re.compile(r"(<!-- fields of (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_tables(document: str) -> str:
    """A document with every table between `<!-- fields of x -->` and `<!-- end -->`.

    Args:
        document: Markdown; `x` is a key of `SECTIONS`.

    Returns:
        The same text with its tables as the schema has them now.
    """
    return _TABLE.sub(
        lambda found: f"{found[1]}\n{fields_table(found[2])}\n{found[3]}", document
    )


def fields_table(section: str) -> str:
    """The fields of a section as a Markdown table.

    Args:
        section: a key of `SECTIONS`.

    Returns:
        A line a field: name, what it takes, default, what it is.
    """
    root = load_schema()
    owner = root["$defs"][SECTIONS[section]] if SECTIONS[section] else root
    lines = ["| field | takes | default | meaning |", "|---|---|---|---|"]
    lines += _lines(owner, root)
    return "\n".join(lines) + "\n"


def _lines(owner: Schema, root: Schema) -> Iterator[str]:
    required = owner.get("required", ())
    for name, written in owner["properties"].items():
        field = resolve(written, root)
        default = "required" if name in required else _default(field)
        cells = (f"`{name}`", _takes(field), default, field["description"])
        yield f"| {' | '.join(cells)} |"


def _default(field: Schema) -> str:
    if "default" not in field:
        return ""
    value: Any = field["default"]
    return f"`{value if isinstance(value, str) and value else json.dumps(value)}`"


def _takes(field: Schema) -> str:
    """What a value looks like: its choices, else its title."""
    if "enum" in field:
        return _choices(field)
    enums = [one for one in field.get("anyOf", ()) if "enum" in one]
    return "; ".join([str(field["title"]), *map(_choices, enums)])


def _choices(field: Schema) -> str:
    return ", ".join(f"`{one}`" for one in field["enum"])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_tables(target.read_text("utf-8")), "utf-8")
