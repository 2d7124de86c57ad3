"""Identifiers a peer answers with: decoded alone, together, and written out."""

# ruff: noqa: PT017 - an error is one of two good endings, and has to be as documented

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from random import Random
from typing import Any, Final
from xml.etree import ElementTree as ET

import numpy as np

from batchfind.capture.codec import Packed, unpack
from batchfind.capture.codec import pack as packed_of
from batchfind.dicom import scalar
from batchfind.dicom.columnar.model import Level, Shape
from batchfind.dicom.columnar.sweep import sweep
from batchfind.dicom.dump import dump_lines
from batchfind.dicom.raw import RawElement
from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.errors import IdentifierDefect, StorageError
from batchfind.tables.render import render
from batchfind.tables.schema import table_schema
from tests.dicom.data_sets import Maker, Wire
from tests.dimse import peer
from tests.outputs import documents
from tests.tables import material

SYNTAXES: Final = (EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE)
_CHARACTER_SET, _NAME, _PATIENT_ID = 0x00080005, 0x00100010, 0x00100020
_ROWS, _STEPS, _CODES, _MODALITY = 0x00280010, 0x00400100, 0x00400008, 0x00080060
_SHAPE: Final = Shape(
    {_CHARACTER_SET: "CS", _NAME: "PN", _PATIENT_ID: "LO", _ROWS: "US", _STEPS: "SQ"},
    {_STEPS: Shape({_MODALITY: "CS", _CODES: "SQ"})},
)
_STEP: Final = "ScheduledProcedureStepSequence"
_QUERY: Final = material.query(
    ["PatientName", "Rows", f"{_STEP}.Modality", f"{_STEP}.PatientWeight"],
    explode=_STEP,
)

_SCHEMAS: Final = [
    table_schema(_QUERY, typed=typed, provenance=True) for typed in (True, False)
]


def _parted(data: bytes) -> tuple[str, bytes]:
    """A transfer syntax by the first byte, and the data set behind it."""
    return SYNTAXES[data[0] % len(SYNTAXES)], data[1:]


def alone(data: bytes) -> None:
    """Elements in order or a defect; every one can be shown."""
    if not data:
        return
    syntax, payload = _parted(data)
    for verbatim in (False, True):
        try:
            elements = scalar.decode(payload, syntax, verbatim=verbatim)
        except IdentifierDefect as defect:
            assert defect.kind in {"malformed", "depth", "limit", "inflate"}
            assert 0 <= defect.offset <= scalar.DEFAULT_LIMITS.data_set_bytes
            return
        tags = [element.tag for element in elements]
        assert tags == sorted(set(tags))
    for line in dump_lines(payload, syntax):
        assert line.isprintable()


def together(data: bytes) -> None:
    """Between two good ones the sweep says of it what the scalar decoder says."""
    if not data:
        return
    syntax, payload = _parted(data)
    if syntax == DEFLATED_LE:
        return
    good = Wire(syntax).element(_PATIENT_ID, b"7 ")
    three = (good, payload, good)
    end = np.cumsum([len(one) for one in three], dtype=np.int64)
    begin = end - np.array([len(one) for one in three], np.int64)
    joined = b"".join(three)
    swept = sweep(joined, begin, end, syntax, _SHAPE)
    assert not swept.odd[0]
    assert not swept.odd[2]
    if swept.odd[1]:
        return
    found = _of_level(joined, swept.root, 1, _SHAPE)
    assert found == _of_elements(scalar.decode(payload, syntax), _SHAPE)


def _of_level(payload: bytes, level: Level, at: int, shape: Shape) -> Any:
    values: dict[int, Any] = {}
    for tag, found in level.values.items():
        if found.present[at]:
            begin = found.begin[at]
            values[tag] = payload[begin : begin + found.length[at]]
    for tag, vr in shape.vrs.items():
        if tag in values and vr == "SQ":
            values[tag] = []
    for tag, below in level.items.items():
        entries = np.flatnonzero(below.parents == at).tolist()
        values[tag] = [
            _of_level(payload, below.level, entry, shape.below[tag])
            for entry in entries
        ]
    return values


def _of_elements(elements: Sequence[RawElement], shape: Shape) -> Any:
    values: dict[int, Any] = {}
    for tag, vr, value in elements:
        if shape.vrs.get(tag) != vr:
            continue
        below = shape.below.get(tag)
        if isinstance(value, list):
            values[tag] = [_of_elements(item, below) for item in value] if below else []
        else:
            values[tag] = value
    return values


def written(data: bytes) -> None:
    """Whatever came, XML is well-formed, JSON is JSON, and a table has its rows."""
    if not data:
        return
    syntax, payload = _parted(data)
    for dialect in ("dcmtk", "native"):
        ET.fromstring(  # noqa: S314 - our own document
            documents.xml(payload, dialect=dialect, transfer_syntax=syntax)
        )
    for line in documents.jsonl(payload, transfer_syntax=syntax):
        assert isinstance(json.loads(line), dict)
    slabs = material.slabs(payload, payload, transfer_syntax=syntax)
    pieces = [one.batches for one in render(_QUERY, slabs, _SCHEMAS)]
    assert all(len(typed) == len(text) for typed, text in pieces)
    assert sum(len(typed) for typed, _ in pieces) >= 2


def captured(data: bytes) -> None:
    """A stored set of matches: codec, count and size, four bytes each, then bytes."""
    if len(data) < 9:
        return
    packed = Packed(
        ("zstd", "plain", "lzma")[data[0] % 3],
        int.from_bytes(data[1:5], "little", signed=True),
        int.from_bytes(data[5:9], "little"),
        data[9:],
    )
    try:
        stored = unpack(packed, 0)
    except StorageError:
        return
    assert len(stored.ends) == len(stored.statuses) == packed.count
    assert (stored.ends[-1] if packed.count else 0) == len(stored.payload)


def seeds() -> tuple[bytes, ...]:
    """Data sets in every transfer syntax, with sequences of both kinds of length."""
    return tuple(
        bytes([number]) + payload
        for number, syntax in enumerate(SYNTAXES)
        for payload in _data_sets(syntax)
    )


def _data_sets(syntax: str) -> list[bytes]:
    plain = EXPLICIT_LE if syntax == DEFLATED_LE else syntax
    values = {
        _CHARACTER_SET: (b"ISO_IR 100", b"\\ISO 2022 IR 87", b"ISO_IR 192"),
        _MODALITY: (b"CT", b"MR\\SR "),
        _NAME: (b"Doe^Jane", b"\x1b$B;3ED\x1b(B", "Müller=山田".encode()),
        _PATIENT_ID: (b"7 ", b"", b"\\"),
        0x00080000: (b"\x10\0\0\0",),
        0x00101030: (b"72.5", b"1e400 "),
        0x00104000: (b"a\r\n\0\x01]]>",),
        _ROWS: (b"\0\1", b"\0"),
        0x00291010: (b"\1\2",),
        0x00290010: (b"ACME",),
    }
    random = Random(5)  # noqa: S311 - test data
    make = Maker(random, Wire(plain), values, (_STEPS, _CODES), ("UN", "OB", "ZZ"))
    made = [make.data_set() for _ in range(8)]
    return [_deflated(one) for one in made] if syntax == DEFLATED_LE else made


def _deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def capture_seeds() -> tuple[bytes, ...]:
    """Sets as the journal stores them, small and large."""
    sets = (
        peer.set_of(1, b"abcdef", (2, 6), (0xFF00, 0xFF01)),
        peer.set_of(1, b"x" * 4000, range(100, 4001, 100), [0xFF00] * 40),
        peer.set_of(1, b"", (), ()),
    )
    packed = map(packed_of, sets)
    return tuple(
        struct.pack("<BLL", one.codec == "plain", one.count, one.raw_bytes)
        + one.payload
        for one in packed
    )
