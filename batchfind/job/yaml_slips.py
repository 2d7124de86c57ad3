"""Tags that YAML took apart: `{(0010,0020): x}` has its comma between two entries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from batchfind.job.nodes import Node, ScalarNode
from batchfind.job.report import Report

Pair: TypeAlias = tuple[Node, Node]

_OPENING: Final = re.compile(r"\([0-9A-Fa-f]{4}")
_CLOSING: Final = re.compile(r"[0-9A-Fa-f]{4}\).*")
_GROUP: Final = re.compile(r"[0-9A-Fa-f]{4}")
_ELEMENT: Final = re.compile(r"[0-9A-Fa-f]{4}(\..*)?")


def whole_items(items: Sequence[Node], report: Report) -> list[Node]:
    """Items of a list in brackets without halves of tags, which are reported."""
    kept: list[Node] = []
    for item in items:
        first = kept[-1] if kept else None
        if _is(first, _OPENING) and _is(item, _CLOSING):
            _say_split(kept.pop(), item, report)
        else:
            kept.append(item)
    return kept


def whole_pairs(
    pairs: Sequence[Pair], report: Report, *, flow: bool
) -> Iterator[tuple[ScalarNode, Node]]:
    """Entries with a text as key; halves of tags and other keys are reported.

    Args:
        pairs: keys and values.
        report: receives the problems.
        flow: whether they stand in braces, where alone a comma splits.
    """
    kept: list[tuple[ScalarNode, Node]] = []
    for key, value in pairs:
        if not isinstance(key, ScalarNode):
            message = "a key must be text, not a list or a mapping"
            report.error(key.mark, "", message)
        elif flow and kept and _is_split(kept[-1], key):
            _say_split(kept.pop()[0], key, report)
        else:
            kept.append((key, value))
    yield from kept


def _is_split(before: tuple[ScalarNode, Node], key: ScalarNode) -> bool:
    """Whether a key without value and the next key are the halves of one tag."""
    first, value = before
    if not (isinstance(value, ScalarNode) and value.plain and not value.text):
        return False
    halves = ((_OPENING, _CLOSING), (_GROUP, _ELEMENT))
    return any(_is(first, left) and _is(key, right) for left, right in halves)


def _is(node: Node | None, pattern: re.Pattern[str]) -> bool:
    if not (isinstance(node, ScalarNode) and node.plain):
        return False
    return pattern.fullmatch(node.text) is not None


def _say_split(first: Node, second: Node, report: Report) -> None:
    halves = [half.text for half in (first, second) if isinstance(half, ScalarNode)]
    name = ",".join(halves)
    message = (
        f"{name} must stand in quotes between brackets, because YAML splits it at "
        f'the comma; write "{name}"'
    )
    report.error(first.mark, "", message)
