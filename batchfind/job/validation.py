"""Validates nodes against the schema, one human sentence a problem."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.errors import Mark
from batchfind.job.conformance import conforms
from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.schema import load_schema
from batchfind.job.yaml_core import plain


def validate(root: Node, report: Report, *, part: str | None = None) -> None:
    """Reports everything in a document that its schema does not allow.

    Args:
        root: the document.
        report: receives the problems, each at its own place.
        part: name of the definition that rules the document; None for a whole job.
    """
    whole = load_schema()
    schema = whole if part is None else {"$ref": f"#/$defs/{part}"}
    value = plain(root)
    if conforms(value, schema, whole):
        return
    from batchfind.job.violations import violations  # noqa: PLC0415 - slow to import

    for one in violations(value, schema):
        if report.full:
            return
        mark = _mark(root, one.place, about_key=one.about_key)
        # What took its entries away is told, as a tag that YAML splits.
        if not (one.of_nothing and report.knows(mark.file, mark.line)):
            report.error(mark, dotted(one.place), one.message)


def dotted(place: Iterable[str | int]) -> str:
    """A place as `queries.ct.matrix.modality[0]`."""
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def _mark(root: Node, place: tuple[str | int, ...], *, about_key: bool) -> Mark:
    """Where a place stands; the key when the problem is the key itself."""
    node = root
    mark = root.mark
    for number, step in enumerate(place):
        last = number == len(place) - 1
        if isinstance(node, MappingNode):
            entry = node.entry(str(step))
            if entry is None:
                return mark
            node = entry.value
            # An absent value has no place of its own: the key shows better.
            nothing = isinstance(node, ScalarNode) and not node.text
            show_key = last and (about_key or nothing)
            mark = entry.key.mark if show_key else node.mark
        elif isinstance(node, SequenceNode) and isinstance(step, int):
            node = node.items[step]
            mark = node.mark
    return mark
