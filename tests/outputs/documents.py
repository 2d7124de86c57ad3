"""Documents written to memory, and the data sets they are made of."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree import ElementTree as ET

from batchfind.job.model import OutputFormat, Publish
from batchfind.job.output_model import (
    DicomOptions,
    OutputOptions,
    Overwrite,
    XmlOptions,
)
from batchfind.outputs.formats import FORMATS, Piece
from batchfind.plan.model import PlannedOutput
from batchfind.tables.slabs import Slab
from tests.tables.material import element, query, sequence, slabs

SOP_CLASS = "1.2.840.10008.5.1.4.1.2.2.1"
CHARSET = 0x00080005


class _Kept(io.BytesIO):
    """A file that cannot seek and whose bytes outlive it."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def seekable(self) -> bool:
        return False

    def seek(self, _offset: int, _whence: int = 0) -> int:
        raise io.UnsupportedOperation

    def close(self) -> None:
        if not self.closed:
            self.content = self.getvalue()
        super().close()


@dataclass
class Memory:
    """A destination in memory."""

    single: _Kept | None = None
    children: dict[str, _Kept] = field(default_factory=dict)

    def file(self) -> BinaryIO:
        if self.single is None:
            self.single = _Kept()
        return self.single

    def child(self, name: str, rows: int = 1) -> BinaryIO:
        assert rows == 1
        assert name not in self.children
        return self.children.setdefault(name, _Kept())

    def put(self, name: str, data: bytes) -> None:
        with self.child(name) as file:
            file.write(data)

    @property
    def files(self) -> dict[str, bytes]:
        """The files of a directory, all of which were closed."""
        assert self.single is None
        assert all(file.closed for file in self.children.values())
        return {name: file.content for name, file in self.children.items()}

    @property
    def content(self) -> bytes:
        """The only file."""
        assert not self.children
        assert self.single is not None
        return self.single.getvalue()


def planned(form: OutputFormat, **options: Any) -> PlannedOutput:
    return PlannedOutput(
        path="/out",
        format=form,
        query="q",
        requests=("0",),
        typed=False,
        provenance=False,
        publish=Publish.COMPLETE,
        overwrite=Overwrite.REPLACE,
        options=OutputOptions(**options),
    )


def written(form: OutputFormat, pieces: Iterable[Slab], **options: Any) -> Memory:
    """What a format's writer makes of slabs."""
    memory = Memory()
    output = planned(form, **options)
    writer = FORMATS[form].writer(memory, output, query(["PatientID"]), None)
    for slab in pieces:
        count = writer.write(Piece(slab, None))
        assert options.get("limit") is not None or count == len(slab)
    writer.close()
    return memory


def jsonl(*payloads: bytes, **facts: Any) -> list[str]:
    """The lines that responses become."""
    content = written(OutputFormat.JSONL, slabs(*payloads, **facts)).content
    return content.decode().splitlines()


def xml(
    *payloads: bytes, dialect: str = "dcmtk", binary: str = "hidden", **facts: Any
) -> bytes:
    """The one document that responses become."""
    options = XmlOptions(dialect=dialect, binary=binary)
    return written(OutputFormat.XML, slabs(*payloads, **facts), xml=options).content


def parsed(content: bytes) -> ET.Element:
    """The root of a document, read as any reader would."""
    return ET.fromstring(content)  # noqa: S314 - the document is our own


def dicom(*payloads: bytes, layout: str = "files", **facts: Any) -> Memory:
    options = DicomOptions(layout=layout)
    return written(OutputFormat.DICOM, slabs(*payloads, **facts), dicom=options)


def every_vr(order: str = "<") -> bytes:
    """A data set with usual values of every VR, text in ISO_IR 100."""

    def pack(form: str, *numbers: float) -> bytes:
        return struct.pack(order + form, *numbers)

    def one(key: str | int, value: str | bytes, vr: str | None = None) -> bytes:
        return element(key, value, vr, order=order)

    study = one("ReferencedSOPClassUID", "1.2.3")
    study += one("ReferencedSOPInstanceUID", "1.2.3.4")
    parts = [
        one("SpecificCharacterSet", "ISO_IR 100"),
        one("StudyDate", "20200101"),
        one("StudyTime", "101112.5"),
        one("RetrieveAETitle", " AE1 \\AE2 "),
        one("Modality", ""),
        one("ModalitiesInStudy", "CT\\\\MR "),
        one("StudyDescription", "<a> & \"b\" 'c' äö"),
        sequence("ReferencedStudySequence", study, b"", order=order),
        sequence("ReferencedSeriesSequence", order=order),
        one("RecommendedDisplayFrameRateInFloat", pack("f", 0.1)),
        one("PatientName", "Müßig^Jörg^^Dr^=A^B=C"),
        one("PatientID", "0012 "),
        one("PatientAge", "012Y"),
        one("PatientSize", "1.80\\2.5"),
        one("AdditionalPatientHistory", "Line1\r\nLine2\\x \t "),
        one("PatientComments", "  leading and trailing  "),
        one("ReferencePixelX0", pack("l", -3)),
        one("DopplerCorrectionAngle", pack("d", 1.5)),
        one(0x00190010, "ACME 1.0", "LO"),
        one(0x00191001, "priv ", "LO"),
        one(0x00191002, b"\1\2\3\4", "OB"),
        one(0x00191003, b"\1\2\3\0", "UN"),
        one(0x00191004, b"", "UN"),
        one("StudyInstanceUID", "1.2.3"),
        one("InstanceNumber", " 7\\8"),
        one("FrameIncrementPointer", pack("HHHH", 0x18, 0x1063, 0x18, 0xABCD)),
        one("Rows", pack("H", 512)),
        one("SmallestImagePixelValue", pack("hh", -5, 7), "SS"),
        one("RedPaletteColorLookupTableData", pack("HHH", 1, 2, 3)),
        one("SelectorDTValue", "20200101101112.123456+0100"),
        one("SelectorOFValue", pack("f", 1.0)),
        one("SelectorSTValue", "st\n"),
        one("SelectorUCValue", "uc1\\uc2 "),
        one("SelectorUTValue", "ut \\ text "),
        one("SelectorURValue", "http://x/?a=b&c "),
        one("SelectorODValue", pack("d", 1.0)),
        one("SelectorFDValue", pack("dd", -2.25, 1e22)),
        one("SelectorOLValue", pack("L", 1)),
        one("SelectorULValue", pack("LL", 1, 2**32 - 1)),
        one("SelectorOVValue", pack("Q", 1)),
        one("SelectorSVValue", pack("q", -(2**53))),
        one("SelectorUVValue", pack("Q", 2**64 - 1)),
        one(0x00880001, "x ", "LO"),
    ]
    parts.sort(key=struct.Struct(f"{order}HH").unpack_from)
    return b"".join(parts)
