"""Flattens `keys` and `return` into leaves, one path each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from batchfind.dicom.paths import KeyPath, child
from batchfind.errors import Mark
from batchfind.job.model import KeyEntry, Scalar
from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.section import Section, scalar_of

_CHARACTER_SET: Final = 0x00080005
_LEVEL: Final = 0x00080052
_OURS: Final = {
    _CHARACTER_SET: (
        "(0008,0005) is added when a key needs it; to choose it, write the peer's "
        "charset.request"
    ),
    _LEVEL: "(0008,0052) is written from the query's field 'level'; write it there",
}
_GROUP: Final = re.compile(r"\(?[0-9A-Fa-f]{4}")


def read_keys(query: Section) -> tuple[KeyEntry, ...]:
    """Leaves of `keys` in the order written; problems are reported."""
    return tuple(_leaves(query.section("keys"), None))


def read_returns(query: Section) -> tuple[KeyEntry, ...]:
    """Leaves of `return`, each a zero-length key; problems are reported."""
    place = query.place("return")
    entries = []
    for item in query.items("return"):
        if not isinstance(item, ScalarNode):
            continue
        path = _path(item, None, place, query.report)
        if path is not None:
            empty = (Scalar("", item.mark),)
            entries.append(KeyEntry(path, empty, item.mark))
    return tuple(entries)


def check_once(entries: tuple[KeyEntry, ...], place: str, report: Report) -> None:
    """Reports each attribute that stands twice, in whatever notation.

    A sequence asked for as a whole excludes keys for its item.
    """
    whole: dict[object, Mark] = {}
    inner: dict[object, Mark] = {}
    for entry in entries:
        tags = tuple((step.tag, step.creator) for step in entry.path.steps)
        first = whole.get(tags) or inner.get(tags)
        above = (
            whole[tags[:end]] for end in range(1, len(tags)) if tags[:end] in whole
        )
        first = first or next(above, None)
        if first is not None:
            message = (
                f"{entry.path.dotted} stands here and at {first}; keep one of them"
            )
            report.error(entry.mark, place, message)
            continue
        whole[tags] = entry.mark
        for end in range(1, len(tags)):
            inner.setdefault(tags[:end], entry.mark)


def read_path(section: Section, name: str) -> KeyPath | None:
    """A field that holds a key path, such as `explode`; problems are reported."""
    text = section.text(name)
    if text is None:
        return None
    try:
        return child(None, text)
    except ValueError as error:
        section.error(name, str(error))
        return None


def _leaves(keys: Section, above: KeyPath | None) -> Iterator[KeyEntry]:
    for name, value in keys.entries():
        if keys.report.full:
            return
        place = keys.place(name.text)
        path = _path(name, above, place, keys.report)
        if path is None:
            continue
        if isinstance(value, MappingNode) and value.by_name:
            yield from _below(Section(value, place, keys.report), path, name.mark)
        else:
            yield from _leaf(path, name, value, Section(keys.node, place, keys.report))


def _below(item: Section, path: KeyPath, mark: Mark) -> Iterator[KeyEntry]:
    if problem := _no_sequence(path):
        item.report.error(mark, item.path, problem)
        return
    yield from _leaves(item, path)


def _leaf(
    path: KeyPath, name: ScalarNode, value: Node, place: Section
) -> Iterator[KeyEntry]:
    values = _values(value, place)
    problem = ""
    if isinstance(value, SequenceNode):
        problem = _list_problem(path, value, values)
    elif isinstance(value, MappingNode):
        problem = _no_sequence(path)
    elif path.vr == "SQ" and any(scalar.text for scalar in values):
        problem = f'{path.dotted} is a sequence; write "" or the keys of its item'
    if problem:
        place.report.error(value.mark, place.path, problem)
        return
    yield KeyEntry(path, values, name.mark)


def _no_sequence(path: KeyPath) -> str:
    """Why a mapping cannot stand here, or nothing."""
    if path.vr in {"SQ", "UN"}:
        return ""
    return f"{path.dotted} is {path.vr} and no sequence; give it one value"


def _values(value: Node, place: Section) -> tuple[Scalar, ...]:
    if isinstance(value, MappingNode):
        return (Scalar("", value.mark),)  # {} asks for the whole sequence
    items = value.items if isinstance(value, SequenceNode) else (value,)
    found = (scalar_of(item, place.path, place.report) for item in items)
    return tuple(scalar for scalar in found if scalar is not None)


def _list_problem(
    path: KeyPath, value: SequenceNode, values: tuple[Scalar, ...]
) -> str:
    """Why a list cannot stand here, or nothing.

    Source: PS3.4 Section C.2.2.2.2, List of UID Matching.
    """
    if path.vr == "SQ":
        return "a key sequence has one item; write its keys without a list"
    if not value.items:
        return 'an empty list asks for nothing; write "" to ask for the attribute'
    if len(values) < len(value.items):
        return "a list here holds UIDs, each a text"
    if path.vr != "UI" and len(value.items) > 1:
        return (
            f"a list is only for UIDs (PS3.4 C.2.2.2.2), and {path.dotted} is "
            f"{path.vr}; ask once for each value with 'matrix'"
        )
    if len(values) > 1 and any(not scalar.text for scalar in values):
        return "an empty text in a list of UIDs matches nothing; remove it"
    return ""


def _path(
    name: ScalarNode, above: KeyPath | None, place: str, report: Report
) -> KeyPath | None:
    try:
        path = child(above, name.text)
    except ValueError as error:
        report.error(name.mark, place, _unreadable(name, error))
        return None
    problem = _refusal(path)
    if problem:
        report.error(name.mark, place, problem)
        return None
    return path


def _unreadable(name: ScalarNode, error: ValueError) -> str:
    if _GROUP.fullmatch(name.text) and name.plain:
        return (
            f"'{name.text}' is half a tag, because YAML splits it at the comma; "
            'write "(gggg,eeee)" in quotes'
        )
    return str(error)


def _refusal(path: KeyPath) -> str:
    if any(step.item for step in path.steps):
        return f"{path.dotted}: a key sequence has one item, [0] (PS3.4 C.2.2.2.6)"
    return "" if path.is_nested else _OURS.get(path.tag, "")
