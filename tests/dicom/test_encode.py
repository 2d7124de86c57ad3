"""Encoding against pydicom, which shares no code with ours."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from batchfind.dicom import transfer_syntaxes as ts
from batchfind.dicom.encode import canonical_bytes, encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.values import number_values, tag_values
from batchfind.dicom.vrs import NUMBER_FORMATS, STRING_VRS, WORD_SIZES

PATIENT_NAME = 0x00100010
SEQUENCE = 0x00400100


def read(raw: bytes, transfer_syntax: str) -> Dataset:
    if transfer_syntax == ts.DEFLATED_LE:
        raw = zlib.decompress(raw, -15)
    implicit = transfer_syntax == ts.IMPLICIT_LE
    little = transfer_syntax != ts.EXPLICIT_BE
    return read_dataset(BytesIO(raw), implicit, little)


def raw_value(data_set: Dataset, tag: int) -> bytes:
    element = data_set.get_item(Tag(tag))
    assert element is not None
    assert isinstance(element.value, bytes)
    return element.value


@pytest.fixture(params=list(ts.TITLES), ids=list(ts.TITLES.values()))
def transfer_syntax(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestStrings:
    @pytest.mark.parametrize("vr", sorted(STRING_VRS))
    def test_are_padded_to_even_length(self, vr: str, transfer_syntax: str) -> None:
        raw = encode((Element(PATIENT_NAME, vr, "1.2"),), transfer_syntax, ())
        padding = b"\0" if vr == "UI" else b" "
        assert raw_value(read(raw, transfer_syntax), PATIENT_NAME) == b"1.2" + padding

    @pytest.mark.parametrize(("vr", "text"), [("IS", "1*"), ("DS", "?"), ("DA", "-")])
    def test_that_only_match_go_out_as_written(self, vr: str, text: str) -> None:
        raw = encode((Element(0x00200013, vr, text),), ts.EXPLICIT_LE, ())
        assert raw.endswith(text.ljust(len(text) + len(text) % 2).encode())

    def test_use_the_character_set(self) -> None:
        identifier = (Element(PATIENT_NAME, "PN", "Müller*"),)
        assert b"M\xfcller*" in encode(identifier, ts.EXPLICIT_LE, ("ISO_IR 100",))
        assert "Müller*".encode() in encode(identifier, ts.EXPLICIT_LE, ("ISO_IR 192",))

    def test_outside_text_vrs_hold_ascii_only(self) -> None:
        identifier = (Element(0x00080060, "CS", "Ü"),)
        with pytest.raises(ValueError, match="Modality: the character 'Ü'"):
            encode(identifier, ts.EXPLICIT_LE, ("ISO_IR 192",))

    def test_too_long_for_the_short_form_are_refused(self) -> None:
        uids = "\\".join(["1.2.3.4"] * 8192)
        identifier = (Element(0x0020000D, "UI", uids),)
        with pytest.raises(ValueError, match="StudyInstanceUID: 65536 bytes"):
            encode(identifier, ts.EXPLICIT_LE, ())
        assert len(encode(identifier, ts.IMPLICIT_LE, ())) == 65536 + 8

    def test_given_as_bytes_go_out_unchanged(self) -> None:
        raw = encode((Element(PATIENT_NAME, "PN", b"\xfc\x1b"),), ts.EXPLICIT_LE, ())
        assert raw.endswith(b"PN\x02\x00\xfc\x1b")


class TestNumbers:
    @pytest.mark.parametrize("vr", sorted(NUMBER_FORMATS))
    def test_come_from_decimal_text(self, vr: str, transfer_syntax: str) -> None:
        raw = encode((Element(0x00280010, vr, "7\\1"),), transfer_syntax, ())
        value = raw_value(read(raw, transfer_syntax), 0x00280010)
        big_endian = transfer_syntax == ts.EXPLICIT_BE
        assert number_values(vr, value, big_endian=big_endian) == (7, 1)

    def test_a_tag_is_eight_hexadecimal_digits(self, transfer_syntax: str) -> None:
        raw = encode((Element(0x00720026, "AT", "00100020"),), transfer_syntax, ())
        value = raw_value(read(raw, transfer_syntax), 0x00720026)
        big_endian = transfer_syntax == ts.EXPLICIT_BE
        assert tag_values(value, big_endian=big_endian) == ("00100020",)

    @pytest.mark.parametrize(
        ("vr", "text"),
        [("US", "x"), ("US", "70000"), ("SS", "1.5"), ("FD", "one"), ("AT", "0010")],
    )
    def test_that_do_not_fit_are_refused(self, vr: str, text: str) -> None:
        with pytest.raises(ValueError, match=f"Rows: the value is no {vr}"):
            encode((Element(0x00280010, vr, text),), ts.EXPLICIT_LE, ())


class TestBytes:
    @pytest.mark.parametrize(("vr", "size"), sorted(WORD_SIZES.items()))
    def test_words_are_swapped_for_big_endian(self, vr: str, size: int) -> None:
        raw = encode((Element(0x00091001, vr, bytes(range(16))),), ts.EXPLICIT_BE, ())
        value = raw_value(read(raw, ts.EXPLICIT_BE), 0x00091001)
        words = [value[at : at + size] for at in range(0, 16, size)]
        assert b"".join(word[::-1] for word in words) == bytes(range(16))

    def test_may_be_written_in_hexadecimal(self) -> None:
        raw = encode((Element(0x00091001, "UN", "01\\0a\\ff"),), ts.EXPLICIT_LE, ())
        assert raw.endswith(b"\x04\0\0\0\x01\x0a\xff\0")

    def test_other_text_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"\(0009,1001\): write the bytes"):
            encode((Element(0x00091001, "UN", "CT"),), ts.EXPLICIT_LE, ())

    def test_half_a_word_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no multiple of 4"):
            encode((Element(0x00091001, "OF", b"ab"),), ts.EXPLICIT_LE, ())


class TestSequences:
    def test_have_defined_lengths(self) -> None:
        item = (Element(0x00080060, "CS", "CT"),)
        raw = encode((Element(SEQUENCE, "SQ", (item,)),), ts.EXPLICIT_LE, ())
        assert raw == (
            b"\x40\x00\x00\x01SQ\0\0\x12\0\0\0"  # 18 bytes of items
            b"\xfe\xff\x00\xe0\x0a\0\0\0"  # an item of 10 bytes
            b"\x08\x00\x60\x00CS\x02\x00CT"
        )

    @pytest.mark.parametrize("items", [(), ((),), ((), ())])
    def test_may_be_empty(
        self, items: tuple[Identifier, ...], transfer_syntax: str
    ) -> None:
        raw = encode((Element(SEQUENCE, "SQ", items),), transfer_syntax, ())
        assert len(read(raw, transfer_syntax)[SEQUENCE].value) == len(items)

    def test_nest(self, transfer_syntax: str) -> None:
        inner = (Element(0x00400008, "SQ", ((Element(0x00080100, "SH", "C"),),)),)
        raw = encode((Element(SEQUENCE, "SQ", (inner, inner)),), transfer_syntax, ())
        found = read(raw, transfer_syntax)[SEQUENCE].value[1]
        assert found.ScheduledProtocolCodeSequence[0].CodeValue == "C"

    def test_of_zero_length_are_the_empty_text(self) -> None:
        raw = encode((Element(SEQUENCE, "SQ", ""),), ts.IMPLICIT_LE, ())
        assert raw == b"\x40\x00\x00\x01\0\0\0\0"

    @pytest.mark.parametrize(
        ("element", "why"),
        [
            (Element(SEQUENCE, "SQ", "CT"), "a sequence holds items"),
            (Element(PATIENT_NAME, "PN", ((),)), "PN holds no items"),
            (Element(PATIENT_NAME, "XX", ""), "'XX' is no value representation"),
        ],
    )
    def test_and_values_are_not_mixed(self, element: Element, why: str) -> None:
        with pytest.raises(ValueError, match=why):
            encode((element,), ts.EXPLICIT_LE, ())


class TestDataSet:
    def test_is_sorted_by_tag(self, transfer_syntax: str) -> None:
        identifier = (Element(0x00100020, "LO", "7"), Element(0x00080060, "CS", "CT"))
        raw = encode(identifier, transfer_syntax, ())
        assert list(read(raw, transfer_syntax).keys()) == [0x00080060, 0x00100020]

    def test_holds_each_tag_once(self) -> None:
        element = Element(0x00100020, "LO", "7")
        with pytest.raises(ValueError, match="PatientID is given twice"):
            encode((element, element), ts.EXPLICIT_LE, ())

    @given(st.text("abcdefgh", max_size=40), st.integers(0, 9))
    def test_deflated_is_raw_and_even(self, text: str, level: int) -> None:
        identifier = (Element(0x00104000, "LT", text),)
        raw = encode(identifier, ts.DEFLATED_LE, (), deflate_level=level)
        assert len(raw) % 2 == 0
        stream = zlib.decompressobj(-15)
        assert stream.decompress(raw) == encode(identifier, ts.EXPLICIT_LE, ())
        assert stream.unused_data in {b"", b"\0"}

    def test_an_unknown_transfer_syntax_is_our_bug(self) -> None:
        with pytest.raises(ValueError, match=r"no encoder for transfer syntax 1\.2"):
            encode((), "1.2", ())

    def test_the_canonical_form_does_not_depend_on_order(self) -> None:
        one, two = Element(0x00080060, "CS", "CT"), Element(0x00100020, "LO", "7")
        assert canonical_bytes((one, two), ()) == canonical_bytes((two, one), ())
        assert canonical_bytes((one,), ()) == b"\x08\x00\x60\x00CS\x02\x00CT"


class TestTags:
    @pytest.mark.parametrize("text", ["00181063", "0018,1063", "(0018,1063)"])
    def test_are_read_in_every_form(self, text: str) -> None:
        raw = encode((Element(0x00280009, "AT", text),), ts.EXPLICIT_LE, ())
        assert raw.endswith(b"AT\x04\0\x18\0\x63\x10")

    def test_are_nothing_else(self) -> None:
        with pytest.raises(ValueError, match="FrameIncrementPointer: the value is no"):
            encode((Element(0x00280009, "AT", "FrameTime"),), ts.EXPLICIT_LE, ())


class TestBytesWrittenAsText:
    @pytest.mark.parametrize(
        ("vr", "text", "raw"),
        [
            ("OB", "", b""),
            ("OB", r"01\0A\ff", b"\x01\x0a\xff\0"),
            ("UN", r"1\a", b"\x01\x0a"),
            ("OB", "010AFF00", b"\x01\x0a\xff\0"),
            ("OW", r"0102\ff", b"\x02\x01\xff\0"),
            ("OL", r"1\256", b"\x01\0\0\0\0\x01\0\0"),
            ("OV", "1", b"\x01\0\0\0\0\0\0\0"),
            ("OF", "1", b"\0\0\x80\x3f"),
            ("OD", "1", b"\0\0\0\0\0\0\xf0\x3f"),
        ],
    )
    def test_are_those_of_findscu(self, vr: str, text: str, raw: bytes) -> None:
        sent = encode((Element(0x00191010, vr, text),), ts.EXPLICIT_LE, ())
        assert sent[12:] == raw
        assert sent[8:12] == len(raw).to_bytes(4, "little")

    @pytest.mark.parametrize(
        ("vr", "text", "form"),
        [
            ("OB", r"1\\2", "bytes in hexadecimal"),
            ("UN", "text", "bytes in hexadecimal"),
            ("OW", "xyz", "words in hexadecimal"),
            ("OL", "-1", "decimal numbers"),
            ("OF", "x", "decimal numbers"),
        ],
    )
    def test_that_cannot_be_read_say_the_form(
        self, vr: str, text: str, form: str
    ) -> None:
        with pytest.raises(ValueError, match=form):
            encode((Element(0x00191010, vr, text),), ts.EXPLICIT_LE, ())


class TestAGroupLength:
    def test_counts_its_group_whatever_it_is_given(self, transfer_syntax: str) -> None:
        identifier = (
            Element(0x00080000, "UL", "99"),
            Element(0x00080060, "CS", "CT"),
            Element(0x00100020, "LO", "x"),
        )
        found = read(encode(identifier, transfer_syntax, ()), transfer_syntax)
        assert found[0x00080000].value == 10

    def test_in_an_item_does_too(self) -> None:
        item = (Element(0x00080000, "UL", ""), Element(0x00080060, "CS", "CT"))
        raw = encode((Element(SEQUENCE, "SQ", (item,)),), ts.EXPLICIT_LE, ())
        assert b"UL\x04\0\x0a\0\0\0" in raw


class TestVrsOfAfter1993:
    @pytest.mark.parametrize(
        ("vr", "text", "raw"),
        [
            ("UN", "01", b"\x01\0"),
            ("UT", "odd", b"odd "),
            ("UC", "odd", b"odd "),
            ("UR", "odd", b"odd "),
            ("OF", "1", b"\0\0\x80\x3f"),
            ("OD", "1", b"\0\0\0\0\0\0\xf0\x3f"),
            ("OL", "1", b"\x01\0\0\0"),
            ("OV", "1", b"\x01\0\0\0\0\0\0\0"),
            ("SV", "1", b"\x01\0\0\0\0\0\0\0"),
            ("UV", "1", b"\x01\0\0\0\0\0\0\0"),
        ],
    )
    @pytest.mark.parametrize("syntax", [ts.EXPLICIT_LE, ts.EXPLICIT_BE])
    def test_become_ob_with_the_bytes_of_little_endian(
        self, vr: str, text: str, raw: bytes, syntax: str
    ) -> None:
        identifier = (Element(0x00191010, vr, text),)
        sent = encode(identifier, syntax, (), new_vr_as_ob=True)
        assert sent[4:6] == b"OB"
        assert sent[12:] == raw

    @pytest.mark.parametrize("vr", ["OB", "OW", "PN", "US", "FD", "AT"])
    def test_others_stay(self, vr: str, transfer_syntax: str) -> None:
        identifier = (Element(0x00191010, vr, ""),)
        kept = encode(identifier, transfer_syntax, (), new_vr_as_ob=True)
        assert kept == encode(identifier, transfer_syntax, ())

    def test_change_nothing_in_implicit_vr(self) -> None:
        identifier = (Element(0x0040A160, "UT", "x"),)
        sent = encode(identifier, ts.IMPLICIT_LE, (), new_vr_as_ob=True)
        assert sent == encode(identifier, ts.IMPLICIT_LE, ())

    def test_in_items_become_ob_too(self) -> None:
        item = (Element(0x0040A160, "UT", "x"),)
        identifier = (Element(SEQUENCE, "SQ", (item,)),)
        assert b"OB" in encode(identifier, ts.EXPLICIT_LE, (), new_vr_as_ob=True)
