"""The keys of a query: written once, rendered for every request."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from batchfind.dicom.lint import normalise_value
from batchfind.dicom.paths import KeyPath
from batchfind.errors import Mark
from batchfind.job.model import KeyEntry, Query
from batchfind.plan.templates import Scope, Templates
from batchfind.plan.windows import WindowValue


@dataclass(frozen=True, slots=True)
class Key:
    """One leaf of `keys` or `return`.

    Attributes:
        where: its place in the job.
        names: names its templates read.
        tested: those that a condition asks about.
        sole: the name, when it is nothing but `{{ name }}`.
        raw: its value is sent as written.
    """

    entry: KeyEntry
    where: str
    names: frozenset[str]
    tested: frozenset[str]
    sole: str | None
    raw: bool = False

    @property
    def path(self) -> KeyPath:
        """Where it stands in the Identifier."""
        return self.entry.path


@dataclass(frozen=True, slots=True)
class Leaf:
    """A key with its rendered value.

    Attributes:
        mark: where its value came from.
        where: its place in the job.
        entered: as of its `KeyEntry`.
    """

    path: KeyPath
    text: str
    mark: Mark
    where: str
    entered: bool = False


def is_universal(text: str) -> bool:
    """Whether a value matches everything.

    Source: PS3.4 Sections C.2.2.2.3 and C.2.2.2.4.
    """
    return not text.strip().strip("*")


def keys_of(query: Query, templates: Templates) -> tuple[Key, ...]:
    """Every key of a query in the order written."""
    return tuple(
        _key(query, entry, part, templates)
        for part, entries in (("keys", query.keys), ("return", query.returns))
        for entry in entries
    )


def _key(query: Query, entry: KeyEntry, part: str, templates: Templates) -> Key:
    facts = [templates.facts(value) for value in entry.values]
    return Key(
        entry,
        f"queries.{query.name}.{part}.{entry.path}",
        names=frozenset().union(*(fact.names for fact in facts)),
        tested=frozenset().union(*(fact.tested for fact in facts)),
        sole=facts[0].sole if len(facts) == 1 else None,
        raw=query.raw,
    )


def render_keys(
    keys: Iterable[Key],
    templates: Templates,
    scope: Scope,
    row_names: Collection[str] = (),
    row_mark: Mark | None = None,
) -> list[Leaf | None]:
    """The keys of one request; None stands for one whose problem was noted.

    Args:
        keys: of the query.
        templates: renders them.
        scope: what names mean in this request.
        row_names: names whose value comes from a row.
        row_mark: place of that row; what is wrong with its values is wrong there.
    """
    return [
        _leaf(
            key,
            templates,
            _dated(key, scope),
            row_mark if key.names.intersection(row_names) else None,
        )
        for key in keys
    ]


def _leaf(
    key: Key, templates: Templates, scope: Scope, row_mark: Mark | None
) -> Leaf | None:
    texts = []
    for value in key.entry.values:
        text = templates.render(value, key.where, scope, row_mark)
        if text is None:
            return None
        texts.append(text)
    first = key.entry.values[0].mark if key.entry.values else key.entry.mark
    text = "\\".join(texts)
    if not key.raw:
        text = normalise_value(key.path.vr, text)
    return Leaf(key.path, text, row_mark or first, key.where, key.entry.entered)


def _dated(key: Key, scope: Scope) -> Scope:
    """The scope in which `{{ window }}` writes what the key's VR needs."""
    window = scope.values.get("window")
    if key.path.vr != "DT" or not isinstance(window, WindowValue):
        return scope
    full = WindowValue(window.piece, window.style, date_time=True)
    return scope.with_values({"window": full})
