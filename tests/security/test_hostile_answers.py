"""What a peer sends reaches screens, files and names as data, never as orders.

Tested where they are made, too: text for terminals in tests/cli/test_text.py, quoted
first bytes in tests/ul/test_hostile.py, formulas in tests/outputs/test_csv.py, XML
characters in tests/outputs/test_xml_dcmtk.py and test_document_round_trip.py, names of
files in tests/outputs/test_child_names.py, folders of partitions and links in their
place in tests/outputs/test_partitions.py and test_directories.py, names in
certificates in tests/net/test_x509.py.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer
from tests.security.conftest import (
    ASKED,
    FORMULA,
    Batchfind,
    Ran,
    hostile,
    process,
)

JOB = """\
version: 1
name: hostile
run: {{retry: {{attempts: 1}}}}
peers:
  mallory: {{host: 127.0.0.1, port: {answers}}}
  angry: {{host: 127.0.0.1, port: {angry}}}
  ssh: {{host: 127.0.0.1, port: {ssh}}}
queries:
  people:
    model: study
    level: STUDY
    peers: [mallory]
    keys: {{PatientID: "", PatientName: "", PatientComments: "", StudyID: {asked}}}
  failing:
    model: study
    level: STUDY
    peers: [angry, ssh]
    keys: {{StudyInstanceUID: "", StudyID: {asked}}}
outputs:
  - {{format: csv, path: out/people.csv, queries: people, dialect: excel}}
  - {{format: xml, path: out/people.xml, queries: people}}
  - {{format: jsonl, path: out/people.jsonl, queries: people}}
  - {{format: dicom, path: out/files/, queries: people}}
  - {{format: csv, path: out/by-patient/, queries: people, partition_by: [PatientID]}}
  - {{format: csv, path: out/failing.csv, queries: failing}}
"""
ORDERS = "refused \x1b[2J\x1b]0;owned\x07\x9b31m\r\nbatchfind: all is well"
GREETING = b"SSH-2.0-\x1b[2J\x9b31m\r\n"


def obeyed(shown: bytes) -> set[str]:
    """Characters that a terminal would obey; its own line ends apart."""
    text = shown.decode("utf-8")
    return {one for one in text if unicodedata.category(one) in {"Cc", "Cf"}} - {"\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a job asks peers that run as long as the tests of this module."""
    path = tmp_path_factory.mktemp("hostile")
    wild = steps.accept(user=b"\x55\0\0\x08ACME\x1b[2J")
    with (
        ScriptedPeer(steps.matches(2, build=hostile), steps.final()) as mallory,
        ScriptedPeer(steps.final(0xC001, ORDERS), on_connect=[wild]) as angry,
        ScriptedPeer(on_connect=[steps.raw(GREETING)]) as ssh,
    ):
        ports = {"answers": mallory.port, "angry": angry.port, "ssh": ssh.port}
        (path / "job.yaml").write_text(JOB.format(**ports, asked=ASKED), "utf-8")
        yield path


@pytest.fixture(scope="module")
def ran(folder: Path) -> Ran:
    """Nothing but the run is asked for."""
    done = process(folder, "run", "job.yaml")
    assert done.returncode == 1, done.stderr
    return done


class TestAScreen:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("run", "job.yaml", "--show", "--debug"),
            ("run", "job.yaml", "--debug"),
            ("run", "job.yaml", "--json"),
            ("ping", "job.yaml", "--debug"),
        ],
    )
    def test_obeys_no_peer(self, folder: Path, arguments: tuple[str, ...]) -> None:
        done = process(folder, *arguments)
        assert done.returncode == 1, done.stderr
        assert not obeyed(done.stdout)
        assert not obeyed(done.stderr)
        assert b"\nbatchfind: all is well" not in done.stdout + done.stderr
        if "--show" not in arguments:
            assert ASKED.encode() not in done.stdout + done.stderr
            assert b"Mallory" not in done.stdout + done.stderr
        if "ping" not in arguments:
            assert b"all is well" in done.stdout + done.stderr

    def test_shows_no_key_values_unless_asked(self, ran: Ran) -> None:
        assert ASKED.encode() not in ran.stdout + ran.stderr
        assert b"Mallory" not in ran.stdout + ran.stderr

    @pytest.mark.usefixtures("ran")
    def test_obeys_no_capture(self, folder: Path) -> None:
        done = process(folder, "status")
        assert done.stdout
        assert not obeyed(done.stdout + done.stderr)


@pytest.mark.usefixtures("ran")
class TestOutputs:
    def test_stay_in_their_place(self, folder: Path) -> None:
        for path in folder.rglob("*"):
            assert path.name.isprintable()
            assert not path.is_symlink()
        (part,) = (folder / "out/by-patient").iterdir()
        assert part.name.startswith("PatientID=")
        assert part.resolve().parent == (folder / "out/by-patient").resolve()
        assert len(list((folder / "out/files").iterdir())) == 2

    def test_carry_no_patient_in_a_name(self, folder: Path) -> None:
        """But for the partitions a job asks for."""
        names = {path.name for path in folder.rglob("*")}
        assert not [name for name in names if ASKED in name or "Mallory" in name]
        assert len([name for name in names if "escaped" in name]) == 1

    def test_for_a_spreadsheet_hold_no_formula(self, folder: Path) -> None:
        text = (folder / "out/people.csv").read_text("utf-8-sig")
        for row in csv.DictReader(io.StringIO(text, newline="")):
            assert FORMULA in row["PatientComments"]
            assert row["PatientComments"].startswith("'=")

    def test_stay_documents(self, folder: Path) -> None:
        root = ET.fromstring(  # noqa: S314 - our own document
            (folder / "out/people.xml").read_bytes()
        )
        assert not root.findall(".//x")
        lines = (folder / "out/people.jsonl").read_text("utf-8").splitlines()
        assert [list(json.loads(line)) for line in lines] == [
            ["00080005", "00100010", "00100020", "00104000"]
        ] * 2


class TestAnAnnouncedLength:
    """PS3.8 Section 9.3.3; the other lengths are in tests/ul/test_hostile.py."""

    @pytest.mark.parametrize("length", [65_537, 0xFFFFFFFF])
    def test_of_an_accept_is_refused_on_its_header(
        self,
        scripted_peer: StartPeer,
        tmp_path: Path,
        batchfind: Batchfind,
        length: int,
    ) -> None:
        header = b"\x02\0" + length.to_bytes(4, "big")
        peer = scripted_peer(
            on_connect=[steps.hear(), steps.raw(header), steps.silence()]
        )
        job = tmp_path / "one.yaml"
        job.write_text(
            "version: 1\nname: one\n"
            f"peers: {{p: {{host: 127.0.0.1, port: {peer.port}}}}}\n"
            "queries: {q: {model: worklist, keys: {PatientID: x}}}\n"
            "outputs: [{format: csv, path: out.csv}]\n",
            "utf-8",
        )
        done = batchfind("run", job.name, "--json")
        assert done.returncode == 5, done.stderr
        (request,) = json.loads(done.stdout)["requests"]
        assert request["cause"]["code"] == "bad-accept"
        assert f"announces {length} bytes" in request["cause"]["message"]
        assert peer.seen.connections == 1
