"""Tags that YAML took apart: `{(0010,0020): x}` has its comma between two entries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from batchfind.job.nodes import Node, ScalarNode
from batchfind.job.report import Report

Pair: TypeAlias = tuple[Node, Node]

Halves: TypeAlias = tuple[re.Pattern[str], re.Pattern[str]]

_HALVES: Final[tuple[Halves, ...]] = (
    (re.compile(r"(.*\.)?\([0-9A-Fa-f]{4}"), re.compile(r"[0-9A-Fa-f]{4}\).*")),
    (re.compile(r"(.*\.)?[0-9A-Fa-f]{4}"), re.compile(r"[0-9A-Fa-f]{4}(\..*)?")),
)
"""What stands before and after the comma, with parentheses and without."""


def whole_items(items: Sequence[Node], report: Report) -> list[Node]:
    """Items of a list in brackets without halves of tags, which are reported."""
    kept: list[list[Node]] = []
    for item in items:
        if kept and _are_halves(kept[-1][-1], item, _HALVES[:1]):
            kept[-1].append(item)
        else:
            kept.append([item])
    return [parts[0] for parts in kept if not _say_split(parts, report)]


def whole_pairs(
    pairs: Sequence[Pair], report: Report, *, flow: bool
) -> Iterator[tuple[ScalarNode, Node]]:
    """Entries with a text as key; halves of tags and other keys are reported.

    Args:
        pairs: keys and values.
        report: receives the problems.
        flow: whether they stand in braces, where alone a comma splits.
    """
    kept: list[list[tuple[ScalarNode, Node]]] = []
    for key, value in pairs:
        if not isinstance(key, ScalarNode):
            message = "a key must be text, not a list or a mapping"
            report.error(key.mark, "", message)
        elif flow and kept and _is_split(kept[-1][-1], key):
            kept[-1].append((key, value))
        else:
            kept.append([(key, value)])
    for parts in kept:
        if not _say_split([key for key, _ in parts], report):
            yield parts[0]


def _is_split(before: tuple[ScalarNode, Node], key: ScalarNode) -> bool:
    """Whether a key without value and the next key are the halves of one tag."""
    first, value = before
    if not (isinstance(value, ScalarNode) and value.plain and not value.text):
        return False
    return _are_halves(first, key, _HALVES)


def _are_halves(first: Node, second: Node, halves: Sequence[Halves]) -> bool:
    return any(_is(first, left) and _is(second, right) for left, right in halves)


def _is(node: Node, pattern: re.Pattern[str]) -> bool:
    if not (isinstance(node, ScalarNode) and node.plain):
        return False
    return pattern.fullmatch(node.text) is not None


def _say_split(parts: Sequence[Node], report: Report) -> bool:
    """Reports the parts of one text; a single part is whole."""
    if len(parts) == 1:
        return False
    name = ",".join(part.text for part in parts if isinstance(part, ScalarNode))
    message = (
        f"{name} must stand in quotes between brackets, because YAML splits it at "
        f'the comma; write "{name}"'
    )
    report.error(parts[0].mark, "", message)
    return True
