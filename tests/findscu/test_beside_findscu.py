"""The same command line given to findscu and to `batchfind findscu`.

Both meet the same peer. What the peer sees, what stands on stderr and what is
written must be equal; only the exit code says more than findscu's.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.findscu.programs import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    Outcome,
    accept,
    element,
    ours,
    people,
    theirs,
    these,
)
from tests.findscu.test_responses import data_set, names
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.processes import free_port
from tests.peers.real import RealPeer
from tests.peers.scripted import ScriptedPeer, Step

pytestmark = pytest.mark.interop

NAME = ("-k", "PatientName")
STEP = "ScheduledProcedureStepSequence[0]"
ONE_MATCH = (people(1), steps.final())


def both(
    start: StartPeer, script: Sequence[Step], *arguments: str | Path, **options: Any
) -> tuple[Outcome, Outcome]:
    """Both outcomes; what the peer saw is compared here."""
    peers = [start(*script, **options) for _ in range(2)]
    outcomes = ours(peers[0].port, *arguments), theirs(peers[1].port, *arguments)
    assert seen_by(peers[0]) == seen_by(peers[1])
    return outcomes


def seen_by(peer: ScriptedPeer) -> list[object]:
    """Associations and requests; who we are is in the rest of an A-ASSOCIATE-RQ."""
    associations = [
        (one.called_ae, one.calling_ae, one.proposals, pdu.user_items(one)[0x51])
        for one in peer.seen.associations
    ]
    return [associations, peer.seen.requests, peer.seen.cancels, peer.seen.releases]


class TestAnAnswer:
    @pytest.mark.parametrize(
        "arguments",
        [
            (*NAME,),
            (*NAME, "-v"),
            (*NAME, "-d"),
            (*NAME, "-q"),
            (*NAME, "-q", "+sr"),
            (*NAME, "-v", "-sr"),
            (*NAME, "-d", "-sr"),
            (*NAME, "-ll", "error"),
            (*NAME, "-v", "--repeat", "3"),
            (*NAME, "-v", "--abort"),
            (*NAME, "-v", "-S"),
            (*NAME, "-d", "-P"),
            (*NAME, "-d", "-O"),
            (*NAME, "-v", "-aet", "ME", "-aec", "YOU"),
            (*NAME, "-v", "-pdu", "4096", "-ta", "5", "-td", "5", "-to", "5"),
            ("-k", "0008,0052=STUDY", "-k", "(0010,0020)=1\\2", "-k", "StudyDate=-"),
            ("-v", "-k", f"{STEP}.Modality=CT", "-k", f"{STEP}.0040,0001"),
            ("-v", "--repeat", "2", "-k", f"{STEP}.Modality=CT"),
            ("-v", "-k", r"0009,1001=01\0a", "-k", "0028,0010=512", "-k", "0018,1063"),
            ("-v", "-u", "-k", r"0009,1001=01\0a"),
            ("-d", "-k", "SOPClassUID=1.2.840.10008.5.1.4.1.1.2"),
            ("-v", "-k", "PatientName=M\udcfcller"),
            ("-k", "PatientName=Müller"),
        ],
    )
    def test_looks_the_same(
        self, arguments: tuple[str, ...], scripted_peer: StartPeer
    ) -> None:
        mine, other = both(scripted_peer, ONE_MATCH, *arguments)
        assert mine.lines == other.lines
        assert (mine.code, other.code) == (0, 0)

    @pytest.mark.parametrize(
        ("option", "syntax"),
        [
            ("-x=", EXPLICIT_LE),
            ("-xe", IMPLICIT_LE),
            ("-xb", EXPLICIT_BE),
            ("-xi", IMPLICIT_LE),
            ("-xd", DEFLATED_LE),
        ],
    )
    def test_is_asked_for_in_every_transfer_syntax(
        self, option: str, syntax: str, scripted_peer: StartPeer
    ) -> None:
        keys = ("-k", f"{STEP}.Modality=CT", "-k", "0028,0010=1", "-k", "StudyDate")
        mine, other = both(
            scripted_peer,
            [steps.final()],
            *keys,
            option,
            "-v",
            "--repeat",
            "2",
            on_connect=[accept(syntax)],
        )
        assert mine.lines == other.lines

    def test_may_hold_any_bytes(self, scripted_peer: StartPeer) -> None:
        payloads = [
            element(0x00080005, "CS", b"ISO_IR 100")
            + element(0x00080018, "UI", b"1.2.3\0")
            + element(0x00081030, "LO", b"M\xfcller")
            + element(0x00104000, "LT", b"a\r\nb\tc\x1b[2J"),
            element(0x00100010, "PN", "山田".encode()),
            element(0x00187001, "FD", struct.pack("<d", 0.1)),
            b"",
        ]
        mine, other = both(scripted_peer, [these(payloads), steps.final()], *NAME)
        assert mine.lines == other.lines

    def test_may_come_with_optional_keys_unused(self, scripted_peer: StartPeer) -> None:
        script = [people(1, status=0xFF01), steps.final()]
        for level in ("-v", "-d"):
            mine, other = both(scripted_peer, script, *NAME, level)
            assert mine.lines == other.lines

    @pytest.mark.parametrize(
        "status",
        [
            0xA700,
            0xA701,
            0xA900,
            0xA9FF,
            0x0122,
            0x0110,
            0xC001,
            0xB001,
            0xFE00,
            0xFFFF,
        ],
    )
    def test_may_end_badly(self, status: int, scripted_peer: StartPeer) -> None:
        final = steps.final(status, "no room", offending=(0x00100010,))
        for level in ("-v", "-d"):
            mine, other = both(scripted_peer, [people(1), final], *NAME, level)
            assert mine.lines == other.lines
            assert (mine.code, other.code) == (1, 0)

    @pytest.mark.parametrize(
        "ending", [steps.abort(), steps.close(), steps.raw(pdu.pdu(5, bytes(4)))]
    )
    def test_may_be_cut_off(self, ending: Step, scripted_peer: StartPeer) -> None:
        script = [people(1), ending]
        mine, other = both(
            scripted_peer, script, *NAME, "-v", "-k", f"{STEP}.Modality=CT"
        )
        assert mine.lines == other.lines
        assert (mine.code, other.code) == (1, 0)

    def test_may_never_come(self, scripted_peer: StartPeer) -> None:
        script = [people(1), steps.silence()]
        mine, other = both(scripted_peer, script, *NAME, "-v", "-td", "1")
        assert mine.lines == other.lines

    def test_may_be_cancelled(self, scripted_peer: StartPeer) -> None:
        script = [people(2), steps.until_cancelled(), people(1), steps.final(0xFE00)]
        for level in ("-v", "-d"):
            mine, other = both(scripted_peer, script, *NAME, level, "--cancel", "2")
            assert mine.lines == other.lines
            assert mine.code == 0


class TestNoAnswer:
    @pytest.mark.parametrize(
        "key", ["garbage", "0028,0010=x", "PatientName[0].x=1", ""]
    )
    def test_comes_to_a_bad_key(self, key: str, scripted_peer: StartPeer) -> None:
        mine, other = both(scripted_peer, ONE_MATCH, "-v", "-k", key)
        assert mine.lines == other.lines
        assert (mine.code, other.code) == (1, 0)

    def test_comes_behind_an_empty_file(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        good, empty = tmp_path / "good", tmp_path / "empty"
        good.write_bytes(element(0x00080052, "CS", b"STUDY "))
        empty.touch()
        mine, other = both(scripted_peer, ONE_MATCH, "-v", good, empty, good)
        assert mine.lines == other.lines

    @pytest.mark.parametrize(
        "step",
        [
            *(steps.reject(*one) for one in ((1, 1, 3), (1, 2, 2), (2, 3, 1))),
            steps.close(),
        ],
    )
    def test_comes_without_an_association(
        self, step: Step, scripted_peer: StartPeer
    ) -> None:
        mine, other = both(scripted_peer, ONE_MATCH, *NAME, "-v", on_connect=[step])
        assert mine == other
        assert mine.code == 2

    def test_comes_from_a_closed_port(self) -> None:
        port = free_port()
        assert ours(port, *NAME, "-v") == theirs(port, *NAME, "-v")


class TestFilesAndRealPeers:
    QUESTIONS = (
        ("wlmscpfs", ("-W", "-k", "PatientName", "-k", f"{STEP}.Modality")),
        ("wlmscpfs", ("-W", "-k", "PatientName=V*", "-k", STEP)),
        ("dcmqrscp", ("-P", "-k", "0008,0052=PATIENT", "-k", "PatientName")),
        ("dcmqrscp", ("-S", "-k", "0008,0052=STUDY", "-k", "StudyDate", "-xi")),
        ("orthanc", ("-S", "-k", "0008,0052=STUDY", "-k", "ModalitiesInStudy")),
        ("orthanc", ("-W", "-k", "PatientName", "-k", STEP, "-xb")),
    )

    @pytest.mark.parametrize(("name", "keys"), QUESTIONS)
    def test_give_the_same_lines(
        self, name: str, keys: tuple[str, ...], request: pytest.FixtureRequest
    ) -> None:
        peer: RealPeer = request.getfixturevalue(name)
        arguments = (*keys, "-aec", peer.called_ae, "-v", "--repeat", "2")
        mine, other = ours(peer.port, *arguments), theirs(peer.port, *arguments)
        assert mine == other
        assert len(mine.lines) > 20

    @pytest.mark.parametrize(("name", "keys"), QUESTIONS)
    @pytest.mark.parametrize("output", ["-X", "-Xx", "-Xs"])
    def test_give_the_same_files(
        self,
        output: str,
        name: str,
        keys: tuple[str, ...],
        request: pytest.FixtureRequest,
        tmp_path: Path,
    ) -> None:
        peer: RealPeer = request.getfixturevalue(name)
        folders = [tmp_path / "ours", tmp_path / "theirs"]
        for program, folder in zip((ours, theirs), folders, strict=True):
            folder.mkdir()
            document = ["all.xml"] if output == "-Xs" else []
            where = [output, *document, "-od", str(folder), "-aec", peer.called_ae]
            outcome = program(peer.port, *keys, *where, "--repeat", "2")
            assert (outcome.code, outcome.lines) == (0, [])
        mine, other = (names(folder) for folder in folders)
        assert mine == other != []
        for file in mine:
            one, two = (content(folder / file) for folder in folders)
            assert one == two


def content(path: Path) -> bytes | list[object]:
    """A data set in bytes; of XML the text of each element with its attributes."""
    if path.suffix == ".dcm":
        return data_set(path)
    root = ET.parse(path).getroot()  # noqa: S314 - of a peer of our own
    return [
        (one.tag, one.attrib, one.text)
        for one in root.iter()
        if one.get("tag") != "0008,0005"  # of ours always UTF-8's
    ]
