from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import pydicom
import pytest

from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import DicomOptions
from batchfind.outputs.formats import FORMATS, Piece
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from tests.outputs.documents import (
    SOP_CLASS,
    Memory,
    dicom,
    every_vr,
    planned,
    written,
)
from tests.tables.material import element, query, slabs

ONE = element("PatientID", "1")


def deflated(data: bytes) -> bytes:
    stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


RECEIVED = {
    IMPLICIT_LE: b"\x10\0\x20\0\2\0\0\x001 ",
    EXPLICIT_LE: every_vr(),
    EXPLICIT_BE: every_vr(">"),
    DEFLATED_LE: deflated(every_vr()),
}


class TestFiles:
    """PS3.10 Section 7.1."""

    @pytest.mark.parametrize("syntax", RECEIVED)
    def test_end_in_the_bytes_received(self, syntax: str) -> None:
        (content,) = dicom(RECEIVED[syntax], transfer_syntax=syntax).files.values()
        assert content[:132] == bytes(128) + b"DICM"
        begin = 132 + 12 + int.from_bytes(content[140:144], "little")
        assert content[begin:] == RECEIVED[syntax]

    @pytest.mark.parametrize("syntax", RECEIVED)
    def test_open_in_pydicom(self, syntax: str) -> None:
        (content,) = dicom(RECEIVED[syntax], transfer_syntax=syntax).files.values()
        data_set = pydicom.dcmread(io.BytesIO(content))
        assert data_set.PatientID.strip() in {"1", "0012"}
        meta = data_set.file_meta
        assert meta.TransferSyntaxUID == syntax
        assert meta.MediaStorageSOPClassUID == SOP_CLASS
        assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
        assert meta.FileMetaInformationVersion == b"\0\1"

    def test_that_cannot_be_decoded_are_kept_as_received(self) -> None:
        (content,) = dicom(b"\x10\0garbage").files.values()
        assert content.endswith(b"\x10\0garbage")

    def test_say_what_they_are_in_ascending_order(self) -> None:
        (content,) = dicom(ONE).files.values()
        meta = pydicom.dcmread(io.BytesIO(content)).file_meta
        elements = [tag.element for tag in meta.keys()]  # noqa: SIM118 - no mapping
        assert elements == [0x00, 0x01, 0x02, 0x03, 0x10, 0x12, 0x13]


class TestInstanceUids:
    def uids(self, *payloads: bytes, **facts: str) -> list[str]:
        files = dicom(*payloads, **facts).files.values()
        found = [pydicom.dcmread(io.BytesIO(content)) for content in files]
        return [str(one.file_meta.MediaStorageSOPInstanceUID) for one in found]

    def test_are_made_of_key_index_and_bytes(self) -> None:
        digest = hashlib.sha256(b"k/0/" + ONE).hexdigest()
        assert self.uids(ONE, key="k") == [f"2.25.{int(digest[:32], 16)}"]

    def test_are_the_same_for_the_same_answer(self) -> None:
        assert self.uids(ONE, key="k") == self.uids(ONE, key="k")

    def test_differ_by_index_and_by_request(self) -> None:
        found = [*self.uids(ONE, ONE, key="k"), *self.uids(ONE, key="l")]
        assert len(set(found)) == 3


class TestNames:
    def names(self, template: str, **facts: str) -> list[str]:
        options = DicomOptions(name=template)
        memory = written(OutputFormat.DICOM, slabs(ONE, **facts), dicom=options)
        return list(memory.files)

    def test_are_request_and_response(self) -> None:
        assert list(dicom(ONE, ONE, request="3.1").files) == [
            "3.1-000000.dcm",
            "3.1-000001.dcm",
        ]

    def test_may_name_query_and_peer_and_folders(self) -> None:
        found = self.names("{peer}/{query}/{request}_{response}.dcm", request="2")
        assert found == ["pacs/q/2_0.dcm"]

    def test_values_add_no_folder(self) -> None:
        assert self.names("{peer}-{response}", peer="../a") == ["%2E.%2Fa-0"]

    def test_a_limit_counts_responses_of_each_request(self) -> None:
        memory = written(OutputFormat.DICOM, slabs(ONE, ONE, ONE), limit=2)
        assert len(memory.files) == 2


class TestZip:
    def test_holds_what_the_directory_would(self) -> None:
        content = dicom(ONE, b"", layout="zip").content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            entries = {
                entry.filename: archive.read(entry) for entry in archive.filelist
            }
        assert entries == dicom(ONE, b"").files

    def test_entries_are_stored_and_of_no_date(self) -> None:
        content = dicom(ONE, layout="zip").content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            (entry,) = archive.filelist
        assert entry.compress_type == zipfile.ZIP_STORED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)
        assert entry.external_attr >> 16 == 0o644

    def test_is_the_same_for_the_same_answer(self) -> None:
        assert dicom(ONE, layout="zip").content == dicom(ONE, layout="zip").content

    def test_without_responses_is_empty(self) -> None:
        content = dicom(layout="zip").content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.filelist == []

    def test_a_name_that_is_taken_gets_a_number(self) -> None:
        options = DicomOptions(layout="zip", name="{response}.dcm")
        pieces = [*slabs(ONE), *slabs(ONE, request="1")]
        content = written(OutputFormat.DICOM, pieces, dicom=options).content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.namelist() == ["0.dcm", "0-2.dcm"]

    def test_that_is_given_up_leaves_no_trace(self) -> None:
        memory = Memory()
        output = planned(OutputFormat.DICOM, dicom=DicomOptions(layout="zip"))
        make = FORMATS[OutputFormat.DICOM].writer
        writer = make(memory, output, query(["PatientID"]), None)
        writer.write(Piece(slabs(ONE)[0], None))
        memory.file().close()
        del writer

    def test_opens_from_a_path(self, tmp_path: Path) -> None:
        path = tmp_path / "out.zip"
        path.write_bytes(dicom(ONE, layout="zip").content)
        assert zipfile.is_zipfile(path)
