"""`data_correction` shows the values that `findscu +dc` shows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

import batchfind
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.scalar import decode
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from tests.interop.answers import FINDSCU
from tests.peers.processes import require
from tests.peers.scripted import ScriptedPeer
from tests.peers.steps import final, matches

pytestmark = pytest.mark.interop

ANSWER: Identifier = (
    Element(0x00080018, "UI", b" 1.2.3 .4\0"),
    Element(0x00080020, "DA", b"20260102  "),
    Element(0x00080030, "TM", b" 101500 "),
    Element(0x00080050, "SH", b"  A\\ B \\C  \\  "),
    Element(0x00080060, "CS", b" CT \\ MR  "),
    Element(0x00100010, "PN", b"  Doe^John ^ =  x ^y  "),
    Element(0x00100020, "LO", b"123\0\0\0"),
    Element(0x00100030, "DA", b"        "),
    Element(0x00101010, "AS", b" 045Y "),
    Element(0x00101030, "DS", b" 1.5 \\ 2.50   "),
    Element(0x0020000D, "UI", b"1.2.3 \\ 1.2.4 "),
    Element(0x00200013, "IS", b" 0007 \\ +5  "),
    Element(0x00400275, "SQ", ((Element(0x00400007, "LO", b" x  "),),)),
    Element(0x0040A160, "UT", b"  ut  "),
)
PREAMBLE = 132


def data_set(path: Path) -> bytes:
    """What follows the file meta information of a file in Explicit VR."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[PREAMBLE + 8 : PREAMBLE + 12], "little")
    return raw[PREAMBLE + 12 + length :]


def shown(path: Path) -> list[dict[str, Any]]:
    """The elements of an XML file, without their lengths.

    findscu still tells the length that was sent, of sequences that of the corrected
    items.
    """
    root = ET.parse(path).getroot()  # noqa: S314 - our own files
    return [
        {"tag": one.tag, "text": one.text, **one.attrib, "len": ""}
        for one in root.iter()
        if one.tag in {"element", "sequence"}
    ]


@pytest.fixture
def folder(scripted_peer: Callable[..., ScriptedPeer], tmp_path: Path) -> Path:
    """Holds what both have made of the same answer."""
    require(FINDSCU)
    answer = encode(ANSWER, EXPLICIT_LE, ())
    peer = scripted_peer(matches(1, build=lambda *_: answer), final())
    for option in ("-X", "-Xx"):
        command = [
            FINDSCU,
            "-S",
            "+dc",
            option,
            "-od",
            str(tmp_path),
            "-k",
            "PatientID",
        ]
        command += ["127.0.0.1", str(peer.port)]
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    query = {"model": "study", "raw": True, "data_correction": True}
    columns = ["StudyInstanceUID", "SOPInstanceUID", "Modality", "PatientBirthDate"]
    job = {
        "version": 1,
        "name": "corrected",
        "peers": {"pacs": {"host": "127.0.0.1", "port": peer.port}},
        "queries": {"q": {**query, "return": columns}},
        "outputs": [
            {"format": "dicom", "path": "dicom/"},
            {"format": "xml", "path": "ours.xml"},
            {"format": "jsonl", "path": "ours.jsonl"},
            {"format": "csv", "path": "ours.csv"},
        ],
    }
    (tmp_path / "job.yaml").write_text(json.dumps(job), "utf-8")
    assert batchfind.run(tmp_path / "job.yaml").exit_code == 0
    return tmp_path


def test_in_every_format(folder: Path) -> None:
    (ours,) = (folder / "dicom").iterdir()
    assert decode(data_set(ours), EXPLICIT_LE, verbatim=True) == decode(
        data_set(folder / "rsp0001.dcm"), EXPLICIT_LE, verbatim=True
    )
    assert shown(folder / "ours.xml") == shown(folder / "rsp0001.xml")
    response = json.loads((folder / "ours.jsonl").read_text("utf-8"))
    assert response["0020000D"]["Value"] == ["1.2.3", "1.2.4"]
    assert response["00080018"]["Value"] == ["1.2.3.4"]
    assert "Value" not in response["00100030"]
    header, row = (folder / "ours.csv").read_text("utf-8").splitlines()
    assert header == "StudyInstanceUID,SOPInstanceUID,Modality,PatientBirthDate"
    assert row == '1.2.3\\1.2.4,1.2.3.4,CT\\MR,""'
