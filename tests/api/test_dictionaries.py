"""Attributes that only a dictionary file knows, from the key to the outputs."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import batchfind
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.execution.export import export_run
from tests.peers.pdu import IMPLICIT_LE
from tests.peers.scripted import ScriptedPeer
from tests.peers.steps import final, matches

DICTIONARY = """\
# of a site
(0055,"ACME CT 1.0",01)\tDS\tTubeAge\t1\tsite
(0055,"ACME CT 1.0",02-u-0F)\tUS\tDoseOfDay\t1-n\tsite
(0055,"ACME CT 1.0",10)\tLO\tUnknown\t1\tsite
(0055,"ACME CT 1.0",11)\tLO\tUnknown\t1\tsite
(0018,9FF0)\tFD\tNewestAttribute\t1\tsite
"""
CREATOR = Element(0x00550011, "LO", "ACME CT 1.0")
ANSWER: Identifier = (
    Element(0x00100020, "LO", "P1"),
    Element(0x00189FF0, "FD", "2.5"),
    Element(0x0020000D, "UI", "1.2.3"),
    CREATOR,
    Element(0x00551101, "DS", "1.5"),
    Element(0x00551103, "US", "7\\8"),
    Element(0x00551110, "LO", "a name"),
)

StartPeer = Callable[..., ScriptedPeer]


@pytest.fixture
def run(
    scripted_peer: StartPeer, tmp_path: Path
) -> Callable[[str], batchfind.RunResult]:
    """Runs a job against a peer that answers in the transfer syntax given."""

    def start(syntax: str) -> batchfind.RunResult:
        answer = encode(ANSWER, syntax, ())
        peer = scripted_peer(matches(1, build=lambda *_: answer), final())
        (tmp_path / "site.dic").write_text(DICTIONARY, "utf-8")
        job = {
            "version": 1,
            "name": "site",
            "dictionaries": "site.dic",
            "peers": {
                "ct": {
                    "host": "127.0.0.1",
                    "port": peer.port,
                    "transfer_syntaxes": [syntax],
                }
            },
            "queries": {
                "q": {
                    "model": "study",
                    "level": "STUDY",
                    "keys": {
                        "PatientID": "P1",
                        "StudyInstanceUID": "",
                        "TubeAge": "",
                        "NewestAttribute": "",
                        '0055,"ACME CT 1.0",10': "",
                    },
                }
            },
            "outputs": [
                {"format": "parquet", "path": "out.parquet"},
                {"format": "csv", "path": "out.csv"},
                {"format": "jsonl", "path": "out.jsonl"},
                {"format": "xml", "path": "out.xml"},
                {"format": "xml", "dialect": "native", "path": "native.xml"},
            ],
        }
        path = tmp_path / "job.yaml"
        path.write_text(json.dumps(job), "utf-8")
        result = batchfind.run(path)
        assert result.exit_code == 0
        (request,) = peer.seen.requests
        sent = {element.tag: element.vr for element in request.elements}
        assert sent.keys() >= {0x00550010, 0x00551001, 0x00551010, 0x00189FF0}
        return result

    return start


@pytest.fixture(params=[IMPLICIT_LE, "1.2.840.10008.1.2.1"], ids=["implicit", "UN"])
def syntax(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _read(folder: Path) -> dict[str, Any]:
    return {
        "parquet": pq.read_table(folder / "out.parquet"),
        **{
            name: (folder / name).read_text("utf-8")
            for name in ("out.csv", "out.jsonl", "out.xml", "native.xml")
        },
    }


def test_give_columns_names_and_types(
    run: Callable[[str], batchfind.RunResult], tmp_path: Path, syntax: str
) -> None:
    run(syntax)
    found = _read(tmp_path)
    table = found["parquet"]
    assert table.schema.field("TubeAge").type == pa.float64()
    assert table.schema.field("NewestAttribute").type == pa.float64()
    assert table.schema.field("private_0055_ACME_CT_1_0_10").type == pa.string()
    (row,) = table.to_pylist()
    assert (row["TubeAge"], row["NewestAttribute"]) == (1.5, 2.5)
    assert row["private_0055_ACME_CT_1_0_10"] == "a name"
    assert "DoseOfDay" not in table.column_names
    header = found["out.csv"].splitlines()[0]
    assert header.endswith("TubeAge,NewestAttribute,private_0055_ACME_CT_1_0_10")


def test_are_named_in_documents(
    run: Callable[[str], batchfind.RunResult], tmp_path: Path
) -> None:
    run(IMPLICIT_LE)
    found = _read(tmp_path)
    response = json.loads(found["out.jsonl"])
    assert response["00551101"] == {"vr": "DS", "Value": [1.5]}
    assert response["00551103"] == {"vr": "US", "Value": [7, 8]}
    root = ET.fromstring(found["out.xml"])  # noqa: S314 - our own file
    names = {one.get("tag"): one.get("name") for one in root[0]}
    assert names["0055,1101"] == "TubeAge"
    assert names["0055,1103"] == "DoseOfDay"
    assert names["0018,9ff0"] == "NewestAttribute"
    native = ET.fromstring(found["native.xml"])  # noqa: S314 - our own file
    keywords = {one.get("keyword") for one in native.iter()}
    assert {"TubeAge", "NewestAttribute"} <= keywords


def test_un_of_a_known_private_attribute_is_read(
    scripted_peer: StartPeer, tmp_path: Path
) -> None:
    sent = tuple(
        Element(one.tag, "UN", struct.pack("<2H", 7, 8))
        if one.tag == 0x00551103
        else one
        for one in ANSWER
    )
    answer = encode(sent, "1.2.840.10008.1.2.1", ())
    peer = scripted_peer(matches(1, build=lambda *_: answer), final())
    (tmp_path / "site.dic").write_text(DICTIONARY, "utf-8")
    (tmp_path / "job.yaml").write_text(
        f"""
version: 1
name: site
dictionaries: site.dic
peers: {{ct: {{host: 127.0.0.1, port: {peer.port}}}}}
queries:
  q: {{model: study, level: STUDY, keys: {{StudyInstanceUID: ""}}}}
outputs: [{{format: jsonl, path: out.jsonl}}]
""",
        "utf-8",
    )
    assert batchfind.run(tmp_path / "job.yaml").exit_code == 0
    response = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    assert response["00551103"] == {"vr": "US", "Value": [7, 8]}


def test_an_export_needs_no_dictionary_file(
    run: Callable[[str], batchfind.RunResult], tmp_path: Path
) -> None:
    result = run(IMPLICIT_LE)
    first = _read(tmp_path)
    (tmp_path / "site.dic").unlink()
    for name in ("out.csv", "out.jsonl", "out.xml", "native.xml", "out.parquet"):
        (tmp_path / name).unlink()
    export_run(result.run_dir, to_paths=True)
    assert _read(tmp_path) == first


def test_the_plan_names_the_file_and_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.dic").write_text(DICTIONARY, "utf-8")
    (tmp_path / "job.yaml").write_text(
        "version: 1\nname: x\npeers: {a: {host: h, port: 104}}\nqueries: {q: {model:"
        ' study, level: STUDY, keys: {StudyInstanceUID: "", TubeAge: "1.5"}}}\n',
        "utf-8",
    )
    missing = tmp_path / "missing.dic"
    monkeypatch.setenv("DCMDICTPATH", f"{missing}:{tmp_path / 'site.dic'}")
    job = batchfind.load_job(tmp_path / "job.yaml")
    (warning,) = [one for one in job.model.warnings if "DCMDICTPATH" in one.path]
    assert warning.mark.file == str(missing)
    plan = job.plan()
    assert [one.path for one in plan.inputs] == [str(tmp_path / "site.dic")]
    assert len(plan.dictionary.entries) == 5
