"""batchfind's XML equals that of `findscu -Xs` and `-Xx`, element for element."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pydicom import dcmread

from batchfind.demo.announcement import Announcement
from tests.interop.answers import (
    FINDSCU,
    ROOT,
    Question,
    batchfind,
    findscu,
    of_file,
    received,
)
from tests.interop.test_same_answers import QUERY_RETRIEVE, WORKLIST
from tests.outputs.documents import parsed
from tests.peers.plugin import StartPeer
from tests.peers.processes import require
from tests.peers.real import RealPeer
from tests.peers.steps import final, matches
from tests.tables.material import element

pytestmark = pytest.mark.interop

SINGLE = {"format": "xml", "path": "single/{{ query }}.xml"}
FILES = {"format": "xml", "layout": "files", "path": "files/{{ query }}"}
STEP = "ScheduledProcedureStepSequence[0]."
KEYS = {"PatientID": "", "PatientName": "", f"{STEP}Modality": ""}
JAPANESE = "田野森^春香"


@pytest.fixture(autouse=True)
def tool() -> None:
    require(FINDSCU)


def compare(
    peer: RealPeer, questions: Mapping[str, Question], folder: Path, syntaxes: str
) -> None:
    """Asserts that both tools write the same documents."""
    batchfind(peer, questions, folder, syntaxes, [SINGLE, FILES])
    for name, question in questions.items():
        reference = findscu(peer, question, folder, syntaxes, "-Xs", "all.xml")
        ours = (folder / "single" / f"{name}.xml").read_bytes()
        theirs = (reference / "all.xml").read_bytes()
        assert attributes_in_order(ours) == attributes_in_order(theirs)
        assert document(ours) == document(theirs), name
        each = findscu(peer, question, folder, syntaxes, "-Xx")
        written = sorted((folder / "files" / name).iterdir())
        expected = sorted(each.glob("rsp*.xml"))
        assert len(written) == len(expected)
        for one, other in zip(written, expected, strict=True):
            assert in_its_own(one.read_bytes()) == in_its_own(other.read_bytes()), name


def document(content: bytes) -> list[Any]:
    """Every element in document order with all it says."""
    return [
        (one.tag, one.attrib, (one.text or "").strip("\n"))
        for one in parsed(content).iter()
    ]


def attributes_in_order(content: bytes) -> list[str]:
    """The tags as they are written, which scripts may cut by position."""
    return re.findall(r"<[a-z][^>]*>", content.decode())


def in_its_own(content: bytes) -> list[Any]:
    """A document of one response, whatever character set it is written in.

    findscu -Xx keeps the peer's character set, so that (0008,0005) and the lengths of
    text are those of other bytes.
    """
    return [
        (tag, {name: at[name] for name in at if name != "len"}, text)
        for tag, at, text in document(content)
        if at.get("tag") != "0008,0005"
    ]


@pytest.mark.parametrize("syntaxes", ["local", "big", "deflated", "implicit"])
class TestDcmtk:
    def test_dcmqrscp(self, syntaxes: str, dcmqrscp: RealPeer, tmp_path: Path) -> None:
        compare(dcmqrscp, QUERY_RETRIEVE, tmp_path, syntaxes)

    def test_wlmscpfs(self, syntaxes: str, wlmscpfs: RealPeer, tmp_path: Path) -> None:
        compare(wlmscpfs, WORKLIST, tmp_path, syntaxes)

    def test_dicom_files_hold_the_bytes_received(
        self, syntaxes: str, dcmqrscp: RealPeer, tmp_path: Path
    ) -> None:
        output = {"format": "dicom", "path": "dicom/{{ query }}"}
        run_dir = batchfind(dcmqrscp, QUERY_RETRIEVE, tmp_path, syntaxes, [output])
        for query, answer in received(run_dir / "run.db").items():
            files = sorted((tmp_path / "dicom" / query).iterdir())
            assert [of_file(path) for path in files] == answer
            assert all(dcmread(path).file_meta for path in files)


@pytest.mark.parametrize("syntaxes", ["local", "implicit"])
class TestOrthanc:
    def test_studies(self, syntaxes: str, orthanc: RealPeer, tmp_path: Path) -> None:
        compare(orthanc, QUERY_RETRIEVE, tmp_path, syntaxes)

    def test_worklist(self, syntaxes: str, orthanc: RealPeer, tmp_path: Path) -> None:
        compare(orthanc, WORKLIST, tmp_path, syntaxes)


@pytest.fixture
def demo_worklist() -> Iterator[RealPeer]:
    """The embedded worklist, whose names stand in many scripts."""
    command = [sys.executable, "-m", "batchfind.demo", "--now", "2026-03-30T12:00:00Z"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        served = Announcement.from_json(process.stdout.readline()).worklist
        try:
            yield RealPeer("ris", served.port, served.called_ae)
        finally:
            process.stdin.close()
            process.wait(timeout=20)


class TestCharacterSets:
    def test_what_findscu_drops_is_there(
        self, demo_worklist: RealPeer, tmp_path: Path
    ) -> None:
        question = Question("worklist", None, KEYS)
        reference = findscu(demo_worklist, question, tmp_path, "local", "-Xs", "a.xml")
        theirs = [document(one) for one in data_sets(reference / "a.xml")]
        batchfind(demo_worklist, {"wl": question}, tmp_path, outputs=[SINGLE])
        written = data_sets(tmp_path / "single" / "wl.xml")
        ours = [document(one) for one in written]
        dropped = [one for one in ours if one not in theirs]
        assert [one for one in ours if one in theirs] == theirs
        assert dropped
        found = "".join(one.decode() for one in written)
        assert JAPANESE in found
        assert JAPANESE not in (reference / "a.xml").read_text()


class TestCharacters:
    """XML 1.0 Section 2.2: findscu writes them, and no parser reads its document."""

    def test_that_xml_cannot_hold_are_marked(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        answer = element(0x00080005, "ISO_IR 100") + element("PatientID", "a\x01\x1fb")
        peer = scripted_peer(matches(2, build=lambda *_: answer), final())
        real = RealPeer("scripted", peer.port, "SCRIPTED")
        question = Question("study", "STUDY", {"PatientID": ""})
        reference = findscu(real, question, tmp_path, "local", "-Xs", "a.xml")
        with pytest.raises(ET.ParseError):
            parsed((reference / "a.xml").read_bytes())
        batchfind(real, {"q": question}, tmp_path, outputs=[SINGLE])
        root = parsed((tmp_path / "single" / "q.xml").read_bytes())
        found = root.iterfind(".//*[@name]")
        texts = [one.text for one in found if one.get("name") == "PatientID"]
        assert texts == ["a\ufffd\ufffdb"] * 2


def data_sets(path: Path) -> list[bytes]:
    """The data sets of a document, each as one."""
    return [ET.tostring(one, "utf-8") for one in parsed(path.read_bytes())]
