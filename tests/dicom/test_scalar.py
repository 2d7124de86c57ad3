"""Decoding: round trips, agreement with pydicom, and what broken peers send."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from batchfind.dicom import transfer_syntaxes as ts
from batchfind.dicom.containers import EXPLICIT_LITTLE, DataSet
from batchfind.dicom.dictionary import Dictionary, vr_of
from batchfind.dicom.dictionary_entries import read_entry
from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.raw import DecodeLimits, RawElement
from batchfind.dicom.scalar import decode
from batchfind.dicom.vrs import NUMBER_FORMATS, STRING_VRS
from batchfind.errors import IdentifierDefect
from tests.dicom.data_sets import Wire

ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = b"\xff\xff\xff\xff"
NAME = b"\x10\x00\x10\x00PN\x08\x00Doe^Jane"
PATIENT_ID = b"\x10\x00\x20\x00LO\x02\x007 "
SPS = b"\x40\x00\x00\x01SQ\0\0"

TAGS = (
    *(0x00080060, 0x00080016, 0x00080020, 0x00080030, 0x00080054, 0x00100010),
    *(0x00100020, 0x00101010, 0x00104000, 0x00200013, 0x00280010, 0x00189306),
    *(0x0040A13A, 0x00720026, 0x00720074, 0x00720078, 0x0072007C, 0x0072007A),
)


def length(count: int) -> bytes:
    return struct.pack("<L", count)


def tags(elements: Iterable[RawElement]) -> list[int]:
    return [element.tag for element in elements]


def items(element: RawElement) -> list[list[RawElement]]:
    assert isinstance(element.value, list)
    return element.value


def defect(raw: bytes, transfer_syntax: str = ts.EXPLICIT_LE) -> IdentifierDefect:
    with pytest.raises(IdentifierDefect) as caught:
        decode(raw, transfer_syntax)
    return caught.value


def elements(tag: int) -> st.SearchStrategy[Element]:
    vr = vr_of(tag)
    if vr == "AT":
        text = st.sampled_from(["", "00100020", "7FE00010\\00080005"])
    elif vr in NUMBER_FORMATS:
        number = st.integers(0, 1000).map(str)
        text = st.lists(number, max_size=3).map("\\".join)
    else:
        text = st.text("ABC012.^ \\", max_size=12)
    return text.map(lambda value: Element(tag, vr, value))


def identifiers(depth: int = 2) -> st.SearchStrategy[Identifier]:
    flat = [elements(tag) for tag in TAGS]
    if depth:
        inner = st.lists(identifiers(depth - 1), max_size=2).map(tuple)
        flat += [
            inner.map(lambda value: Element(0x00400100, "SQ", value)),
            inner.map(lambda value: Element(0x00081140, "SQ", value)),
        ]
    chosen = st.lists(st.sampled_from(flat), unique_by=id, max_size=6)
    made = chosen.flatmap(lambda strategies: st.tuples(*strategies))
    return made.map(lambda some: tuple(sorted(some, key=lambda one: one.tag)))


def same(ours: list[RawElement], theirs: Dataset) -> bool:
    """Whether pydicom found the same elements with the same bytes."""
    if tags(ours) != [int(tag) for tag in sorted(theirs.keys())]:
        return False
    for element in ours:
        other = theirs.get_item(Tag(element.tag))
        if isinstance(element.value, list):
            nested = theirs[element.tag].value
            if len(nested) != len(element.value):
                return False
            if not all(map(same, element.value, nested)):
                return False
        elif other is None or (other.value or b"") != element.value:
            return False
    return True


class TestRoundTrip:
    @pytest.mark.parametrize("transfer_syntax", ts.TITLES, ids=ts.TITLES.values())
    @given(identifier=identifiers())
    def test_pydicom_reads_the_same(
        self, transfer_syntax: str, identifier: Identifier
    ) -> None:
        raw = encode(identifier, transfer_syntax, ())
        ours = decode(raw, transfer_syntax)
        if transfer_syntax == ts.DEFLATED_LE:
            raw = zlib.decompress(raw, -15)
        theirs = read_dataset(
            BytesIO(raw),
            transfer_syntax == ts.IMPLICIT_LE,
            transfer_syntax != ts.EXPLICIT_BE,
        )
        assert same(ours, theirs)

    @pytest.mark.parametrize("transfer_syntax", ts.TITLES, ids=ts.TITLES.values())
    @given(identifier=identifiers())
    def test_every_tag_and_vr_comes_back(
        self, transfer_syntax: str, identifier: Identifier
    ) -> None:
        found = decode(encode(identifier, transfer_syntax, ()), transfer_syntax)
        assert [(one.tag, one.vr) for one in found] == [
            (one.tag, one.vr) for one in identifier
        ]

    @pytest.mark.parametrize("vr", sorted(STRING_VRS | {"UN", "OB", "OW", "UV"}))
    def test_explicit_vr_keeps_the_vr_sent(self, vr: str) -> None:
        identifier = (Element(0x00091001, vr, b"\0" * 8),)
        for transfer_syntax in (ts.EXPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE):
            raw = encode(identifier, transfer_syntax, ())
            expected = [RawElement(0x00091001, vr, b"\0" * 8)]
            assert decode(raw, transfer_syntax) == expected


class TestTotal:
    """No exception but IdentifierDefect, whatever the bytes."""

    @pytest.mark.parametrize("transfer_syntax", ts.TITLES, ids=ts.TITLES.values())
    @given(raw=st.binary(max_size=200))
    def test_random_bytes(self, transfer_syntax: str, raw: bytes) -> None:
        kind = "decoded"
        try:
            decode(raw, transfer_syntax)
        except IdentifierDefect as found:
            kind = found.kind
        assert kind in {"decoded", "malformed", "depth", "limit", "inflate"}

    @pytest.mark.parametrize(
        "transfer_syntax", [ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE]
    )
    @given(identifier=identifiers(), data=st.data())
    def test_damaged_data_sets(
        self, transfer_syntax: str, identifier: Identifier, data: st.DataObject
    ) -> None:
        raw = bytearray(encode(identifier, transfer_syntax, ()))
        for _ in range(data.draw(st.integers(1, 4))):
            if raw:
                at = data.draw(st.integers(0, len(raw) - 1))
                raw[at] = data.draw(st.sampled_from([0, 1, 0x5C, 0x7F, 0xFE, 0xFF]))
        raw = raw[: data.draw(st.integers(0, len(raw)))]
        try:
            found = decode(bytes(raw), transfer_syntax)
        except IdentifierDefect:
            return
        assert tags(found) == sorted(set(tags(found)))

    def test_ds_random_4_kilobytes(self) -> None:
        noise = random.Random(20260131)  # noqa: S311 - reproducible noise
        for transfer_syntax in ts.TITLES:
            assert defect(noise.randbytes(4096), transfer_syntax).kind in {
                *("malformed", "inflate"),
            }


class TestShape:
    def test_ds_empty_is_no_element(self) -> None:
        for transfer_syntax in ts.TITLES:
            assert decode(b"", transfer_syntax) == []

    def test_undefined_lengths_are_read(self) -> None:
        item = ITEM + UNDEFINED + b"\x08\x00\x60\x00CS\x02\x00CT" + ITEM_END
        found = decode(SPS + UNDEFINED + item * 2 + SEQUENCE_END + b"", ts.EXPLICIT_LE)
        assert items(found[0]) == [[RawElement(0x00080060, "CS", b"CT")]] * 2

    def test_defined_items_in_an_undefined_sequence(self) -> None:
        raw = PATIENT_ID + SPS + UNDEFINED + ITEM + length(0) + SEQUENCE_END
        assert items(decode(raw, ts.EXPLICIT_LE)[1]) == [[]]

    def test_undefined_items_in_a_defined_sequence(self) -> None:
        item = ITEM + UNDEFINED + ITEM_END
        raw = SPS + length(2 * len(item)) + item * 2 + b"\x40\x00\x01\x10SH\x00\x00"
        found = decode(raw, ts.EXPLICIT_LE)
        assert items(found[0]) == [[], []]
        assert tags(found) == [0x00400100, 0x00401001]

    def test_an_element_after_a_sequence_belongs_to_the_data_set(self) -> None:
        item = (Element(0x00080060, "CS", "CT"),)
        identifier = (
            Element(0x00400100, "SQ", (item,)),
            Element(0x00401001, "SH", "RP"),
        )
        for transfer_syntax in ts.TITLES:
            raw = encode(identifier, transfer_syntax, ())
            assert tags(decode(raw, transfer_syntax)) == [0x00400100, 0x00401001]

    def test_an_unknown_transfer_syntax_is_our_bug(self) -> None:
        with pytest.raises(ValueError, match="no decoder"):
            decode(b"", "1.2.840.10008.1.2.4.50")


class TestImplicitVr:
    def test_takes_the_vr_from_the_dictionary(self) -> None:
        raw = encode((Element(0x00280010, "US", "512"),), ts.IMPLICIT_LE, ())
        assert decode(raw, ts.IMPLICIT_LE) == [RawElement(0x00280010, "US", b"\0\2")]

    def test_unknown_and_private_elements_are_un(self) -> None:
        raw = b"\x08\x00\x98\x99\x02\0\0\0ab" + b"\x09\x00\x01\x10\x02\0\0\0ab"
        assert [one.vr for one in decode(raw, ts.IMPLICIT_LE)] == ["UN", "UN"]

    def test_a_known_creator_gives_its_elements_a_vr(self) -> None:
        identifier = (
            Element(0x00190011, "LO", "SIEMENS CM VA0  ACQU"),
            Element(0x00191110, "LO", "sequence"),
            Element(0x00191210, "LO", "of nobody"),
        )
        found = decode(encode(identifier, ts.IMPLICIT_LE, ()), ts.IMPLICIT_LE)
        assert [one.vr for one in found] == ["LO", "LO", "UN"]

    def test_items_of_undefined_length(self) -> None:
        inside = b"\x08\x00\x60\x00\x02\0\0\0CT"
        item = ITEM + UNDEFINED + inside + ITEM_END
        raw = b"\x40\x00\x00\x01" + UNDEFINED + item * 2 + SEQUENCE_END
        (element,) = decode(raw, ts.IMPLICIT_LE)
        assert items(element) == [[RawElement(0x00080060, "CS", b"CT")]] * 2

    def test_ds_un_undefined_is_a_sequence(self) -> None:
        raw = b"\x09\x00\x01\x10" + UNDEFINED + ITEM + length(0) + SEQUENCE_END
        (element,) = decode(raw, ts.IMPLICIT_LE)
        assert (element.vr, element.value) == ("SQ", [[]])


class TestUnknownVr:
    """PS3.5 6.2.2."""

    @pytest.mark.parametrize("transfer_syntax", [ts.EXPLICIT_LE, ts.EXPLICIT_BE])
    def test_un_of_undefined_length_is_implicit_little_endian(
        self, transfer_syntax: str
    ) -> None:
        big_endian = transfer_syntax == ts.EXPLICIT_BE
        head = b"\x00\x09\x10\x01" if big_endian else b"\x09\x00\x01\x10"
        inside = b"\x10\x00\x20\x00\x02\0\0\x007 " + b"\x28\x00\x10\x00\2\0\0\0\0\2"
        raw = head + b"UN\0\0" + UNDEFINED + ITEM + length(len(inside)) + inside
        (element,) = decode(raw + SEQUENCE_END, transfer_syntax)
        # Numbers inside are little endian, against the data set: left as bytes.
        rows = "UN" if big_endian else "US"
        assert items(element) == [
            [
                RawElement(0x00100020, "LO", b"7 "),
                RawElement(0x00280010, rows, b"\0\2"),
            ]
        ]

    def test_a_public_attribute_sent_as_un_gets_its_vr(self) -> None:
        raw = b"\x10\x00\x20\x00UN\0\0\x02\0\0\x007 "
        assert decode(raw, ts.EXPLICIT_LE) == [RawElement(0x00100020, "LO", b"7 ")]

    def test_a_sequence_sent_as_un_of_defined_length_stays_bytes(self) -> None:
        raw = b"\x40\x00\x00\x01UN\0\0\x02\0\0\0ab"
        assert decode(raw, ts.EXPLICIT_LE) == [RawElement(0x00400100, "UN", b"ab")]

    def test_a_number_sent_as_un_in_big_endian_stays_bytes(self) -> None:
        raw = b"\x00\x28\x00\x10UN\0\0\0\0\0\x02\0\x02"
        assert decode(raw, ts.EXPLICIT_BE) == [RawElement(0x00280010, "UN", b"\0\2")]

    def test_a_vr_of_the_future_has_the_long_form(self) -> None:
        raw = b"\x10\x00\x20\x00ZZ\0\0\x02\0\0\x007 "
        assert decode(raw, ts.EXPLICIT_LE) == [RawElement(0x00100020, "UN", b"7 ")]


class TestTolerated:
    def test_ds_odd_length(self) -> None:
        raw = b"\x10\x00\x10\x00PN\x07\x00Doe^Jan" + PATIENT_ID
        assert [one.value for one in decode(raw, ts.EXPLICIT_LE)] == [b"Doe^Jan", b"7 "]

    def test_ds_tags_unsorted_are_put_in_order(self) -> None:
        assert tags(decode(PATIENT_ID + NAME, ts.EXPLICIT_LE)) == [
            *(0x00100010, 0x00100020),
        ]

    def test_ds_tags_duplicate_the_first_counts(self) -> None:
        again = b"\x10\x00\x20\x00LO\x02\x008 "
        found = decode(PATIENT_ID + NAME + again, ts.EXPLICIT_LE)
        assert [one.value for one in found] == [b"Doe^Jane", b"7 "]

    def test_unsorted_items_are_put_in_order(self) -> None:
        item = PATIENT_ID + NAME
        raw = SPS + UNDEFINED + ITEM + length(len(item)) + item + SEQUENCE_END
        (element,) = decode(raw, ts.EXPLICIT_LE)
        assert tags(items(element)[0]) == [0x00100010, 0x00100020]

    def test_ds_group_lengths_are_dropped(self) -> None:
        raw = b"\x10\x00\x00\x00UL\x04\x00\x10\0\0\0" + NAME
        assert tags(decode(raw, ts.EXPLICIT_LE)) == [0x00100010]
        implicit = b"\x10\x00\x00\x00\x04\0\0\0\x10\0\0\0"
        assert decode(implicit, ts.IMPLICIT_LE) == []

    @pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 100])
    def test_ds_trailing_zeros_end_the_data_set(self, count: int) -> None:
        identifier = (Element(0x00100020, "LO", "7"),)
        for transfer_syntax in ts.TITLES:
            raw = encode(identifier, transfer_syntax, ()) + b"\0" * count
            assert tags(decode(raw, transfer_syntax)) == [0x00100020]

    def test_ds_private_elements(self) -> None:
        raw = b"\x09\x00\x10\x00LO\x04\x00FICT" + b"\x09\x00\x01\x10SH\x02\x00ab"
        assert [one.vr for one in decode(raw, ts.EXPLICIT_LE)] == ["LO", "SH"]

    def test_ds_pixel_data_is_a_value_like_any_other(self) -> None:
        raw = b"\xe0\x7f\x10\x00OW\0\0\x04\0\0\0\1\2\3\4"
        assert decode(raw, ts.EXPLICIT_LE)[0].value == b"\1\2\3\4"

    def test_ds_group0_and_ds_group2_are_attributes_like_any_other(self) -> None:
        raw = b"\x00\x00\x00\x09US\x02\0\0\xff" + b"\x02\x00\x10\x00UI\x02\x001\0"
        assert tags(decode(raw, ts.EXPLICIT_LE)) == [0x00000900, 0x00020010]

    def test_val_us_odd_spoils_only_itself(self) -> None:
        raw = b"\x28\x00\x10\x00US\x03\x00abc"
        assert decode(raw, ts.EXPLICIT_LE)[0].value == b"abc"


class TestMalformed:
    @pytest.mark.parametrize(
        ("name", "raw"),
        [
            ("ds_vr_garbage", b"\x10\x00\x10\x00\x01\x02\x08\x00Doe^Jane"),
            ("lower case VR", b"\x10\x00\x10\x00pn\x08\x00Doe^Jane"),
            ("ds_len_past_end", b"\x10\x00\x10\x00PN\xe8\x03abcd"),
            ("ds_len_4g", b"\x10\x00\x10\x00UT\0\0\xfe\xff\xff\xffabcd"),
            ("ds_truncated_header", NAME + b"\x10\x00\x20\x00LO"),
            ("a long header cut off", NAME + b"\x10\x00\x20\x00UT\0\0\1\0"),
            ("ds_text_undefined", b"\x10\x00\x10\x00UT\0\0" + UNDEFINED + b"ab"),
            ("OB of undefined length", b"\xe0\x7f\x10\x00OB\0\0" + UNDEFINED),
            ("ds_sq_unterminated", SPS + UNDEFINED + ITEM + UNDEFINED + NAME),
            ("sequence without its end", SPS + UNDEFINED),
            ("sequence cut off", SPS + UNDEFINED + ITEM + length(0)),
            ("ds_item_at_root", ITEM + length(0)),
            ("ds_delim_at_root", ITEM_END),
            ("sequence delimiter at root", SEQUENCE_END),
            ("delimiter after elements", NAME + SEQUENCE_END),
            ("item beyond its sequence", SPS + length(8) + ITEM + length(4) + b"abcd"),
            ("item is no item", SPS + length(8) + b"\x10\x00\x10\x00\0\0\0\0"),
            ("defined sequence of 4 bytes", SPS + length(4) + b"\0\0\0\0"),
            (
                "delimiter in a defined item",
                SPS + length(16) + ITEM + length(8) + ITEM_END,
            ),
            (
                "sequence ends inside its item",
                SPS + UNDEFINED + ITEM + UNDEFINED + SEQUENCE_END,
            ),
            (
                "delimiter with a length",
                SPS + UNDEFINED + ITEM + UNDEFINED + ITEM_END[:4] + length(2) + b"ab",
            ),
            (
                "end of a defined sequence",
                SPS + length(8) + SEQUENCE_END,
            ),
            ("zeros alone", b"\0" * 64),
            ("zeros inside an item", SPS + length(18) + ITEM + length(10) + b"\0" * 10),
            ("zeros, then an element", NAME + b"\0" * 8 + PATIENT_ID),
        ],
    )
    def test_is_a_defect_and_never_a_shortened_value(
        self, name: str, raw: bytes
    ) -> None:
        assert defect(raw).kind == "malformed", name

    @pytest.mark.parametrize(
        "raw",
        [
            b"\0" * 16,
            b"\x10\0\x20\0\0\0\0\0" + b"\0" * 8 + b"\x10\0\x20\0\0\0\0\0",
            b"\x10\0\x20\0\0\0\0\0" + b"\0\0\0\0\4\0\0\0abcd",
        ],
    )
    def test_zeros_before_the_end_in_implicit_vr(self, raw: bytes) -> None:
        assert "zero bytes stand" in str(defect(raw, ts.IMPLICIT_LE))

    def test_ds_pn_undefined_in_implicit_vr(self) -> None:
        raw = b"\x10\x00\x10\x00" + UNDEFINED + b"Doe^Jane"
        assert "PN of undefined length" in str(defect(raw, ts.IMPLICIT_LE))

    def test_implicit_sequence_of_text(self) -> None:
        raw = b"\x40\x00\x00\x01\x08\0\0\0Doe^Jane"
        assert "an item must" in str(defect(raw, ts.IMPLICIT_LE))

    def test_offset_and_attribute_are_named(self) -> None:
        found = defect(NAME + b"\x10\x00\x20\x00LO\x10\x007 ")
        assert found.offset == len(NAME)
        assert "(0010,0020) PatientID has length 16" in str(found)

    @pytest.mark.parametrize("sent", [ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE])
    @pytest.mark.parametrize("said", [ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE])
    def test_another_transfer_syntax_than_accepted(self, sent: str, said: str) -> None:
        identifier = (
            Element(0x00080020, "DA", "20260131"),
            Element(0x00100010, "PN", "Doe^Jane"),
        )
        raw = encode(identifier, sent, ())
        if sent == said:
            assert len(decode(raw, said)) == 2
            return
        found = defect(raw, said)
        assert found.kind == "malformed"
        if sent != ts.IMPLICIT_LE:
            order = "Big" if sent == ts.EXPLICIT_BE else "Little"
            assert f"look like Explicit VR {order} Endian" in str(found)

    def test_ds_part10_is_recognised(self) -> None:
        raw = b"\0" * 128 + b"DICM" + NAME
        assert "DICOM file" in str(defect(raw))
        assert "DICOM file" in str(defect(raw, ts.IMPLICIT_LE))
        assert "DICOM file" in str(defect(b"\x01" * 128 + b"DICM" + NAME))


class TestDepth:
    @staticmethod
    def nested(depth: int) -> bytes:
        inside = b"\x40\x00\x30\xa7SQ\0\0" + UNDEFINED + ITEM + UNDEFINED
        return inside * depth + (ITEM_END + SEQUENCE_END) * depth

    @pytest.mark.parametrize("depth", [1, 50, 64])
    def test_ds_nested_50_is_read(self, depth: int) -> None:
        found = decode(self.nested(depth), ts.EXPLICIT_LE)
        for _ in range(depth):
            (element,) = found
            (found,) = items(element)
        assert found == []

    @pytest.mark.parametrize("depth", [65, 10_000, 100_000])
    def test_ds_nested_10000_is_refused(self, depth: int) -> None:
        assert defect(self.nested(depth)).kind == "depth"

    def test_ds_nested_10000_defined(self) -> None:
        raw = b""
        for _ in range(1000):
            item = ITEM + length(len(raw)) + raw
            raw = b"\x40\x00\x30\xa7SQ\0\0" + length(len(item)) + item
        assert defect(raw).kind == "depth"

    def test_ds_nested_10000_implicit(self) -> None:
        inside = b"\x40\x00\x30\xa7" + UNDEFINED + ITEM + UNDEFINED
        assert defect(inside * 10_000, ts.IMPLICIT_LE).kind == "depth"

    def test_siblings_are_not_deep(self) -> None:
        sequence = SPS + length(8) + ITEM + length(0)
        again = [b"\x40\x00" + struct.pack("<H", 0x100 + n) for n in range(100)]
        raw = b"".join(tag + sequence[4:] for tag in again)
        assert len(decode(raw, ts.EXPLICIT_LE)) == 100


class TestLimits:
    def test_ds_huge_string(self) -> None:
        size = (1 << 20) + 2
        raw = b"\x10\x00\x10\x00UT\0\0" + length(size) + b"a" * size
        assert defect(raw).kind == "limit"
        raw = b"\x10\x00\x10\x00UT\0\0" + length(1 << 20) + b"a" * (1 << 20)
        assert len(decode(raw, ts.EXPLICIT_LE)[0].value) == 1 << 20

    def test_ds_vm_bomb(self) -> None:
        raw = b"\x10\x00\x10\x00UC\0\0" + length(10_000) + b"\\" * 10_000
        found = defect(raw)
        assert found.kind == "limit"
        assert "more than 10000 values" in str(found)

    def test_backslashes_of_long_text_are_no_values(self) -> None:
        raw = b"\x10\x00\x10\x00UT\0\0" + length(20_000) + b"\\" * 20_000
        assert len(decode(raw, ts.EXPLICIT_LE)) == 1

    def test_a_vm_bomb_of_numbers(self) -> None:
        raw = b"\x10\x00\x10\x00US" + struct.pack("<H", 20_002) + b"\0" * 20_002
        assert defect(raw).kind == "limit"

    @pytest.mark.parametrize("transfer_syntax", [ts.EXPLICIT_LE, ts.IMPLICIT_LE])
    def test_ds_many_elements(self, transfer_syntax: str) -> None:
        code = b"SH\0\0" if transfer_syntax == ts.EXPLICIT_LE else b"\0\0\0\0"
        heads = (struct.pack("<HH", 9, n) for n in range(0x1000, 0x1000 + 40_000))
        raw = b"".join(head + code for head in heads)
        assert defect(raw, transfer_syntax).kind == "limit"

    def test_many_empty_items(self) -> None:
        raw = SPS + UNDEFINED + (ITEM + length(0)) * 20_000 + SEQUENCE_END
        assert defect(raw).kind == "limit"

    def test_a_data_set_beyond_the_limit_is_not_walked(self) -> None:
        assert defect(b"\0" * ((16 << 20) + 1)).kind == "limit"

    def test_limits_can_be_set(self) -> None:
        with pytest.raises(IdentifierDefect, match="more than 1 elements"):
            decode(NAME + PATIENT_ID, ts.EXPLICIT_LE, DecodeLimits(elements=1))


class TestDeflated:
    def test_ds_deflate_bomb(self) -> None:
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        raw = b"".join(stream.compress(b"\0" * (1 << 20)) for _ in range(64))
        assert defect(raw + stream.flush(), ts.DEFLATED_LE).kind == "limit"

    def test_ds_deflate_truncated(self) -> None:
        raw = encode((Element(0x00100020, "LO", "7"),), ts.DEFLATED_LE, ())
        found = defect(raw[:-4], ts.DEFLATED_LE)
        assert found.kind == "inflate"
        assert "cut off" in str(found)

    def test_ds_deflate_garbage(self) -> None:
        assert defect(b"\xff" * 64, ts.DEFLATED_LE).kind == "inflate"

    def test_bytes_after_the_stream_are_refused_unless_zero(self) -> None:
        raw = encode((Element(0x00100020, "LO", "7"),), ts.DEFLATED_LE, ())
        assert decode(raw + b"\0\0", ts.DEFLATED_LE)
        assert "follow" in str(defect(raw + b"x", ts.DEFLATED_LE))


class TestADictionaryOfASite:
    KNOWN = Dictionary(
        (
            read_entry('(0055,"ACME",01)\tUS\tTubeAge\t1'),
            read_entry('(0055,"ACME",02)\tSQ\tTubes\t1'),
            read_entry("(0018,9FF0)\tFD\tNewest\t1"),
        )
    )
    SENT = (
        Element(0x00189FF0, "UN", bytes(8)),
        Element(0x00550011, "LO", "ACME"),
        Element(0x00551001, "UN", b"\1\0"),
        Element(0x00551101, "UN", b"\1\0"),
        Element(0x00551102, "UN", b"\1\0"),
        Element(0x00551203, "UN", b"\1\0"),
    )

    @pytest.mark.parametrize(
        ("syntax", "vrs"),
        [
            (ts.IMPLICIT_LE, ["FD", "LO", "UN", "US", "UN", "UN"]),
            (ts.EXPLICIT_LE, ["FD", "LO", "UN", "US", "UN", "UN"]),
            # Inside UN all is little endian, while our caller reads big endian.
            (ts.EXPLICIT_BE, ["UN", "LO", "UN", "UN", "UN", "UN"]),
        ],
    )
    def test_tells_vrs_that_were_not_sent(self, syntax: str, vrs: list[str]) -> None:
        found = decode(encode(self.SENT, syntax, ()), syntax, known=self.KNOWN)
        assert [one.vr for one in found] == vrs

    def test_knows_each_creator_from_where_it_stands(self) -> None:
        known, wire = self.KNOWN, Wire(ts.EXPLICIT_LE)
        early = wire.element(0x00551101, b"\1\0", "UN")
        creator = wire.element(0x00550011, b"ACME", "LO")
        late = wire.element(0x00551102, b"\1\0", "UN")
        other = wire.element(0x00550012, b"ACME", "LO")
        last = wire.element(0x00551201, b"\1\0", "UN")
        raw = early + creator + late + other + last
        found = {one.tag: one.vr for one in decode(raw, ts.EXPLICIT_LE, known=known)}
        assert (found[0x00551101], found[0x00551201]) == ("UN", "US")

    def test_of_many_private_elements_looks_at_each_once(self) -> None:
        looked: list[int] = []

        class Watched(list[RawElement]):
            def __getitem__(self, index: Any) -> Any:
                looked.append(index)
                return super().__getitem__(index)

        data_set = DataSet(EXPLICIT_LITTLE, 0, 0)
        creator = RawElement(0x00550011, "LO", b"ACME")
        others = [RawElement(0x00551101 + n, "UN", b"") for n in range(50)]
        data_set.elements = Watched([creator, *others])
        assert [data_set.creator_of(0x00551101) for _ in range(50)] == ["ACME"] * 50
        assert looked == list(range(51))

    def test_is_not_asked_when_all_is_to_stay(self) -> None:
        raw = encode(self.SENT, ts.EXPLICIT_LE, ())
        found = decode(raw, ts.EXPLICIT_LE, known=self.KNOWN, verbatim=True)
        assert {one.vr for one in found} == {"UN", "LO"}
