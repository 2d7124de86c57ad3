"""The schema of a query's table, fixed by the request before the first answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from batchfind.dicom import dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.job.column_words import ON_REQUEST, PROVENANCE
from batchfind.job.output_model import OutputOptions
from batchfind.plan.model import PlannedQuery
from batchfind.plan.table_columns import ColumnKind, TableColumn, table_columns
from batchfind.tables.columns import Form, form_of, type_of
from batchfind.tables.layout import Layout, layout_of

__all__ = ["PROVENANCE_TYPES", "Column", "ColumnKind", "TableSchema", "table_schema"]

PROVENANCE_TYPES = {
    **dict.fromkeys((*PROVENANCE, *ON_REQUEST), pa.string()),
    "bf_response": pa.int64(),
    "bf_item": pa.int32(),
    "bf_empty": pa.list_(pa.string()),
    "bf_asked_at": pa.timestamp("us", "UTC"),
}
"""Columns that say where a row comes from, in the order they stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: unique in its table, also where letter case does not count.
        type: Arrow type.
        source: dotted key path, the name in `Request.bindings`, or the name of a
            column beginning with `bf_`.
        form: how an attribute is shown; None for other columns.
        component: part of a person's name that it shows, or empty.
        depth: 0 for an attribute of the data set, 1 for one of the items of the
            exploded sequence, and so on.
        slot: position of the attribute in the node at that depth.
        metadata: `dicom.path`, `dicom.tag`, `dicom.vr`, `dicom.keyword`,
            `dicom.component`.
    """

    name: str
    kind: ColumnKind
    type: pa.DataType
    source: str
    form: Form | None = None
    component: str = ""
    depth: int = 0
    slot: int = 0
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """The columns of one table.

    Attributes:
        limit: rows of one request at most, or None.
    """

    query: str
    columns: tuple[Column, ...]
    limit: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def shows(self, source: str) -> bool:
        """Whether a column beginning with `bf_` is there, under whatever name."""
        return any(
            column.kind is ColumnKind.PROVENANCE and column.source == source
            for column in self.columns
        )

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema; attributes carry path, tag, VR and keyword."""
        return pa.schema(
            pa.field(column.name, column.type, metadata=dict(column.metadata) or None)
            for column in self.columns
        )


def table_schema(
    query: PlannedQuery,
    *,
    typed: bool,
    provenance: bool,
    nested: bool = True,
    options: OutputOptions | None = None,
) -> TableSchema:
    """The schema of a table of responses.

    Args:
        query: its columns, exploded sequence and carried names.
        typed: values have types by VR and multiplicity; else all is text.
        provenance: add the columns beginning with `bf_`.
        nested: the file format has a place for lists of structs; without it, and
            in text tables, a sequence is DICOM JSON text.
        options: as planned: what it names is the name of a column.

    Returns:
        What `columns` picks; without it attributes in the order written, then
        carried names, then provenance. Columns beginning with `bf_` that
        partitions need are there in any case.
    """
    chosen = options or OutputOptions()
    make = _Maker(layout_of(query), typed=typed, nested=nested, options=chosen)
    return TableSchema(
        query=query.name,
        columns=tuple(
            make.column(column, name)
            for column, name in _picked(
                query, chosen, provenance=provenance, typed=typed
            )
        ),
        limit=chosen.limit,
    )


def _picked(
    query: PlannedQuery, options: OutputOptions, *, provenance: bool, typed: bool
) -> Iterator[tuple[TableColumn, str]]:
    """The columns of a table in order, with the names they have there."""
    known = {column.name: column for column in table_columns(query)}
    picked: list[tuple[TableColumn, str]] = []
    if options.columns:
        picked = [
            (known[choice.source], choice.name or choice.source)
            for choice in options.columns
        ]
    else:
        wanted = _provenance(query, options, typed=typed) if provenance else ()
        left_out = {ColumnKind.PROVENANCE}
        if not options.components:
            left_out.add(ColumnKind.COMPONENT)
        picked = [(one, one.name) for one in known.values() if one.kind not in left_out]
        picked += [(known[name], name) for name in wanted]
    yield from picked
    names = {name for _, name in picked}
    for partition in options.partition_by:
        if partition.source not in names:
            yield known[partition.source], partition.source


def _provenance(
    query: PlannedQuery, options: OutputOptions, *, typed: bool
) -> tuple[str, ...]:
    if options.provenance_columns is not None:
        return options.provenance_columns
    any_typed = typed or any(one != "text" for one in options.column_types.values())
    left_out = set() if any_typed else {"bf_empty"}
    left_out |= set() if query.explode is not None else {"bf_item"}
    return tuple(name for name in PROVENANCE if name not in left_out)


class _Maker:
    """Makes the columns of one table."""

    def __init__(
        self, layout: Layout, *, typed: bool, nested: bool, options: OutputOptions
    ) -> None:
        self._layout = layout
        self._typed = typed
        self._nested = nested
        self._types = options.column_types

    def column(self, column: TableColumn, name: str) -> Column:
        """A column of the table, by the name it has there."""
        if column.path is not None:
            return self._attribute(column, column.path, name)
        kind = pa.string()
        if column.kind is ColumnKind.PROVENANCE:
            kind = PROVENANCE_TYPES[column.source]
            if column.source == "bf_asked_at" and not self._typed:
                kind = pa.string()
        return Column(name=name, kind=column.kind, type=kind, source=column.source)

    def _attribute(self, column: TableColumn, path: KeyPath, name: str) -> Column:
        node = self._layout.nodes[column.depth]
        slot = node.slot(path.leaf)
        attribute = node.attributes[slot]
        form = form_of(
            attribute,
            typed=self._typed,
            nested=self._nested,
            override=self._types.get(column.name),
        )
        return Column(
            name=name,
            kind=column.kind,
            type=type_of(attribute, form),
            source=path.dotted,
            form=form,
            component=column.component,
            depth=column.depth,
            slot=slot,
            metadata=_metadata(path, attribute.vr, column.component),
        )


def _metadata(path: KeyPath, vr: str, component: str) -> tuple[tuple[str, str], ...]:
    facts = {
        "dicom.path": path.dotted,
        "dicom.tag": f"{path.tag:08X}",
        "dicom.vr": vr,
        "dicom.keyword": path.leaf.keyword or dictionary.keyword_of(path.tag),
        "dicom.component": component,
    }
    return tuple((name, fact) for name, fact in facts.items() if fact)
