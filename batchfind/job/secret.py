"""Secrets of a job: references that are kept, and plain ones that never leave memory.

A plain secret stands in the text of a job only. No message shows it, the schema
never sees it, and the text that is kept for the run directory is without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeAlias

import yaml

from batchfind.job.nodes import Entry, MappingNode, Node, ScalarNode
from batchfind.job.report import Report
from batchfind.job.section import Section
from batchfind.job.transport_model import Secret, SecretKind
from batchfind.job.yaml_core import core_value
from batchfind.job.yaml_syntax import place

REDACTED: Final = "<redacted>"
"""What stands in a stored job where a secret stood."""

_TLS: Final = (("tls", "*"), ("peers", "*", "tls"), ("peer_defaults", "tls"))
_IDENTITY: Final = (("peers", "*", "user_identity"), ("peer_defaults", "user_identity"))
_SECRETS: Final = (
    *((*owner, "password") for owner in (*_TLS, *_IDENTITY)),
    *((*owner, "token") for owner in _IDENTITY),
)
_PROFILES: Final = tuple((*owner, "profile") for owner in _TLS)
_WORDS: Final = frozenset({SecretKind.PROMPT.value, SecretKind.EMPTY.value})
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CHOICES: Final = "write {env: NAME}, {file: PATH}, prompt or empty"
_VALUE: Final = re.compile(r"\b(?:password|token)[\"']?\s*:(.*)")

Replace: TypeAlias = Callable[[Node, str], Node]


def shield(
    root: MappingNode, report: Report, *, allow_plain: bool
) -> tuple[MappingNode, tuple[ScalarNode, ...]]:
    """A document that shows no secret, and the plain ones that stood in it.

    Args:
        root: a job or an included file.
        report: receives what is wrong with any secret, without showing it.
        allow_plain: plain secrets are no error.

    Returns:
        The document with a valid reference in place of every secret, for the schema
        and its messages; the nodes of plain secrets.
    """
    found: list[ScalarNode] = []

    def judge(node: Node, where: str) -> Node:
        problem = _problem(node)
        if problem is None and _is_plain(node):
            assert isinstance(node, ScalarNode)  # noqa: S101 - only those are plain
            found.append(node)
            if not allow_plain:
                problem = f"a secret does not stand in a job; {_CHOICES}, or allow it"
                problem += " with --allow-plain-secrets"
        if problem is not None:
            report.error(node.mark, where, problem)
        return ScalarNode(SecretKind.PROMPT.value, node.mark)

    masked: Node = root
    for pattern in _SECRETS:
        masked = _replaced(masked, pattern, "", judge)
    for pattern in _PROFILES:
        masked = _replaced(masked, pattern, "", _null_as_text)
    assert isinstance(masked, MappingNode)  # noqa: S101 - as root is
    return masked, tuple(found)


def read_secret(section: Section, name: str) -> Secret | None:
    """The secret a field holds; None when it is absent or `shield` refused it."""
    node = section.node.get(name)
    if isinstance(node, ScalarNode):
        if node.text in _WORDS:
            return Secret(SecretKind(node.text))
        return Secret(SecretKind.PLAIN, plain=node.text) if _is_plain(node) else None
    reference = section.section(name)
    if (variable := reference.text("env")) is not None:
        return Secret(SecretKind.ENV, variable)
    files = reference.paths("file")
    return Secret(SecretKind.FILE, str(files[0])) if files else None


def redacted(text: str, secrets: Collection[ScalarNode]) -> str:
    """A YAML text without some of its scalars, all other characters as they were.

    Args:
        text: of the file in which the secrets stand.
        secrets: nodes read from it.
    """
    places = {(node.mark.line, node.mark.column) for node in secrets}
    if not places:
        return text
    # A scalar's event begins at its anchor, its token behind it; both end together.
    ends = {
        place(event.end_mark)
        for event in yaml.parse(text, Loader=yaml.SafeLoader)
        if isinstance(event, yaml.ScalarEvent) and place(event.start_mark) in places
    }
    spans = [
        (token.start_mark.index, token.end_mark.index)
        for token in yaml.scan(text, Loader=yaml.SafeLoader)
        if isinstance(token, yaml.ScalarToken) and place(token.end_mark) in ends
    ]
    for start, end in reversed(spans):
        # A block reaches over its last line end, which belongs to what follows.
        rest = text[start + len(text[start:end].rstrip()) :]
        text = f'{text[:start]}"{REDACTED}"{rest}'
    return text


def secret_lines(text: str) -> dict[int, str]:
    """What stands where a secret may, by number of the line, from 1."""
    lines = enumerate(text.splitlines(), start=1)
    found = ((number, _VALUE.search(line)) for number, line in lines)
    return {number: value[1].strip() for number, value in found if value}


def _replaced(
    node: Node, pattern: tuple[str, ...], where: str, replace: Replace
) -> Node:
    """A document with each node at a place replaced; `*` stands for any name."""
    if not pattern:
        return replace(node, where)
    if not isinstance(node, MappingNode):
        return node
    entries = dict(node.by_name)
    for name in tuple(_matching(node, pattern[0])):
        entry = entries[name]
        inner = f"{where}.{name}" if where else name
        value = _replaced(entry.value, pattern[1:], inner, replace)
        entries[name] = Entry(entry.key, value)
    return MappingNode(entries, node.mark)


def _matching(node: MappingNode, name: str) -> Iterator[str]:
    if name == "*":
        yield from node.by_name
    elif name in node.by_name:
        yield name


def _is_plain(node: Node) -> bool:
    if not isinstance(node, ScalarNode) or node.text in _WORDS:
        return False
    return bool(node.text) and core_value(node) is not None


def _problem(node: Node) -> str | None:
    """Why a node can be no secret at all; shows nothing of it."""
    if isinstance(node, ScalarNode):
        return _problem_of_text(node)
    if not isinstance(node, MappingNode) or set(node.by_name) not in (
        {"env"},
        {"file"},
    ):
        return f"this is no secret; {_CHOICES}"
    ((name, entry),) = node.by_name.items()
    value = entry.value
    text = value.text if isinstance(value, ScalarNode) else ""
    if name == "env" and not _VARIABLE.fullmatch(text):
        return "env takes the name of an environment variable: letters, digits and '_'"
    return None if text else "file takes the path of a file"


def _problem_of_text(node: ScalarNode) -> str | None:
    if core_value(node) is None or not node.text:
        return f"there is no secret here; {_CHOICES}"
    if node.text == REDACTED:
        return f"the secret was left out of this copy of the job; {_CHOICES}"
    if "{{" in node.text or "{%" in node.text:
        return f"a secret is no template; {_CHOICES}"
    return None


def _null_as_text(node: Node, _where: str) -> Node:
    """The profile of that name, which YAML takes for nothing unless it is quoted."""
    if isinstance(node, ScalarNode) and node.text == "null":
        return ScalarNode(node.text, node.mark)
    return node
