"""PS3.19 Section A.1."""

from __future__ import annotations

import struct
from typing import Any

from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import XmlOptions
from batchfind.outputs.xml_native import NAMESPACE
from tests.outputs.documents import CHARSET, parsed, written, xml
from tests.tables.material import element, sequence, slabs

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
MODEL = f'<NativeDicomModel xml:space="preserve" xmlns="{NAMESPACE}">\n'


def inner(part: bytes, **facts: Any) -> str:
    """What stands in the only model."""
    content = xml(part, dialect="native", **facts).decode()
    return content.partition(MODEL)[2].partition("</NativeDicomModel>")[0]


class TestLayouts:
    def test_single_holds_every_model(self) -> None:
        content = xml(element("PatientID", "1"), b"", dialect="native").decode()
        assert content == (
            f'{HEAD}<responses type="C-FIND">\n{MODEL}'
            '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID">\n'
            '<Value number="1">1</Value>\n'
            f"</DicomAttribute>\n</NativeDicomModel>\n{MODEL}</NativeDicomModel>\n"
            "</responses>\n"
        )

    def test_files_are_one_model_each(self) -> None:
        options = XmlOptions(dialect="native", layout="files")
        files = written(OutputFormat.XML, slabs(b"", b""), xml=options).files
        document = f"{HEAD}{MODEL}</NativeDicomModel>\n".encode()
        assert files == dict.fromkeys(["0-000000.xml", "0-000001.xml"], document)

    def test_what_cannot_be_decoded_is_empty_and_says_why(self) -> None:
        content = xml(b"\x10\0", dialect="native")
        assert b"<!-- malformed" in content
        assert len(parsed(content)[0]) == 0


class TestAttributes:
    def test_an_empty_one_has_no_value(self) -> None:
        assert inner(element("PatientID", "")) == (
            '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID">\n'
            "</DicomAttribute>\n"
        )

    def test_values_are_numbered_empty_ones_too(self) -> None:
        assert (
            '<Value number="1">a</Value>\n<Value number="2"></Value>\n'
            '<Value number="3">b</Value>\n'
        ) in inner(element("OtherPatientIDs", "a\\\\b "))

    def test_a_private_one_names_its_creator_and_no_block(self) -> None:
        found = inner(
            element(0x00190011, 'A\t"&', "LO") + element(0x00191101, "x", "SH")
        )
        assert '<DicomAttribute tag="00190011" vr="LO">' in found
        assert (
            '<DicomAttribute tag="00190001" vr="SH" privateCreator="A&#9;&quot;&amp;">'
        ) in found

    def test_a_private_one_without_creator_keeps_its_tag(self) -> None:
        found = inner(element(0x00191101, "x", "SH"))
        assert '<DicomAttribute tag="00191101" vr="SH">' in found

    def test_bytes_are_little_endian(self) -> None:
        part = element("RedPaletteColorLookupTableData", b"\0\1", order=">")
        found = inner(part, transfer_syntax=EXPLICIT_BE)
        assert "<InlineBinary>AQA=</InlineBinary>" in found

    def test_bytes_are_never_hidden(self) -> None:
        found = inner(element("EncapsulatedDocument", b"ab"), binary="hidden")
        assert "<InlineBinary>YWI=</InlineBinary>" in found

    def test_numbers_of_a_broken_length_are_unknown(self) -> None:
        found = inner(element("Rows", b"abc"))
        assert 'vr="UN"' in found
        assert "<InlineBinary>YWJj</InlineBinary>" in found

    def test_tags_and_numbers(self) -> None:
        raw = struct.pack("<2H", 0x0018, 0xABCD)
        assert ">0018ABCD<" in inner(element("FrameIncrementPointer", raw))
        assert ">0.1<" in inner(element("SelectorFLValue", struct.pack("<f", 0.1)))


class TestNames:
    def test_have_groups_and_components(self) -> None:
        assert (
            '<PersonName number="1">\n'
            "<Alphabetic>\n<FamilyName>A</FamilyName>\n"
            "<GivenName>B</GivenName>\n<NameSuffix>E</NameSuffix>\n</Alphabetic>\n"
            "<Phonetic>\n<FamilyName>C</FamilyName>\n</Phonetic>\n</PersonName>\n"
            '<PersonName number="2">\n</PersonName>\n'
        ) in inner(element("OtherPatientNames", "A^B^^^E==C\\"))

    def test_lose_nothing_beyond_five_components_and_three_groups(self) -> None:
        found = inner(element("PatientName", "A^B^C^D^E^F=G=H=I"))
        assert "<NameSuffix>E^F</NameSuffix>" in found
        assert "<FamilyName>H=I</FamilyName>" in found


class TestSequences:
    def test_items_are_numbered(self) -> None:
        part = sequence("ReferencedStudySequence", element("PatientID", "1"), b"")
        assert inner(part) == (
            '<DicomAttribute tag="00081110" vr="SQ"'
            ' keyword="ReferencedStudySequence">\n'
            '<Item number="1">\n'
            '<DicomAttribute tag="00100020" vr="LO" keyword="PatientID">\n'
            '<Value number="1">1</Value>\n</DicomAttribute>\n</Item>\n'
            '<Item number="2">\n</Item>\n</DicomAttribute>\n'
        )


class TestCharacters:
    def test_are_unicode_and_say_so(self) -> None:
        found = inner(element(CHARSET, "ISO_IR 100") + element("PatientID", "\xe4"))
        assert '<Value number="1">ISO_IR 192</Value>' in found
        assert '<Value number="1">ä</Value>' in found

    def test_xml_has_no_place_for_are_replaced(self) -> None:
        assert ">a\ufffdb</Value>" in inner(element("PatientID", "a\x01b"))
