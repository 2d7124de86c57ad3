"""findscu's `-k`, as measured; tests/interop compares with the program itself."""

from __future__ import annotations

import pytest

from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.dictionary_entries import read_entry
from batchfind.dicom.findscu_keys import KeyRefused, Place, apply_key, put_key
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.paths import MAX_ITEM

SEQUENCE = 0x00400100
MODALITY = Element(0x00080060, "CS", "CT")
CREATOR = "SIEMENS CT VA0  COAD"


def keys(*texts: str, base: Identifier = ()) -> Identifier:
    for text in texts:
        base = apply_key(base, text)
    return base


def only(*texts: str) -> Element:
    (element,) = keys(*texts)
    return element


def refused(text: str, base: Identifier = ()) -> KeyRefused:
    with pytest.raises(KeyRefused) as caught:
        apply_key(base, text)
    return caught.value


class TestAKey:
    def test_is_split_at_its_first_equals_sign(self) -> None:
        assert only("PatientName=A=B") == Element(0x00100010, "PN", "A=B")

    @pytest.mark.parametrize("text", ["PatientID", "PatientID=", "(0010,0020)"])
    def test_without_value_asks_for_the_attribute(self, text: str) -> None:
        assert only(text) == Element(0x00100020, "LO", "")

    def test_that_is_empty_changes_nothing(self) -> None:
        assert keys("PatientID=1", "") == keys("PatientID=1")

    def test_replaces_an_earlier_one(self) -> None:
        assert only("PatientID=1", "PatientID=2").value == "2"

    def test_keeps_the_vr_of_an_attribute_that_is_there(self) -> None:
        base = (Element(0x00100020, "UN", b"1"),)
        assert keys("PatientID=0a", base=base) == (Element(0x00100020, "UN", b"\n"),)

    def test_stands_in_tag_order(self) -> None:
        found = keys("PatientID", "Modality", "StudyDate")
        assert [one.tag for one in found] == [0x00080020, 0x00080060, 0x00100020]

    def test_needs_a_path_before_its_equals_sign(self) -> None:
        assert refused("=x").code == "0000:0001"


class TestATag:
    @pytest.mark.parametrize(
        "text", ["0010,0020", "(10,20)", "10,20x", "10,20 ", "00010,0020", "(0010, 20)"]
    )
    def test_is_read_leniently(self, text: str) -> None:
        assert only(text).tag == 0x00100020

    @pytest.mark.parametrize(
        "text", ["00100020", " PatientID", "PatientID ", "Foo", "0010 ,0020", "(x,y)"]
    )
    def test_is_nothing_else(self, text: str) -> None:
        found = refused(text)
        assert found.code == "0001:0019"
        assert found.message == (
            f"Unable to parse tag/dictionary name at beginning of path: {text}"
        )

    def test_needs_its_closing_parenthesis(self) -> None:
        message = refused("(0010,0020=1").message
        assert message == "Unable to parse tag at beginning of path: (0010,0020"

    @pytest.mark.parametrize("text", ["0002,0010=1.2", "0000,0900=1"])
    def test_of_the_command_or_file_meta_is_refused(self, text: str) -> None:
        assert "never part of an Identifier" in refused(text).message

    def test_of_an_item_is_refused(self) -> None:
        assert refused("fffe,e000=1").code == "0001:0007"

    def test_may_be_a_keyword_of_a_repeating_group(self) -> None:
        assert only("OverlayRows=5") == Element(0x60000010, "US", "5")

    def test_may_bear_dcmtks_name_of_a_retired_attribute(self) -> None:
        assert only("RETIRED_LengthToEnd=5") == Element(0x00080001, "UL", "5")

    def test_may_be_named_by_a_dictionary_file(self) -> None:
        entry = read_entry("(0055,1001)\tDS\tTubeAge\t1")
        found = apply_key((), "TubeAge=1", Dictionary((entry,)))
        assert found == (Element(0x00551001, "DS", "1"),)


class TestASequence:
    def test_alone_has_no_items(self) -> None:
        assert only("0040,0100") == Element(SEQUENCE, "SQ", ())

    @pytest.mark.parametrize("text", ["0040,0100[0]", "0040,0100[0].", "0040,0100[0]="])
    def test_with_a_number_has_an_empty_item(self, text: str) -> None:
        assert only(text) == Element(SEQUENCE, "SQ", ((),))

    def test_has_items_up_to_the_number(self) -> None:
        assert only("0040,0100[2].0008,0060=CT").value == ((), (), (MODALITY,))

    @pytest.mark.parametrize("between", [".", "x", " "])
    def test_takes_any_character_before_the_attribute(self, between: str) -> None:
        assert only(f"0040,0100[0]{between}Modality=CT").value == ((MODALITY,),)

    @pytest.mark.parametrize("number", ["[0]", "[ 0abc]", "[0x1]", "[+0]"])
    def test_reads_the_number_leniently(self, number: str) -> None:
        assert only(f"0040,0100{number}.Modality=CT").value == ((MODALITY,),)

    @pytest.mark.parametrize("later", ["0040,0100", "0040,0100[0]"])
    def test_keeps_its_items(self, later: str) -> None:
        assert only("0040,0100[0].Modality=CT", later).value == ((MODALITY,),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("0040,0100=x", "Cannot insert value into path ending with item or"),
            ("0040,0100[0]=x", "Cannot insert value into path ending with item or"),
            ("0040,0100[-1].X", "Negative item number (not permitted) at beginning"),
            ("0040,0100[].X", "Unable to parse item number at beginning of path: []"),
            ("0040,0100[0", "Unable to parse item number at beginning of path: [0"),
            ("(0040,0100).X", "Unable to parse item number at beginning of path: .X"),
            ("0040,0100[*].X", "Item wildcard '*' found in path but wildcards"),
            ("PatientName[0]", "Invalid Path: Non-sequence tag found with rest path"),
            ("0019,1010[0].X", "Unable to parse tag/dictionary name at beginning"),
            ("0019,1010[0]", "Invalid Path: Non-sequence tag found with rest path"),
            (f"0040,0100[{MAX_ITEM + 1}]", f"Item number above {MAX_ITEM}"),
            ("0040,0100[0]." * 17 + "X", "Unable to parse tag/dictionary name"),
            ("0040,0100[0]." * 17, "Path nests deeper than 16 sequences"),
        ],
    )
    def test_is_refused(self, text: str, message: str) -> None:
        found = refused(text)
        assert found.code == "0001:0019"
        assert found.message.startswith(message)

    def test_that_a_file_holds_may_be_private(self) -> None:
        base = (Element(0x00191010, "SQ", ()),)
        found = keys("0019,1010[0].Modality=CT", base=base)
        assert found == (Element(0x00191010, "SQ", ((MODALITY,),)),)


class TestValues:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("PatientBirthDate=garbage", "garbage"),
            ("InstanceNumber=1*", "1*"),
            ("Modality=CT\\MR", "CT\\MR"),
            ("0028,0010= 5x\\-1\\70000", "5\\65535\\4464"),
            ("0028,0010=99999999999", "59391"),
            ("0018,6020=3000000000", "-1294967296"),
            ("0072,0078=-1", "4294967295"),
            ("0072,0083=18446744073709551616", "18446744073709551615"),
            ("0072,0082=-99999999999999999999", "-9223372036854775808"),
            ("0018,9073=1,5\\.5\\-5.e1", "1.0\\0.5\\-50.0"),
            ("0018,9073=1e999\\nan", "inf\\nan"),
            ("0072,0076=1e39\\-1e39", "inf\\-inf"),
            ("0028,0009=(18,1063)x\\( 0010, 10020)", "00181063\\00100020"),
            ("0019,1010=1\\0x0a\\fff\\-1", b"\x01\x0a\xff\xff"),
            ("7fe0,0010=12345\\1", b"\x45\x23\x01\x00"),
            ("5400,1010=1234", b"\x34"),
            ("0066,0040=-1\\1", b"\xff\xff\xff\xff\x01\0\0\0"),
            ("0072,0081=1", b"\x01" + bytes(7)),
            ("0066,0016=1", b"\0\0\x80\x3f"),
            ("7fe0,0009=1", b"\0\0\0\0\0\0\xf0\x3f"),
        ],
    )
    def test_are_read_as_c_reads_them(self, key: str, value: str | bytes) -> None:
        assert only(key).value == value

    @pytest.mark.parametrize(
        "key",
        [
            *("0028,0010=x", "0028,0010=5\\", "0028,0010=\\5", "0028,0010= "),
            *("0018,9073=abc", "0028,0009=00181063", "0028,0009=(0018,1063)\\"),
            *("0019,1010=xyz", "0019,1010=01\\\\02", "0066,0040=x", "7fe0,0008=x"),
        ],
    )
    def test_that_cannot_be_read_are_corrupted(self, key: str) -> None:
        found = refused(key)
        assert (found.code, found.message) == ("0001:0006", "Corrupted data")

    def test_beyond_ascii_stay_the_bytes_that_were_typed(self) -> None:
        assert only("PatientName=Müller").value == "Müller".encode()
        assert only("PatientName=M\udcfcller").value == b"M\xfcller"


class TestPrivateAttributes:
    def test_are_unknown_without_their_creator(self) -> None:
        assert only("0019,1050=01") == Element(0x00191050, "UN", b"\x01")

    def test_have_the_vr_their_creator_gives_if_it_comes_first(self) -> None:
        creator = f"0019,0010={CREATOR}"
        assert keys(creator, "0019,1050=1")[1].vr == "DS"
        assert keys("0019,1050=01", creator)[1].vr == "UN"

    def test_may_name_their_creator_where_the_path_was_read_already(self) -> None:
        place = Place(0x00191050, creator=CREATOR)
        taken = (Element(0x00190010, "LO", "OTHER"),)
        found = put_key(taken, (place,), "1")
        assert found[1:] == (
            Element(0x00190011, "LO", CREATOR),
            Element(0x00191150, "DS", "1"),
        )
        assert put_key(found, (place,), "2")[2].value == "2"

    def test_need_a_free_block(self) -> None:
        full = tuple(
            Element(0x00190000 | block, "LO", "OTHER") for block in range(0x10, 0x100)
        )
        with pytest.raises(KeyRefused, match="No private block is free"):
            put_key(full, (Place(0x00191050, creator=CREATOR),), "1")
