"""Flattens `keys` and `return` into leaves, one path each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.paths import KeyPath, child
from batchfind.dicom.vrs import SINGLE_VALUED_VRS
from batchfind.errors import Mark
from batchfind.job.model import KeyEntry, Scalar
from batchfind.job.nodes import MappingNode, Node, ScalarNode, SequenceNode
from batchfind.job.report import Report
from batchfind.job.section import Section, scalar_of
from batchfind.job.yaml_core import core_value

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


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRules:
    """What the keys of a query may be.

    Attributes:
        known: keywords and VRs.
        lists: some peer is asked to take lists for any VR; the plan knows which.
        raw: they are sent as written, with any item count.
        alternatives: a list holds values of which each is asked for alone.
    """

    known: Dictionary = STANDARD
    lists: bool = False
    raw: bool = False
    alternatives: bool = False


def read_keys(query: Section, rules: KeyRules) -> tuple[KeyEntry, ...]:
    """Leaves of `keys` in the order written; problems are reported."""
    return tuple(_leaves(query.section("keys"), None, rules))


def read_returns(query: Section, rules: KeyRules) -> tuple[KeyEntry, ...]:
    """Leaves of `return`, each a zero-length key; problems are reported."""
    place = query.place("return")
    entries = []
    for item in _allowed(query, "return"):
        path = _path(item, None, Section(query.node, place, query.report), rules)
        if path is not None:
            empty = (Scalar("", item.mark),)
            entered = _is_entered(item, rules)
            entries.append(KeyEntry(path, empty, item.mark, entered=entered))
    return tuple(entries)


def read_alternatives(
    query: Section, name: str, rules: KeyRules
) -> tuple[KeyEntry, ...]:
    """Leaves of a mapping of keys to values, each asked for alone."""
    keys = query.section(name)
    return tuple(_leaves(keys, None, replace(rules, alternatives=True)))


def read_key_paths(
    section: Section, name: str, rules: KeyRules
) -> tuple[tuple[KeyPath, Mark], ...]:
    """The key paths of a list, or of a single text; problems are reported."""
    place = Section(section.node, section.place(name), section.report)
    found: dict[KeyPath, Mark] = {}
    texts: set[str] = set()
    for item in _allowed(section, name):
        path = _path(item, None, place, rules)
        if path is None or item.text in texts:
            continue  # the schema tells what stands twice in the same words
        texts.add(item.text)
        if path.vr == "SQ":
            message = f"{path.dotted} is a sequence; name a key inside it"
            place.report.error(item.mark, place.path, message)
        elif path in found:
            message = f"{path.dotted} stands here and at {found[path]}; keep one of"
            place.report.error(item.mark, place.path, f"{message} them")
        else:
            found[path] = item.mark
    return tuple(found.items())


def _allowed(section: Section, name: str) -> Iterator[ScalarNode]:
    """The texts of a list of key paths, or the only one, that the schema allows."""
    is_list = isinstance(section.node.get(name), SequenceNode)
    for item in section.items(name):
        value = core_value(item) if isinstance(item, ScalarNode) else None
        kinds = (str, int, float) if is_list else (str,)
        allowed = type(value) in kinds and (is_list or value)
        if isinstance(item, ScalarNode) and allowed:
            yield item


def check_once(
    entries: tuple[KeyEntry, ...], place: str, report: Report, rules: KeyRules
) -> None:
    """Reports each attribute that stands twice, in whatever notation.

    A sequence asked for as a whole excludes keys for its item, unless they are raw.
    """
    if rules.raw:
        _check_raw_once(entries, place, report)
        return
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


def _check_raw_once(entries: tuple[KeyEntry, ...], place: str, report: Report) -> None:
    seen: dict[object, Mark] = {}
    for entry in entries:
        steps = tuple((one.tag, one.creator, one.item) for one in entry.path.steps)
        first = seen.setdefault((steps, entry.entered), entry.mark)
        if first is not entry.mark:
            message = f"{entry.path.dotted} stands here and at {first}"
            report.error(entry.mark, place, f"{message}; keep one of them")


def read_path(
    section: Section, name: str, known: Dictionary = STANDARD
) -> KeyPath | None:
    """A field that holds a key path, such as `explode`; problems are reported."""
    text = section.text(name)
    if text is None:
        return None
    try:
        return child(None, text, known)
    except ValueError as error:
        section.error(name, str(error))
        return None


def several_values(path: KeyPath) -> str:
    """Why a list cannot stand for a key that holds no UIDs."""
    return (
        f"a list is only for UIDs (PS3.4 C.2.2.2.2), and {path.dotted} is "
        f"{path.vr}; ask for each value with 'any_of', which merges the rows, or"
        " with 'matrix'"
    )


def _leaves(
    keys: Section, above: KeyPath | None, rules: KeyRules
) -> Iterator[KeyEntry]:
    for name, value in keys.entries():
        if keys.report.full:
            return
        place = keys.place(name.text)
        section = Section(keys.node, place, keys.report)
        path = _path(name, above, section, rules)
        if path is None:
            continue
        if isinstance(value, MappingNode) and value.by_name:
            item = Section(value, place, keys.report)
            yield from _below(item, path, name.mark, rules)
        else:
            yield from _leaf(path, name, value, section, rules)


def _below(
    item: Section, path: KeyPath, mark: Mark, rules: KeyRules
) -> Iterator[KeyEntry]:
    if problem := _no_sequence(path):
        if rules.alternatives:
            problem = problem.replace("one value", "a list of values")
        item.report.error(mark, item.path, problem)
        return
    yield from _leaves(item, path, rules)


def _leaf(
    path: KeyPath, name: ScalarNode, value: Node, place: Section, rules: KeyRules
) -> Iterator[KeyEntry]:
    if rules.alternatives and isinstance(value, MappingNode):
        return  # the schema tells that it is empty
    values = _values(value, place)
    problem = ""
    if isinstance(value, SequenceNode):
        problem = _list_problem(path, value, values, rules)
    elif isinstance(value, MappingNode):
        problem = _no_sequence(path)
    elif path.vr == "SQ" and any(scalar.text for scalar in values):
        problem = f'{path.dotted} is a sequence; write "" or the keys of its item'
    if problem:
        place.report.error(value.mark, place.path, problem)
        return
    entered = isinstance(value, MappingNode) or _is_entered(name, rules)
    yield KeyEntry(path, values, name.mark, entered=entered and rules.raw)


def _is_entered(name: ScalarNode, rules: KeyRules) -> bool:
    """Whether a raw key names an item of a sequence, not the sequence itself."""
    return rules.raw and name.text.endswith("]")


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
    path: KeyPath, value: SequenceNode, values: tuple[Scalar, ...], rules: KeyRules
) -> str:
    """Why a list cannot stand here, or nothing.

    Source: PS3.4 Section C.2.2.2.2, List of UID Matching.
    """
    if path.vr == "SQ":
        return "a key sequence has one item; write its keys without a list"
    if rules.alternatives:
        return ""  # the schema tells what is empty or no text
    if not value.items:
        return 'an empty list asks for nothing; write "" to ask for the attribute'
    if len(values) < len(value.items):
        return "a list here holds UIDs, each a text"
    if rules.raw:
        return ""
    of_uids = path.vr == "UI"
    takes_lists = of_uids or (rules.lists and path.vr not in SINGLE_VALUED_VRS)
    if len(value.items) > 1 and not takes_lists:
        return several_values(path)
    if len(values) > 1 and any(not scalar.text for scalar in values):
        kind = "UIDs" if of_uids else "values"
        return f"an empty text in a list of {kind} matches nothing; remove it"
    return ""


def _path(
    name: ScalarNode, above: KeyPath | None, place: Section, rules: KeyRules
) -> KeyPath | None:
    try:
        path = child(above, name.text, rules.known, verbatim=rules.raw)
    except ValueError as error:
        place.report.error(name.mark, place.path, _unreadable(name, error))
        return None
    problem = "" if rules.raw else refusal(path)
    if problem:
        place.report.error(name.mark, place.path, problem)
        return None
    return path


def _unreadable(name: ScalarNode, error: ValueError) -> str:
    if _GROUP.fullmatch(name.text) and name.plain:
        return (
            f"'{name.text}' is half a tag, because YAML splits it at the comma; "
            'write "(gggg,eeee)" in quotes'
        )
    return str(error)


def refusal(path: KeyPath) -> str:
    """Why a key cannot be one of a query that is not raw, or nothing."""
    if any(step.item for step in path.steps):
        return f"{path.dotted}: a key sequence has one item, [0] (PS3.4 C.2.2.2.6)"
    return "" if path.is_nested else _OURS.get(path.tag, "")
