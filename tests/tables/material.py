"""Identifiers, queries and slabs to make tables of."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

from batchfind.capture.records import StoredMatches, Verdict
from batchfind.dicom import dictionary
from batchfind.dicom.paths import parse_path
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, EXPLICIT_LE
from batchfind.dicom.vrs import LONG_FORM
from batchfind.plan.model import PlannedQuery
from batchfind.tables.render import Rendered, render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Origin, Slab, join

STEPS = "ScheduledProcedureStepSequence"


def element(
    key: str | int, value: str | bytes, vr: str | None = None, *, order: str = "<"
) -> bytes:
    """One element in explicit VR, padded as the standard asks."""
    tag = key if isinstance(key, int) else dictionary.tag_of(key)
    assert tag is not None
    vr = vr or dictionary.vr_of(tag)
    raw = value.encode("latin-1") if isinstance(value, str) else value
    if len(raw) % 2 and isinstance(value, str):
        raw += b"\0" if vr == "UI" else b" "
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in LONG_FORM:
        return head + struct.pack(f"{order}HL", 0, len(raw)) + raw
    return head + struct.pack(f"{order}H", len(raw)) + raw


def sequence(key: str | int, *items: bytes, order: str = "<") -> bytes:
    """A sequence of items, each given as its encoded elements."""
    body = b"".join(
        struct.pack(f"{order}HHL", 0xFFFE, 0xE000, len(item)) + item for item in items
    )
    return element(key, body, "SQ", order=order)


def identifier(**values: str | bytes) -> bytes:
    """Elements by keyword, in ascending order."""
    keys = sorted(values, key=lambda key: dictionary.tag_of(key) or 0)
    return b"".join(element(key, values[key]) for key in keys)


def query(
    columns: Iterable[str],
    *,
    explode: str | None = None,
    carry: Sequence[str] = (),
    level: str | None = "STUDY",
) -> PlannedQuery:
    return PlannedQuery(
        name="q",
        sop_class="1.2.840.10008.5.1.4.1.2.2.1",
        model="study",
        level=level,
        columns=tuple(parse_path(path) for path in columns),
        explode=None if explode is None else parse_path(explode),
        carry=tuple(carry),
    )


def origin(request: str = "0", **facts: Any) -> Origin:
    known: dict[str, Any] = {
        "query": "q",
        "peer": "pacs",
        "verdict": Verdict.COMPLETE,
        "transfer_syntax": EXPLICIT_LE,
    }
    return Origin(request=request, **(known | facts))


def matches(payloads: Sequence[bytes], first: int = 0) -> StoredMatches:
    ends = [sum(map(len, payloads[: at + 1])) for at in range(len(payloads))]
    return StoredMatches(first, b"".join(payloads), ends, [0xFF00] * len(payloads))


def slabs(*payloads: bytes, **facts: Any) -> list[Slab]:
    if not payloads:
        return []
    return list(join([(origin(**facts), matches(payloads))]))


def one(asked: PlannedQuery, *payloads: bytes, **facts: Any) -> Rendered:
    """The only piece of a typed table with provenance, and of one of plain text."""
    schemas = [
        table_schema(asked, typed=True, provenance=True),
        table_schema(asked, typed=False, provenance=True),
    ]
    (piece,) = render(asked, slabs(*payloads, **facts), schemas)
    return piece


def typed(asked: PlannedQuery, *payloads: bytes, **facts: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = one(asked, *payloads, **facts).batches[0].to_pylist()
    return rows


def text(asked: PlannedQuery, *payloads: bytes, **facts: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = one(asked, *payloads, **facts).batches[1].to_pylist()
    return rows


__all__ = [
    "EXPLICIT_BE",
    "STEPS",
    "element",
    "identifier",
    "matches",
    "one",
    "origin",
    "query",
    "sequence",
    "slabs",
    "text",
    "typed",
]
