from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from batchfind.demo.wire import identifier_of
from batchfind.dicom.identifier import Element


def received(data_set: Dataset, *, implicit: bool = False) -> Dataset:
    """The data set as an SCP gets it: from bytes."""
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, True
    write_dataset(stream, data_set)
    return read_dataset(BytesIO(stream.getvalue()), implicit, is_little_endian=True)


def key(tag: int, vr: str, value: object) -> DataElement:
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


@pytest.mark.parametrize("implicit", [False, True])
class TestKeysAreReadAsWritten:
    """PS3.4 Section C.2.2.2: a matching key need not be a value of its VR."""

    @pytest.mark.parametrize(
        ("tag", "vr", "text"),
        [
            (0x00080020, "DA", "20260101-20260131"),
            (0x00080061, "CS", "C*"),
            (0x0020000D, "UI", "1.2.3\\1.2.4"),
            (0x00100010, "PN", "DOE^J?*"),
            (0x00100020, "LO", ""),
            (0x00280010, "US", "512"),
        ],
    )
    def test_a_value_survives(
        self, implicit: bool, tag: int, vr: str, text: str
    ) -> None:
        asked = Dataset()
        value = int(text) if vr == "US" else text
        asked.add(key(tag, vr, value))
        got = identifier_of(received(asked, implicit=implicit))
        assert got == (Element(tag, vr, text),)

    def test_a_wildcard_in_a_number_survives(self, implicit: bool) -> None:
        asked = Dataset()
        asked.add(key(0x00200013, "SH", "1*"))
        raw = received(asked, implicit=implicit)
        (number,) = identifier_of(raw)
        assert number.value == "1*"

    def test_nested_keys_share_the_character_set(self, implicit: bool) -> None:
        item = Dataset()
        item.ScheduledPerformingPhysicianName = "Мореходов^Ян"
        asked = Dataset()
        asked.SpecificCharacterSet = "ISO_IR 144"
        asked.ScheduledProcedureStepSequence = Sequence([item])
        got = identifier_of(received(asked, implicit=implicit))
        assert got == (
            Element(0x00080005, "CS", "ISO_IR 144"),
            Element(0x00400100, "SQ", ((Element(0x00400006, "PN", "Мореходов^Ян"),),)),
        )

    def test_bytes_become_an_empty_key(self, implicit: bool) -> None:
        asked = Dataset()
        asked.add(key(0x7FE00010, "OW", b"\1\2"))
        (pixels,) = identifier_of(received(asked, implicit=implicit))
        assert pixels.value == b""
