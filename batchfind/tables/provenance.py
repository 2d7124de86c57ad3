"""The columns that say where a row comes from and what could not be shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.tables.decoded import Decoded
from batchfind.tables.rows import Rows
from batchfind.tables.slabs import Part


@dataclass(frozen=True, slots=True)
class Setting:
    """What the provenance of a piece of one table is made from.

    Attributes:
        invalid: by row, the text of values that did not fit, by column.
        empty: rows, and for each of them a column that is null there though the
            attribute came; the columns of one row in order.
        mismatches: of each response the keys it does not match, null where there are
            none; None when there are none at all.
    """

    decoded: Decoded
    rows: Rows
    mismatches: pa.Array | None = None
    invalid: dict[int, dict[str, str]] = field(default_factory=dict)
    empty: list[tuple[npt.NDArray[np.int64], list[str]]] = field(default_factory=list)


def provenance_array(name: str, setting: Setting) -> pa.Array:
    """The column of that name for every row of a piece.

    Raises:
        KeyError: for a name outside `PROVENANCE_TYPES`: a bug of ours.
    """
    return _BUILDERS[name](setting)


def by_part(setting: Setting, value: Callable[[Part], str | None]) -> pa.Array:
    """A text that is the same for all rows of a part."""
    parts = setting.decoded.slab.parts
    values = pa.array([value(part) for part in parts], pa.string())
    return values.take(pa.array(_part_of_rows(setting)))


def _part_of_rows(setting: Setting) -> np.ndarray:
    counts = [len(part.ends) for part in setting.decoded.slab.parts]
    return np.repeat(np.arange(len(counts)), counts)[setting.rows.responses]


def _response(setting: Setting) -> pa.Array:
    parts = setting.decoded.slab.parts
    indices = [np.arange(part.first, part.first + len(part.ends)) for part in parts]
    return pa.array(np.concatenate(indices)[setting.rows.responses], pa.int64())


def _item(setting: Setting) -> pa.Array:
    items = setting.rows.items
    if items is None:
        return pa.nulls(len(setting.rows), pa.int32())
    return pa.array(items.astype(np.int32), pa.int32(), mask=items < 0)


def _status(setting: Setting) -> pa.Array:
    parts = setting.decoded.slab.parts
    codes = np.concatenate([np.asarray(part.statuses, np.int64) for part in parts])
    distinct, where = np.unique(codes[setting.rows.responses], return_inverse=True)
    texts = pa.array([f"{code:04X}" for code in distinct.tolist()], pa.string())
    return texts.take(pa.array(where.ravel()))


def _defect(setting: Setting) -> pa.Array:
    texts = {
        position: f"{defect.kind}@{defect.offset}"
        for position, defect in setting.decoded.defects.items()
    }
    return _sparse(texts, setting.rows.responses.tolist())


def _invalid(setting: Setting) -> pa.Array:
    texts = {row: _json(found) for row, found in setting.invalid.items()}
    return _sparse(texts, range(len(setting.rows)))


def _empty(setting: Setting) -> pa.Array:
    if not setting.empty:
        return pa.nulls(len(setting.rows), pa.list_(pa.string()))
    rows = np.concatenate([rows for rows, _ in setting.empty])
    names = [pa.array(names, pa.string()) for _, names in setting.empty]
    counts = np.bincount(rows, minlength=len(setting.rows))
    in_order = pa.array(np.argsort(rows, kind="stable"))
    return pa.ListArray.from_arrays(
        pa.array(np.append(0, np.cumsum(counts)), pa.int32()),
        pa.concat_arrays(names).take(in_order),
        mask=pa.array(counts == 0),
    )


def _mismatch(setting: Setting) -> pa.Array:
    if setting.mismatches is None:
        return pa.nulls(len(setting.rows), pa.string())
    return setting.mismatches.take(pa.array(setting.rows.responses))


def _extra(setting: Setting) -> pa.Array:
    responses = setting.rows.responses
    unasked = setting.decoded.unasked
    texts: dict[int, str | None] = {}
    for response, found in unasked.by_row.items():
        first = int(responses.searchsorted(response))
        if first < len(responses) and responses[first] == response:
            texts.update(enumerate(found, first))
    if unasked.in_every_row is None:
        return _sparse(texts, range(len(responses)))
    array = unasked.in_every_row.take(pa.array(responses))
    if not texts:
        return array
    mask = np.zeros(len(array), np.bool_)
    mask[list(texts)] = True
    found = pa.array([texts[row] for row in sorted(texts)], pa.string())
    return pc.replace_with_mask(array, pa.array(mask), found)


def _sparse(texts: Mapping[int, str | None], keys: range | list[int]) -> pa.Array:
    """A text column that is mostly null."""
    if not texts:
        return pa.nulls(len(keys), pa.string())
    return pa.array([texts.get(key) for key in keys], pa.string())


def _json(value: dict[str, str]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


Builder: TypeAlias = Callable[[Setting], pa.Array]

_BUILDERS: dict[str, Builder] = {
    "bf_query": lambda setting: by_part(setting, lambda part: part.origin.query),
    "bf_peer": lambda setting: by_part(setting, lambda part: part.origin.peer),
    "bf_request": lambda setting: by_part(setting, lambda part: part.origin.request),
    "bf_response": _response,
    "bf_item": _item,
    "bf_status": _status,
    "bf_verdict": lambda setting: by_part(
        setting, lambda part: part.origin.verdict.value
    ),
    "bf_defect": _defect,
    "bf_invalid": _invalid,
    "bf_empty": _empty,
    "bf_mismatch": _mismatch,
    "bf_extra": _extra,
    "bf_run_id": lambda setting: by_part(
        setting, lambda part: part.origin.run_id or None
    ),
    "bf_asked_at": lambda setting: by_part(
        setting, lambda part: part.origin.asked_at or None
    ),
}
