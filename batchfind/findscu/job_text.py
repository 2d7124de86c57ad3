"""The text of a job: nested mappings and lists as block YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

Node: TypeAlias = Any
"""A mapping, a list, a text, a number or a truth value."""

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*|[0-9]+s")
_NOT_TEXT: Final = frozenset({"null", "true", "false", "yes", "no", "on"})
_UNPRINTABLE: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What YAML takes for a line end, or not at all, and JSON leaves as it is."""
_TEMPLATE: Final = re.compile(r"\{[{%#]")


def job_text(job: Mapping[str, Node]) -> str:
    """A job as YAML, its fields in the order of the mapping."""
    return "".join(f"{line}\n" for line in _mapping(job))


def verbatim(text: str) -> str:
    """Text as a job has to say it, so that nothing in it counts as a template."""
    if not _TEMPLATE.search(text):
        return text
    quoted = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"{{{{ '{quoted}' }}}}"


def _mapping(node: Mapping[str, Node]) -> Iterator[str]:
    for name, value in node.items():
        yield from _entry(f"{_scalar(name)}:", value)


def _entry(head: str, value: Node) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        yield head
        yield from (f"  {line}" for line in _mapping(value))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield head
        yield from (f"  {line}" for each in value for line in _item(each))
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Node) -> Iterator[str]:
    lines = _mapping(value) if isinstance(value, Mapping) else iter([_scalar(value)])
    for at, line in enumerate(lines):
        yield f"  {line}" if at else f"- {line}"


def _scalar(value: Node) -> str:
    """A word as it is, and any other text in quotes, which mean the same in JSON."""
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if plain else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
