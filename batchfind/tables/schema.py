"""The schema of a query's table, fixed by the request before the first answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa

from batchfind.dicom import dictionary
from batchfind.dicom.paths import KeyPath, Step, column_name
from batchfind.plan.model import PlannedQuery
from batchfind.tables.columns import Form, form_of, type_of
from batchfind.tables.layout import Layout, layout_of

PROVENANCE_TYPES = {
    "bf_query": pa.string(),
    "bf_peer": pa.string(),
    "bf_request": pa.string(),
    "bf_response": pa.int64(),
    "bf_item": pa.int32(),
    "bf_status": pa.string(),
    "bf_verdict": pa.string(),
    "bf_defect": pa.string(),
    "bf_invalid": pa.string(),
    "bf_empty": pa.list_(pa.string()),
    "bf_extra": pa.string(),
}
"""Columns that say where a row comes from, in the order they stand."""


class ColumnKind(Enum):
    """What fills a column."""

    ATTRIBUTE = "attribute"
    CARRY = "carry"
    PROVENANCE = "provenance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: unique in its table, also where letter case does not count.
        type: Arrow type.
        source: dotted key path, the name in `Request.bindings`, or the name in
            `PROVENANCE_TYPES`.
        form: how an attribute is shown; None for other columns.
        depth: 0 for an attribute of the data set, 1 for one of the items of the
            exploded sequence, and so on.
        slot: position of the attribute in the node at that depth.
        metadata: `dicom.path`, `dicom.tag`, `dicom.vr`, `dicom.keyword`.
    """

    name: str
    kind: ColumnKind
    type: pa.DataType
    source: str
    form: Form | None = None
    depth: int = 0
    slot: int = 0
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """The columns of one table.

    Attributes:
        typed: columns have types by VR; else attributes are text.
        provenance: the columns beginning with `bf_` are there.
    """

    query: str
    typed: bool
    provenance: bool
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema; attributes carry path, tag, VR and keyword."""
        return pa.schema(
            pa.field(column.name, column.type, metadata=dict(column.metadata) or None)
            for column in self.columns
        )


def table_schema(
    query: PlannedQuery, *, typed: bool, provenance: bool, nested: bool = True
) -> TableSchema:
    """The schema of a query's table.

    Args:
        query: its columns, exploded sequence and carried names.
        typed: values have types by VR and multiplicity; else all is text.
        provenance: add the columns beginning with `bf_`.
        nested: the file format has a place for lists of structs; without it, and
            in text tables, a sequence is DICOM JSON text.

    Returns:
        Attributes in the order written, then carried names, then provenance.
    """
    layout = layout_of(query)
    names = _Names(PROVENANCE_TYPES if provenance else ())
    places = _places(query)
    short = [_short_name(path, query.explode) for path in places.values()]
    columns = []
    for (depth, step), path in places.items():
        name = _short_name(path, query.explode)
        if depth and short.count(name) > 1:
            name = column_name(_bare(path))
        form, slot = _form(layout, depth, step, typed=typed, nested=nested)
        attribute = layout.nodes[depth].attributes[slot]
        columns.append(
            Column(
                name=names.claim(name),
                kind=ColumnKind.ATTRIBUTE,
                type=type_of(attribute, form),
                source=path.dotted,
                form=form,
                depth=depth,
                slot=slot,
                metadata=_metadata(path, attribute.vr),
            )
        )
    columns += _carried(query.carry, names)
    if provenance:
        columns += _provenance(typed=typed, exploded=query.explode is not None)
    return TableSchema(
        query=query.name, typed=typed, provenance=provenance, columns=tuple(columns)
    )


class _Names:
    """Column names given out so far."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in reserved}

    def claim(self, name: str, otherwise: str = "") -> str:
        """The name, or a free one like it.

        Letter case does not count: DuckDB and Spark take such columns for equal.
        """
        candidates = [name, otherwise] if otherwise else [name]
        for candidate in candidates:
            if candidate.casefold() not in self._taken:
                break
        else:
            ordinal = 2
            while f"{candidate}_{ordinal}".casefold() in self._taken:
                ordinal += 1
            candidate = f"{candidate}_{ordinal}"
        self._taken.add(candidate.casefold())
        return candidate


def _places(query: PlannedQuery) -> dict[tuple[int, Step], KeyPath]:
    """Each column's depth and step in its level, with its path, in order written.

    A sequence that is not exploded is one column, where its first leaf stands.
    """
    exploded = _bare(query.explode).steps if query.explode is not None else ()
    places: dict[tuple[int, Step], KeyPath] = {}
    for path in query.columns:
        steps = _bare(path).steps
        depth = _shared(steps, exploded)
        if depth == len(steps):
            # The exploded sequence itself, asked as a whole: its rows show it.
            depth -= 1
        place = depth, _known_by(steps[depth])
        places.setdefault(place, KeyPath(steps[: depth + 1]))
    return places


def _shared(steps: tuple[Step, ...], exploded: tuple[Step, ...]) -> int:
    depth = 0
    for step, outer in zip(steps, exploded, strict=False):
        if _known_by(step) != _known_by(outer):
            break
        depth += 1
    return depth


def _known_by(step: Step) -> Step:
    """The step without what may differ between two mentions of one attribute."""
    return Step(step.tag, "", creator=step.creator)


def _bare(path: KeyPath) -> KeyPath:
    """The path without item numbers."""
    steps = path.steps
    return KeyPath(tuple(Step(s.tag, s.vr, creator=s.creator) for s in steps))


def _short_name(path: KeyPath, explode: KeyPath | None) -> str:
    """The column's name without the prefix of the exploded sequence."""
    steps = path.steps
    exploded = _bare(explode).steps if explode is not None else ()
    depth = min(_shared(steps, exploded), len(steps) - 1)
    return column_name(KeyPath(steps[depth:]))


def _form(
    layout: Layout, depth: int, step: Step, *, typed: bool, nested: bool
) -> tuple[Form, int]:
    node = layout.nodes[depth]
    slot = node.slot(step)
    return form_of(node.attributes[slot], typed=typed, nested=typed and nested), slot


def _metadata(path: KeyPath, vr: str) -> tuple[tuple[str, str], ...]:
    facts = [
        ("dicom.path", path.dotted),
        ("dicom.tag", f"{path.tag:08X}"),
        ("dicom.vr", vr),
    ]
    keyword = dictionary.keyword_of(path.tag)
    return tuple([*facts, ("dicom.keyword", keyword)] if keyword else facts)


def _carried(carry: Iterable[str], names: _Names) -> Iterator[Column]:
    for key in carry:
        # A name that begins with _ or . is hidden from many readers.
        plain = key if key[:1] not in {"_", "."} else f"carry{key}"
        yield Column(
            name=names.claim(plain, f"carry_{key.lstrip('_.')}"),
            kind=ColumnKind.CARRY,
            type=pa.string(),
            source=key,
        )


def _provenance(*, typed: bool, exploded: bool) -> Iterator[Column]:
    left_out = (set() if typed else {"bf_empty"}) | (set() if exploded else {"bf_item"})
    for name, kind in PROVENANCE_TYPES.items():
        if name not in left_out:
            yield Column(name=name, kind=ColumnKind.PROVENANCE, type=kind, source=name)
