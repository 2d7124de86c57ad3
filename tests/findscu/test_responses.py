"""The files of `-X`, `-Xx` and `-Xs`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info

from tests.findscu.programs import (
    DEFLATED_LE,
    EXPLICIT_LE,
    accept,
    element,
    ours,
    people,
    theirs,
    these,
)
from tests.peers import steps
from tests.peers.plugin import StartPeer

NAME = ("-k", "PatientName")
PREAMBLE_AND_GROUP_LENGTH = 128 + 4 + 12
DAMAGED = element(0x00100010, "PN", b"A^B ")[:-1]


def data_set(path: Path) -> bytes:
    meta = read_file_meta_info(path)
    begin = PREAMBLE_AND_GROUP_LENGTH + meta.FileMetaInformationGroupLength
    return path.read_bytes()[begin:]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def xml_names(document: Path) -> list[str | None]:
    return [one.text for one in ET.parse(document).iter("element")]  # noqa: S314 - ours


class TestNumbers:
    def test_have_a_hole_for_each_final_response(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(2), steps.final())
        ours(peer.port, *NAME, "-X", "-od", tmp_path, "--repeat", "2")
        assert names(tmp_path) == [f"rsp000{number}.dcm" for number in (1, 2, 4, 5)]

    def test_count_on_behind_the_limit(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(2), steps.final())
        options = ("-Xx", "-od", tmp_path, "--repeat", "2", "-Xlo", "4", "-v")
        outcome = ours(peer.port, *NAME, *options)
        assert outcome.code == 0
        assert names(tmp_path) == [f"rsp000{number}.xml" for number in (1, 2, 4)]
        notes = [line for line in outcome.told("I") if line.startswith("Maximum")]
        assert len(notes) == 1

    def test_grow_beyond_four_digits(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(
            steps.matches(10_000, build=lambda *_: b"", per_pdu=200), steps.final()
        )
        ours(peer.port, "-k", "0010,0020", "-X", "-od", tmp_path)
        assert {"rsp0001.dcm", "rsp9999.dcm", "rsp10000.dcm"} <= set(names(tmp_path))


class TestDicomFiles:
    def test_are_part_10_in_the_negotiated_syntax(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(1), steps.final())
        assert ours(peer.port, *NAME, "-X", "-od", tmp_path).code == 0
        file = dcmread(tmp_path / "rsp0001.dcm")
        meta = file.file_meta
        assert file.PatientName == "Scripted^00"
        assert meta.MediaStorageSOPClassUID == "1.2.276.0.7230010.3.1.0.1"
        assert meta.TransferSyntaxUID == EXPLICIT_LE
        assert str(meta.ImplementationVersionName).startswith("BATCHFIND")

    def test_are_deflated_again(self, scripted_peer: StartPeer, tmp_path: Path) -> None:
        data = element(0x00100010, "PN", b"A^B ")
        packer = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
        stored = packer.compress(data) + packer.flush()
        peer = scripted_peer(
            these([stored]), steps.final(), on_connect=[accept(DEFLATED_LE)]
        )
        options = ("-X", "-od", tmp_path, "-xd", "+cl", "9")
        assert ours(peer.port, *NAME, *options).code == 0
        assert dcmread(tmp_path / "rsp0001.dcm").PatientName == "A^B"
        assert len(data_set(tmp_path / "rsp0001.dcm")) < len(stored) + 1

    def test_replace_what_is_there(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        (tmp_path / "rsp0001.dcm").write_text("old")
        peer = scripted_peer(people(1), steps.final())
        ours(peer.port, *NAME, "-X", "-od", tmp_path)
        assert dcmread(tmp_path / "rsp0001.dcm").PatientName == "Scripted^00"

    def test_keep_bytes_nobody_can_read(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(these([DAMAGED]), steps.final())
        assert ours(peer.port, *NAME, "-X", "-od", tmp_path).code == 1
        assert data_set(tmp_path / "rsp0001.dcm") == DAMAGED

    def test_hold_corrected_values_after_dc(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        padded = element(0x00100010, "PN", b"A^B     ")
        peer = scripted_peer(these([padded]), steps.final())
        ours(peer.port, *NAME, "-X", "-od", tmp_path, "+dc")
        written = element(0x00100010, "PN", b"A^B ")
        assert data_set(tmp_path / "rsp0001.dcm") == written

    def test_leave_the_length_of_sequences_open_after_dc_too(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(these([sequence(item(MODALITY))]), steps.final())
        ours(peer.port, *NAME, "-X", "-od", tmp_path, "+dc")
        opened = open_item(MODALITY) + SEQUENCE_END
        expected = b"\x40\0\0\1SQ\0\0\xff\xff\xff\xff" + opened
        assert data_set(tmp_path / "rsp0001.dcm") == expected


class TestXml:
    def test_is_a_document_for_each_response(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(2), steps.final())
        assert ours(peer.port, *NAME, "-Xx", "-od", tmp_path).code == 0
        assert xml_names(tmp_path / "rsp0002.xml") == ["Scripted^01"]

    def test_is_one_for_all(self, scripted_peer: StartPeer, tmp_path: Path) -> None:
        peer = scripted_peer(people(2), steps.final())
        options = ("-Xs", "all.xml", "-od", tmp_path, "--repeat", "2")
        assert ours(peer.port, *NAME, *options).code == 0
        assert names(tmp_path) == ["all.xml"]
        assert xml_names(tmp_path / "all.xml") == ["Scripted^00", "Scripted^01"] * 2

    def test_stands_at_an_absolute_path(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        (tmp_path / "folder").mkdir()
        peer = scripted_peer(steps.final())
        document = tmp_path / "all.xml"
        ours(peer.port, *NAME, "-Xs", document, "-od", tmp_path / "folder")
        assert ET.parse(document).getroot().tag == "responses"  # noqa: S314 - ours
        assert names(tmp_path / "folder") == []

    def test_is_not_begun_without_an_association(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(on_connect=[steps.reject()])
        assert ours(peer.port, *NAME, "-Xs", "a.xml", "-od", tmp_path).code == 2
        assert names(tmp_path) == []

    def test_holds_every_response(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        """Where findscu drops one, or writes what no parser takes."""
        payloads = [
            element(0x00080005, "CS", b"BOGUS ") + element(0x00100020, "LO", b"\xfc1"),
            element(0x00100020, "LO", b"\x1b\xfc"),
            DAMAGED,
        ]
        peer = scripted_peer(these(payloads), steps.final())
        assert ours(peer.port, *NAME, "-Xs", "a.xml", "-od", tmp_path).code == 1
        root = ET.parse(tmp_path / "a.xml").getroot()  # noqa: S314 - ours
        assert len(root.findall("data-set")) == len(payloads)

    def test_ends_well_when_the_association_does_not(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(1), steps.abort())
        assert ours(peer.port, *NAME, "-Xs", "a.xml", "-od", tmp_path).code == 1
        assert xml_names(tmp_path / "a.xml") == ["Scripted^00"]


class TestAFileThatCannotBeWritten:
    @pytest.mark.parametrize(("option", "suffix"), [("-X", "dcm"), ("-Xx", "xml")])
    def test_costs_the_exit_code_and_nothing_else(
        self, option: str, suffix: str, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        blocked = tmp_path / f"rsp0001.{suffix}"
        blocked.mkdir()
        peer = scripted_peer(people(2), steps.final())
        outcome = ours(peer.port, *NAME, option, "-od", tmp_path)
        assert outcome.code == 1
        assert outcome.told("E") == [f"Writing file: {blocked}: Is a directory"]
        assert (tmp_path / f"rsp0002.{suffix}").is_file()

    def test_may_be_the_only_one(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        peer = scripted_peer(people(1), steps.final())
        document = tmp_path / "none" / "all.xml"
        outcome = ours(peer.port, *NAME, "-Xs", document)
        assert outcome.code == 1
        assert outcome.told("E") == [
            f"Writing file: {document}: No such file or directory"
        ]
        assert len(peer.seen.requests) == 1

    def test_may_become_one(self, scripted_peer: StartPeer) -> None:
        peer = scripted_peer(people(1), steps.final())
        outcome = ours(peer.port, *NAME, "-Xs", "/dev/full")
        assert outcome.code == 1
        assert outcome.told("E") == ["Writing file: /dev/full: No space left on device"]


ITEM, ITEM_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
MODALITY = element(0x00080060, "CS", b"CT")


def sequence(*items: bytes) -> bytes:
    return element(0x00400100, "SQ", b"".join(items))


def item(data: bytes) -> bytes:
    return ITEM + len(data).to_bytes(4, "little") + data


def open_item(data: bytes) -> bytes:
    return ITEM + b"\xff" * 4 + data + ITEM_END


PAYLOADS = [
    element(0x00080052, "CS", b"STUDY ") + element(0x00100020, "LO", b"1\0"),
    MODALITY + element(0x00080052, "CS", b"STUDY ") + element(0x00080052, "CS", b"X "),
    sequence(item(MODALITY), open_item(b""), open_item(sequence() + MODALITY)),
    b"\x40\0\0\1SQ\0\0\xff\xff\xff\xff" + item(b"") + SEQUENCE_END,
    element(0x00080000, "UL", b"\1\0\0\0") + MODALITY + element(0x00100010, "PN", b""),
    element(0x00080060, "UN", b"CT") + element(0x00091001, "UN", b"\1\2"),
    element(0x00080052, "CS", b"SERIES") + element(0x0014301B, "OB", b"\1\2\3"),
]


@pytest.mark.interop
class TestBesideFindscu:
    def test_data_sets_have_the_same_bytes(
        self, scripted_peer: StartPeer, tmp_path: Path
    ) -> None:
        # An odd fragment would end findscu's association.
        payloads = [one for one in PAYLOADS if len(one) % 2 == 0]
        written: list[Sequence[tuple[str, bytes]]] = []
        for program, number in zip((ours, theirs), count()):
            peer = scripted_peer(these(payloads), steps.final())
            folder = tmp_path / str(number)
            folder.mkdir()
            assert program(peer.port, *NAME, "-X", "-od", folder).code == 0
            written.append([(name, data_set(folder / name)) for name in names(folder)])
        assert written[0] == written[1]
        assert len(written[0]) == len(payloads)
