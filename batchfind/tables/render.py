"""One pass over a query's responses that feeds every output and every check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from batchfind.dicom.columnar.model import BoolVec
from batchfind.dicom.paths import KeyPath
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.plan.model import PlannedQuery
from batchfind.tables.asked import Asked
from batchfind.tables.columns import Form, LevelColumns, Notes, columns_of
from batchfind.tables.decode import Decoder
from batchfind.tables.decoded import Decoded, Defect
from batchfind.tables.layout import Layout, layout_of
from batchfind.tables.level import Wanted
from batchfind.tables.limits import RowLimits
from batchfind.tables.provenance import Setting, by_part, provenance_array
from batchfind.tables.rows import Rows, rows_of
from batchfind.tables.schema import Column, ColumnKind, TableSchema
from batchfind.tables.slabs import Slab
from batchfind.tables.verify import Verified, Verifier

Keep: TypeAlias = Callable[[Slab], BoolVec | None]
"""Which responses of a slab enter tables; None when all do."""

Seen: TypeAlias = Mapping[KeyPath, Mapping[str, Mapping[str, int]]]
"""By path and request id: the values met, and how many responses hold each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A slab's responses as rows, and what was found out on the way.

    Attributes:
        slab: the responses that enter tables, perhaps none; of a piece of the slab
            given when they explode into very many rows.
        batches: one pyarrow RecordBatch a schema, in the order of the schemas.
        defects: responses that could not be decoded, in order; these and all that
            follows are of every response, but for `invalid`.
        replaced: U+FFFD put in for undecodable bytes, by request id.
        invalid: values that did not fit their column, one count a schema.
        warnings: what was wrong with character sets, by request id.
        seen: for each watched path, the values met in each request, and how many
            responses hold each.
        standing: the same of responses that enter tables.
        verified: how the responses stand to the keys they were asked by; nothing
            when that is not asked.
    """

    slab: Slab
    batches: tuple[pa.RecordBatch, ...]
    defects: tuple[Defect, ...]
    replaced: Mapping[str, int]
    invalid: tuple[int, ...]
    warnings: Mapping[str, frozenset[str]]
    seen: Seen
    standing: Seen
    verified: Verified = field(default_factory=Verified)


def render(
    query: PlannedQuery,
    slabs: Iterable[Slab],
    schemas: Sequence[TableSchema] = (),
    watch: Sequence[KeyPath] = (),
    keep: Keep = lambda _: None,
    asked: Asked | None = None,
) -> Iterator[Rendered]:
    """Decode every response once, for all tables and checks together.

    Args:
        query: the query all slabs and schemas belong to.
        slabs: in plan order.
        schemas: one a table; without any, responses are still decoded, so that
            defects and replacements never depend on the outputs chosen.
        watch: attributes of the data set itself whose values a check needs.
        keep: responses that it leaves out are read for the checks alone.
        asked: keys that the responses are held against, or None.

    Yields:
        One piece after another, in the order of the slabs.
    """
    layout = layout_of(query, (*watch, *(asked.paths if asked is not None else ())))
    verifier = Verifier(layout, asked.of) if asked is not None else None
    decoder = Decoder(layout, _wanted(layout, schemas))
    limits = RowLimits([schema.limit for schema in schemas])
    for slab in slabs:
        for decoded in decoder.decode(slab):
            kept = keep(decoded.slab)
            yield _rendered(decoded, layout, schemas, watch, limits, kept, verifier)


def _wanted(layout: Layout, schemas: Sequence[TableSchema]) -> Wanted:
    """What the tables show beside plain values."""
    columns = [column for schema in schemas for column in schema.columns]
    json = [
        frozenset(c.slot for c in columns if c.form is Form.JSON and c.depth == depth)
        for depth in range(len(layout.chain) + 1)
    ]
    unasked = any(schema.shows("bf_extra") for schema in schemas)
    return Wanted(tuple(json), unasked=unasked)


def _rendered(
    decoded: Decoded,
    layout: Layout,
    schemas: Sequence[TableSchema],
    watch: Sequence[KeyPath],
    limits: RowLimits,
    kept: BoolVec | None,
    verifier: Verifier | None,
) -> Rendered:
    big_endian = decoded.slab.transfer_syntax == EXPLICIT_BE
    levels = columns_of(decoded.root, layout.chain, big_endian=big_endian)
    rows = rows_of(decoded.root, layout.chain)
    slab = decoded.slab
    if kept is not None:
        rows, slab = rows.where(kept), slab.where(kept)
    verified = verifier.verify(decoded, levels[0]) if verifier else Verified()
    pieces = [
        _table(levels, Setting(decoded, rows, verified.names), schema)
        for schema in schemas
    ]
    seen = {path: _seen(levels[0], layout, path, decoded, None) for path in watch}
    standing = seen
    if kept is not None:
        standing = {
            path: _seen(levels[0], layout, path, decoded, kept) for path in watch
        }
    return Rendered(
        slab=slab,
        batches=tuple(
            limits.cut(table, batch, decoded, rows)
            for table, (batch, _) in enumerate(pieces)
        ),
        defects=tuple(decoded.defects.values()),
        replaced=_by_request(levels[0].replaced(), decoded),
        invalid=tuple(invalid for _, invalid in pieces),
        verified=verified,
        warnings=_warnings(decoded),
        seen=seen,
        standing=standing,
    )


def _table(
    levels: Sequence[LevelColumns], setting: Setting, schema: TableSchema
) -> tuple[pa.RecordBatch, int]:
    # Notes first: columns may stand in any order, and those that show the notes may
    # be picked before the columns they are about.
    invalid = sum(
        _take_notes(levels[column.depth], column, setting)
        for column in schema.columns
        if column.kind is ColumnKind.ATTRIBUTE
    )
    arrays = [_array(levels, column, setting) for column in schema.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow), invalid


def _array(
    levels: Sequence[LevelColumns], column: Column, setting: Setting
) -> pa.Array:
    if column.kind is ColumnKind.CARRY:
        return _carried(setting, column.source)
    if column.kind is ColumnKind.PROVENANCE:
        return provenance_array(column.source, setting).cast(column.type)
    level, form = levels[column.depth], column.form or Form.TEXT
    if column.kind is ColumnKind.COMPONENT:
        array = level.component(column.slot, form, column.component)
    else:
        array = level.array(column.slot, form)
    return setting.rows.take(array, column.depth)


def _carried(setting: Setting, name: str) -> pa.Array:
    return by_part(setting, lambda part: part.origin.bindings.get(name))


def _take_notes(level: LevelColumns, column: Column, setting: Setting) -> int:
    """Enter what a column could not show; how many values were unfit."""
    form = column.form or Form.TEXT
    unfit = level.unfit(column.slot, form)
    for row, found in _by_row(unfit, column, setting.rows):
        texts = setting.invalid.setdefault(row, {})
        texts.update({column.name + at: text for at, text in found.items()})
    mask = level.empty(column.slot, form)
    if mask is not None:
        entries = setting.rows.entries[column.depth]
        rows = np.flatnonzero((entries >= 0) & mask[entries])
        setting.empty.append((rows, [column.name] * len(rows)))
    below = level.empty_below(column.slot, form)
    for row, found in _by_row(below, column, setting.rows):
        names = [column.name + at for at in found]
        setting.empty.append((np.full(len(names), row), names))
    return sum(len(unfit[entry]) for entry in _shown(unfit, column, setting.rows))


def _shown(notes: Notes, column: Column, rows: Rows) -> set[int]:
    """Noted entries that any row shows."""
    if not notes:
        return set()
    entries = rows.entries[column.depth]
    return set(entries[np.isin(entries, list(notes))].tolist())


def _by_row(
    notes: Notes, column: Column, rows: Rows
) -> Iterator[tuple[int, dict[str, str]]]:
    """Notes of a level's entries as notes of rows."""
    if notes:
        entries = rows.entries[column.depth]
        for row in np.flatnonzero(np.isin(entries, list(notes))).tolist():
            yield row, notes[int(entries[row])]


def _by_request(counts: Mapping[int, int], decoded: Decoded) -> dict[str, int]:
    """Counts by response as counts by request id."""
    total: Counter[str] = Counter()
    requests = _requests(decoded) if counts else []
    for response, count in counts.items():
        total[requests[response]] += count
    return dict(total)


def _requests(decoded: Decoded) -> list[str]:
    """Request id of each response."""
    parts = decoded.slab.parts
    return [part.origin.request for part in parts for _ in part.ends]


def _warnings(decoded: Decoded) -> dict[str, frozenset[str]]:
    sets = decoded.root.sets
    if not any(each.problems for each in sets.distinct):
        return {}
    found: dict[str, set[str]] = {}
    requests = _requests(decoded)
    for at, each in enumerate(sets.distinct):
        if each.problems:
            responses = np.flatnonzero(sets.which == at).tolist()
            for request in {requests[response] for response in responses}:
                found.setdefault(request, set()).update(each.problems)
    return {request: frozenset(texts) for request, texts in found.items()}


def _seen(
    root: LevelColumns,
    layout: Layout,
    path: KeyPath,
    decoded: Decoded,
    kept: BoolVec | None,
) -> dict[str, Counter[str]]:
    """Distinct values of an attribute of the data set, by request."""
    texts = root.text(layout.root.slot(path.leaf)).array.to_pylist()
    counted = [True] * len(texts) if kept is None else kept.tolist()
    found: dict[str, Counter[str]] = {}
    for request, text, counts in zip(_requests(decoded), texts, counted, strict=True):
        if text and counts:
            found.setdefault(request, Counter()).update(set(text.split("\\")))
    return found
