"""Queries whose requests belong together: `any_of`, and what tells their rows apart.

Also `expect`, which is about the rows of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.errors import Mark
from batchfind.job.keys import KeyRules, read_alternatives, read_key_paths
from batchfind.job.model import (
    AnyOf,
    Dedupe,
    Expect,
    ForEach,
    KeyEntry,
    Verify,
    Window,
)
from batchfind.job.nodes import ScalarNode
from batchfind.job.section import Section


def read_any_of(query: Section, rules: KeyRules) -> tuple[AnyOf, ...]:
    """The keys of `any_of` with their values; problems are reported."""
    found: dict[str, AnyOf] = {}
    axes = {key.text for key, _ in query.section("matrix").entries()}
    for entry in read_alternatives(query, "any_of", rules):
        where = query.place(f"any_of.{entry.path.dotted}")
        if entry.path.vr == "SQ":
            message = f"{entry.path.dotted} is a sequence; name a key inside it"
            query.report.error(entry.mark, where, message)
            continue
        one = AnyOf(mark=entry.mark, key=entry.path, values=entry.values)
        first = found.setdefault(one.name, one)
        if first is not one:
            message = (
                f"{one.name} stands here and at {first.mark}; keep one of them, or"
                " make the other an axis of the matrix"
            )
            query.report.error(entry.mark, where, message)
        elif one.name in axes:
            message = f"'{one.name}' is a matrix axis too; rename the axis"
            query.report.error(entry.mark, where, message)
    return tuple(found.values())


def read_unique(query: Section, known: Dictionary) -> tuple[KeyPath, ...]:
    """The keys that tell rows apart, as the job has them; problems are reported."""
    return tuple(
        path for path, _ in read_key_paths(query, "unique", KeyRules(known=known))
    )


def read_policies(query: Section) -> dict[str, Any]:
    """`dedupe`, `verify_matches` and `expect`, those that are written."""
    fields: dict[str, Any] = {}
    for name, kind in (("dedupe", Dedupe), ("verify_matches", Verify)):
        if query.text(name) in {one.value for one in kind}:
            fields[name] = kind(query.text(name))
    if query.has("expect"):
        fields["expect"] = _expect(query.section("expect"))
    return fields


def _expect(expect: Section) -> Expect:
    flags: dict[str, Any] = expect.flags("complete")
    bounds: dict[str, Any] = expect.integers("min_rows", "max_rows")
    least, most = bounds.get("min_rows"), bounds.get("max_rows")
    if least is not None and most is not None and most < least:
        expect.error("max_rows", f"is below min_rows, {least}")
    return Expect(
        unique=expect.texts("unique"),
        not_null=expect.texts("not_null"),
        **flags,
        **bounds,
    )


def marks_of(query: Section) -> dict[str, Mark]:
    """Where stands what only the plan can judge, by its place below the query."""
    found = {}
    for name in ("unique", "for_each.keys", "expect.unique", "expect.not_null"):
        section = query
        *above, last = name.split(".")
        for part in above:
            section = section.section(part)
        for number, item in enumerate(section.items(last)):
            found[f"{name}[{number}]"] = item.mark
    for key, value in query.section("for_each").section("columns").entries():
        if isinstance(value, ScalarNode):
            found[f"for_each.columns.{key.text}"] = value.mark
    if query.section("window").has("split"):
        found["window.split"] = query.section("window").mark("split")
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """A key that a field beside `keys` gives values, or asks for.

    Attributes:
        place: below the query.
        field: as people call it.
    """

    path: KeyPath
    mark: Mark
    place: str
    field: str


def written_keys(
    query: Section,
    window: Window | None,
    alternatives: Iterable[AnyOf],
    each: ForEach | None,
) -> tuple[Written, ...]:
    """The keys that `any_of`, `for_each` and the window's `then` give a value."""
    found = [
        Written(one.key, one.mark, f"any_of.{one.key.dotted}", "any_of")
        for one in alternatives
    ]
    marks = marks_of(query)
    for number, path in enumerate(each.keys if each is not None else ()):
        place = f"for_each.keys[{number}]"
        found.append(
            Written(path, marks.get(place, query.node.mark), place, "for_each")
        )
    split = None if window is None else window.split
    for number, then in enumerate(split.then if split is not None else ()):
        place = f"window.then[{number}].key"
        found.append(Written(then.key, then.mark, place, "the window's then"))
    return tuple(found)


def check_within(
    query: Section,
    entries: Iterable[KeyEntry],
    window: Window | None,
    written: Iterable[Written],
) -> None:
    """Reports keys written into a sequence that is asked for as a whole.

    A key sequence with an item returns the keys of that item, so both cannot be sent.

    Source: PS3.4 Section C.2.2.2.6.
    """
    whole = {
        _tags(entry.path): entry.mark for entry in entries if entry.path.vr == "SQ"
    }
    for one in (*_of_window(query, window), *written) if whole else ():
        tags = _tags(one.path)
        outer = next((end for end in range(1, len(tags)) if tags[:end] in whole), 0)
        if not outer:
            continue
        names = ".".join(one.path.names[:outer])
        message = (
            f"{one.field} writes {one.path.leaf.name} into {names}, which is asked for"
            f" as a whole at {whole[tags[:outer]]}; an item returns only the keys it"
            " holds (PS3.4 C.2.2.2.6), so name there the keys you want instead of"
            " asking for all"
        )
        query.report.error(one.mark, query.place(one.place), message)


def _of_window(query: Section, window: Window | None) -> Iterator[Written]:
    """The key that a window writes; its time stands beside it."""
    if window is not None and window.key is not None:
        mark = query.section("window").mark("key")
        yield Written(window.key, mark, "window.key", "the window")


def _tags(path: KeyPath) -> tuple[tuple[int, str | None], ...]:
    return tuple((step.tag, step.creator) for step in path.steps)


def check_written_once(
    query: Section,
    keys: Iterable[KeyEntry],
    window: Window | None,
    written: Iterable[Written],
) -> None:
    """Reports keys that two fields of a query would give a value."""
    by_field = {
        entry.path: "'keys'"
        for entry in keys
        if any(value.text for value in entry.values)
    }
    if window is not None and window.key is not None:
        by_field[window.key] = "the window"
    if window is not None and window.split is not None and window.time_key is not None:
        by_field[window.time_key] = "the window"
    for one in written:
        first = by_field.setdefault(one.path, one.field)
        if first is not one.field:
            message = (
                f"{one.path.dotted} gets a value from {first} already; keep one of them"
            )
            query.report.error(one.mark, query.place(one.place), message)
