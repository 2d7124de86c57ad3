"""Documents equal those of DCMTK's dcm2xml and dcm2json for the same data sets.

Documented differences, all of which the tests take out before they compare:

- numbers are compared as numbers: DCMTK writes FL, FD and DS in other digits
- an IS or DS that JSON has no number for is a string here; DCMTK drops zeros before it
- what a person name has after its last component stays here; dcm2json drops `^`
- SV and UV are numbers here as far as a double is exact; strings in dcm2json
- InlineBinary of words is little endian here (PS3.19 A.1.5); big endian in dcm2xml
- dcm2xml and dcm2json take padding from text before they count it, findscu does not;
  so `len` is compared with findscu, in tests/interop/test_same_documents.py
"""

# Names stand in their own scripts, look-alike letters included.
# ruff: noqa: RUF001

from __future__ import annotations

import base64
import json
import struct
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from batchfind.dicom import vrs
from batchfind.dicom.transfer_syntaxes import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from tests.outputs.documents import CHARSET, dicom, every_vr, jsonl, parsed, xml
from tests.outputs.test_dicom_files import RECEIVED
from tests.peers.processes import require
from tests.tables.material import element, sequence

pytestmark = pytest.mark.interop

DCM2XML, DCM2JSON, DCMDUMP = "/usr/bin/dcm2xml", "/usr/bin/dcm2json", "/usr/bin/dcmdump"
SWITCHES = {EXPLICIT_LE: "-te", EXPLICIT_BE: "-tb", IMPLICIT_LE: "-ti"}
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def text_in(term: str, codec: str, name: str) -> bytes:
    """A data set with one text in a character set, also within an item."""
    raw = name.encode(codec)
    inner = element("PatientID", raw + b" " * (len(raw) % 2))
    return b"".join(
        [
            element(CHARSET, term),
            element("PatientName", raw + b" " * (len(raw) % 2)),
            sequence("ReferencedPatientSequence", inner),
        ]
    )


def implicit() -> bytes:
    """A data set whose VRs only the dictionary knows."""

    def one(tag: int, raw: bytes) -> bytes:
        return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(raw)) + raw

    step = one(0x00080060, b"CT") + one(0x00400001, b"CT1 ")
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(step)) + step
    return b"".join(
        [
            one(CHARSET, b"ISO_IR 100"),
            one(0x00081111, b""),
            one(0x00100010, "Jörg".encode("latin-1")),
            one(0x00101030, b"70.5"),
            one(0x00190010, b"ACME"),
            one(0x00191001, b"12"),
            one(0x00280010, b"\0\2"),
            one(0x00280106, b"\1\0"),
            one(0x00281201, b"\1\0\2\0"),
            one(0x00400100, item),
            one(0x00880001, b"xy"),
        ]
    )


CHARACTER_SETS = {
    "ISO_IR 100": ("latin-1", "Éloin^Zoé"),
    "ISO_IR 101": ("iso8859-2", "Kovářová^Jiřina"),
    "ISO_IR 109": ("iso8859-3", "Ĝoja^Ŭo"),
    "ISO_IR 110": ("iso8859-4", "Bērziņš^Jānis"),
    "ISO_IR 144": ("iso8859-5", "Северцева^Вера"),
    "ISO_IR 127": ("iso8859-6", "قباني^لنزار"),
    "ISO_IR 126": ("iso8859-7", "Λευκοπούλου^Ελένη"),
    "ISO_IR 138": ("iso8859-8", "שרון^דבורה"),
    "ISO_IR 148": ("iso8859-9", "Çavuşoğlu^İbrahim"),
    "ISO_IR 166": ("tis-620", "นามสกุล^ชื่อ"),
    "ISO_IR 192": ("utf-8", "Tanomori^H=田野森^春香=たのもり"),
    "GB18030": ("gb18030", "Lin^Xiaodong=林^晓东"),
    "GBK": ("gbk", "Lin^Xiaodong=林^晓东"),
}
TEXTS = {term: text_in(term, *text) for term, text in CHARACTER_SETS.items()}
SETS: dict[str, tuple[str, bytes]] = {
    "every VR, little endian": (EXPLICIT_LE, every_vr()),
    "every VR, big endian": (EXPLICIT_BE, every_vr(">")),
    "implicit": (IMPLICIT_LE, implicit()),
    **{term: (EXPLICIT_LE, payload) for term, payload in TEXTS.items()},
}
each = pytest.mark.parametrize(("syntax", "payload"), SETS.values(), ids=list(SETS))


@pytest.fixture(autouse=True)
def tools() -> None:
    require(DCM2XML, DCM2JSON, DCMDUMP)


def converted(
    tool: str, *switches: str, syntax: str, payload: bytes, at: Path
) -> bytes:
    """What a tool of DCMTK makes of a data set."""
    path = at / "data-set"
    path.write_bytes(payload)
    command = [tool, "-q", "-f", SWITCHES[syntax], *switches, str(path)]
    return subprocess.run(command, check=True, capture_output=True).stdout


class TestJson:
    @each
    def test_equals_dcm2json(self, syntax: str, payload: bytes, tmp_path: Path) -> None:
        reference = converted(DCM2JSON, syntax=syntax, payload=payload, at=tmp_path)
        (line,) = jsonl(payload, transfer_syntax=syntax)
        ours, theirs = json.loads(line), json.loads(reference)
        assert list(ours) == list(theirs)
        assert comparable(ours) == comparable(theirs)


def comparable(data_set: dict[str, Any]) -> dict[str, Any]:
    """A JSON data set whose numbers are numbers, FL of single precision."""
    found = {}
    for tag, attribute in data_set.items():
        vr, values = attribute["vr"], attribute.get("Value")
        if values is not None and vr == "SQ":
            values = [comparable(item) for item in values]
        elif values is not None and vr in {*vrs.NUMBER_FORMATS, "IS", "DS"}:
            values = [number(one, vr) for one in values]
        elif values is not None and vr == "PN":
            values = [
                one and {group: name.rstrip("^") for group, name in one.items()}
                for one in values
            ]
        found[tag] = {**attribute, "Value": values}
    return found


def number(text: Any, vr: str) -> Any:
    return np.float32(text) if vr == "FL" else float(text)


class TestNativeXml:
    @each
    def test_equals_dcm2xml(self, syntax: str, payload: bytes, tmp_path: Path) -> None:
        switches = ["-nat", "+Xn", "+Eb", "+U8"]
        reference = converted(
            DCM2XML, *switches, syntax=syntax, payload=payload, at=tmp_path
        )
        (ours,) = parsed(xml(payload, dialect="native", transfer_syntax=syntax))
        theirs = parsed(reference)
        assert list(flat(ours, swap=False)) == list(flat(theirs, swap=True))


def flat(parent: ET.Element, *, swap: bool) -> list[Any]:
    """Elements in document order, with what they hold."""
    found = []
    for part in parent.iter():
        text: Any = part.text if not len(part) else None
        if part.tag == f"{NATIVE}DicomAttribute":
            vr, text = part.attrib["vr"], None
            for value in part:
                if value.tag == f"{NATIVE}InlineBinary":
                    raw = base64.b64decode(value.text or "")
                    size = vrs.WORD_SIZES[vr]
                    words = [raw[at : at + size] for at in range(0, len(raw), size)]
                    value.text = b"".join(w[::-1] if swap else w for w in words).hex()
                elif vr in vrs.NUMBER_FORMATS:
                    value.text = str(number(value.text, vr))
        found.append((part.tag, sorted(part.attrib.items()), (text or "").strip("\n")))
    return found


class TestDcmtkXml:
    @each
    def test_equals_dcm2xml(self, syntax: str, payload: bytes, tmp_path: Path) -> None:
        switches = ["+Wb", "+Eb", "+U8"]
        reference = converted(
            DCM2XML, *switches, syntax=syntax, payload=payload, at=tmp_path
        )
        content = xml(payload, binary="base64", transfer_syntax=syntax)
        (ours,) = parsed(content)
        theirs = parsed(reference)
        assert [shown(one) for one in ours.iter()] == [
            shown(one) for one in theirs.iter()
        ]


def shown(one: ET.Element) -> tuple[Any, ...]:
    """An element without its length, in the order DCMTK writes attributes."""
    attributes = [(name, value) for name, value in one.attrib.items() if name != "len"]
    return one.tag, attributes, (one.text or "").strip("\n")


class TestDicomFiles:
    @pytest.mark.parametrize("syntax", RECEIVED)
    def test_open_in_dcmdump(self, syntax: str, tmp_path: Path) -> None:
        files = dicom(RECEIVED[syntax], transfer_syntax=syntax).files
        path = tmp_path / "one.dcm"
        path.write_bytes(next(iter(files.values())))
        command = [DCMDUMP, "+E", "-M", str(path)]
        ended = subprocess.run(
            command, check=True, capture_output=True, text=True, encoding="latin-1"
        )
        assert ended.stderr == ""
        assert "PatientID" in ended.stdout
