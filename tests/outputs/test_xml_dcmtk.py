from __future__ import annotations

import struct
from typing import Any

import pytest

from batchfind.dicom.transfer_syntaxes import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import XmlOptions
from batchfind.outputs.markup import comment
from batchfind.tables.slabs import Part, Slab
from tests.outputs.documents import CHARSET, parsed, written, xml
from tests.tables.material import element, origin, sequence, slabs

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
OPEN = '<data-set xfer="1.2.840.10008.1.2.1" name="Little Endian Explicit">\n'
PATIENT = '<element tag="0010,0020" vr="LO" vm="1" len="2" name="PatientID">1</element>'


def lines(part: bytes, **facts: Any) -> list[str]:
    """What stands in the only data set, line by line."""
    inner = xml(part, **facts).decode().partition(">\n<data-set")[2]
    return inner.splitlines()[1:-2]


def line(part: bytes, **facts: Any) -> str:
    return lines(part, **facts)[-1]


class TestLayouts:
    def test_single_holds_every_data_set(self) -> None:
        content = xml(element("PatientID", "1"), b"").decode()
        assert content == (
            f'{HEAD}<responses type="C-FIND">\n{OPEN}{PATIENT}\n</data-set>\n'
            f"{OPEN}</data-set>\n</responses>\n"
        )

    def test_single_without_responses_is_a_document(self) -> None:
        assert xml().decode() == f'{HEAD}<responses type="C-FIND">\n</responses>\n'

    def test_files_hold_one_data_set_each(self) -> None:
        one = element("PatientID", "1")
        pieces = [*slabs(one, one), *slabs(one, request="1.0")]
        options = XmlOptions(layout="files")
        files = written(OutputFormat.XML, pieces, xml=options).files
        assert list(files) == ["0-000000.xml", "0-000001.xml", "1.0-000000.xml"]
        document = f"{HEAD}{OPEN}{PATIENT}\n</data-set>\n"
        assert set(files.values()) == {document.encode()}

    def test_files_without_responses_are_none(self) -> None:
        options = XmlOptions(layout="files")
        assert written(OutputFormat.XML, [], xml=options).children == {}

    def test_a_limit_counts_responses_of_each_request(self) -> None:
        pieces = slabs(b"", b"", b"")
        assert written(OutputFormat.XML, pieces, limit=1).content.count(OPEN.encode())


class TestDataSets:
    @pytest.mark.parametrize(
        ("syntax", "name"),
        [
            (IMPLICIT_LE, "Little Endian Implicit"),
            (EXPLICIT_LE, "Little Endian Explicit"),
            (EXPLICIT_BE, "Big Endian Explicit"),
            (DEFLATED_LE, "Deflated Explicit VR Little Endian"),
        ],
    )
    def test_name_their_transfer_syntax(self, syntax: str, name: str) -> None:
        content = xml(b"", transfer_syntax=syntax).decode()
        assert f'<data-set xfer="{syntax}" name="{name}">' in content

    def test_that_cannot_be_decoded_are_empty_and_say_why(self) -> None:
        content = xml(b"\x10\0", element("PatientID", "1"))
        broken, whole = parsed(content)
        assert len(broken) == 0
        assert len(whole) == 1
        assert b"<!-- malformed at byte 0: " in content


class TestAttributes:
    def test_len_counts_padding_and_vm_values(self) -> None:
        assert line(element("OtherPatientIDs", "a \\\\b ")) == (
            '<element tag="0010,1000" vr="LO" vm="3" len="6"'
            ' name="RETIRED_OtherPatientIDs">a\\\\b</element>'
        )

    def test_an_empty_one_has_no_value(self) -> None:
        assert 'vm="0" len="0"' in line(element("PatientID", ""))

    def test_padding_alone_is_one_value(self) -> None:
        found = line(element("PatientID", "  "))
        assert 'vm="1" len="2" name="PatientID"></element>' in found

    def test_len_is_that_of_the_text_in_utf_8(self) -> None:
        part = element(CHARSET, "ISO_IR 100") + element("PatientID", "\xe4bc")
        assert line(part) == (
            '<element tag="0010,0020" vr="LO" vm="1" len="6"'
            ' name="PatientID">äbc</element>'
        )

    @pytest.mark.parametrize("vr", ["AS", "DS", "UI"])
    def test_spaces_of_some_vrs_are_shown(self, vr: str) -> None:
        assert line(element("PatientID", b" 1 \0", vr)).endswith("> 1 </element>")

    def test_retired_and_unknown_and_repeating_ones_have_dcmtks_names(self) -> None:
        names = {
            0x00081000: "RETIRED_NetworkID",
            0x00190010: "PrivateCreator",
            0x00191001: "Unknown Tag &amp; Data",
            0x00880001: "Unknown Tag &amp; Data",
            0x50000005: "RETIRED_CurveDimensions",
            0x60200022: "OverlayDescription",
        }
        for tag, name in names.items():
            assert f'name="{name}"' in line(element(tag, "12", "LO"))


class TestDistinctAttributes:
    def test_may_be_more_than_are_remembered(self) -> None:
        parts = [element("PatientID", f"{number:04}") for number in range(5000)]
        (end,) = slabs(b"".join(parts[:1]))
        pieces = [
            Slab((Part(origin(), 0, b"".join(parts), 0, range(12, 60012, 12), ()),)),
            end,
        ]
        root = parsed(written(OutputFormat.XML, pieces).content)
        found = [one[0].text for one in root]
        assert found == [*(f"{number:04}" for number in range(5000)), "0000"]


class TestBinary:
    def test_is_hidden(self) -> None:
        assert line(element("EncapsulatedDocument", b"ab")) == (
            '<element tag="0042,0011" vr="OB" vm="1" len="2"'
            ' name="EncapsulatedDocument" binary="hidden"></element>'
        )

    def test_is_base64_where_asked(self) -> None:
        found = line(element("EncapsulatedDocument", b"ab"), binary="base64")
        assert found.endswith(' binary="base64">YWI=</element>')

    def test_words_in_base64_are_big_endian(self) -> None:
        part = element("RedPaletteColorLookupTableData", b"\1\0\2\0")
        assert line(part, binary="base64").endswith(">AAEAAg==</element>")

    def test_words_that_dcmtk_shows_as_numbers_are_numbers(self) -> None:
        raw = struct.pack("<2f", 0.1, 2)
        assert 'vr="OF" vm="1" len="8"' in line(element("SelectorOFValue", raw))
        assert line(element("SelectorOFValue", raw)).endswith(
            ">0.100000001\\2</element>"
        )

    def test_numbers_have_no_idle_decimals(self) -> None:
        raw = struct.pack("<4d", 1, 0.1, 1e22, 1 / 3)
        assert line(element("SelectorFDValue", raw)).endswith(
            ">1\\0.1\\1e+22\\0.3333333333333333</element>"
        )

    def test_tags_have_dcmtks_form(self) -> None:
        raw = struct.pack("<4H", 0x18, 0x1063, 0x18, 0xABCD)
        assert line(element("FrameIncrementPointer", raw)).endswith(
            ' vm="2" len="8" name="FrameIncrementPointer">'
            "(0018,1063)\\(0018,abcd)</element>"
        )

    def test_numbers_of_a_broken_length_are_unknown(self) -> None:
        assert line(element("Rows", b"abc")) == (
            '<element tag="0028,0010" vr="UN" vm="1" len="3" name="Rows"'
            ' binary="hidden"></element>'
        )


class TestSequences:
    def test_say_how_many_and_how_long(self) -> None:
        part = sequence(
            "ReferencedStudySequence", element("ReferencedSOPClassUID", "1.2"), b""
        )
        assert lines(part) == [
            (
                '<sequence tag="0008,1110" vr="SQ" card="2" len="28"'
                ' name="ReferencedStudySequence">'
            ),
            '<item card="1" len="12">',
            (
                '<element tag="0008,1150" vr="UI" vm="1" len="4"'
                ' name="ReferencedSOPClassUID">1.2</element>'
            ),
            "</item>",
            '<item card="0" len="0">',
            "</item>",
            "</sequence>",
        ]

    def test_of_undefined_length_do_not_say_it(self) -> None:
        head = struct.pack("<HH2sHL", 0x0040, 0x0100, b"SQ", 0, 0xFFFFFFFF)
        item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        assert lines(head + item + ends) == [
            (
                '<sequence tag="0040,0100" vr="SQ" card="1"'
                ' name="ScheduledProcedureStepSequence">'
            ),
            '<item card="0">',
            "</item>",
            "</sequence>",
        ]


class TestCharacters:
    """XML 1.0 Section 2.2."""

    def test_with_names_are_escaped(self) -> None:
        found = line(element("PatientComments", "<&>\"'\r\n\tx"))
        assert found.endswith(">&lt;&amp;&gt;&quot;&apos;&#13;&#10;\tx</element>")

    @pytest.mark.parametrize("char", ["\0", "\x01", "\x0c", "\x1b", "\x1f", "\uffff"])
    def test_xml_has_no_place_for_are_replaced(self, char: str) -> None:
        part = element(CHARSET, "ISO_IR 192")
        part += element("PatientComments", f"a{char}b".encode())
        assert line(part).endswith(">a\ufffdb</element>")

    def test_beyond_ascii_bring_their_character_set(self) -> None:
        charset, _ = lines(element("PatientID", "\xe4"), assume="ISO_IR 100")
        assert charset == (
            '<element tag="0008,0005" vr="CS" vm="1" len="10"'
            ' name="SpecificCharacterSet">ISO_IR 192</element>'
        )

    def test_bring_it_behind_earlier_tags(self) -> None:
        part = element(0x00080001, bytes(4)) + element("PatientID", "\xe4")
        found = lines(part, assume="ISO_IR 100")
        assert [one[14:23] for one in found] == ["0008,0001", "0008,0005", "0010,0020"]

    def test_that_findscu_cannot_convert_are_there(self) -> None:
        part = element(CHARSET, "\\ISO 2022 IR 87")
        part += element("PatientName", "田中".encode("iso2022_jp"))
        assert line(part).endswith(">田中</element>")

    @pytest.mark.parametrize("text", ["--", "a-", "->", "\0", "&<>", "---->"])
    def test_of_a_comment_cannot_end_it(self, text: str) -> None:
        assert len(parsed(f"<a>{comment(text)}<b/></a>".encode())) == 1
