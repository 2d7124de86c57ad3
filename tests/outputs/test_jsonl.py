from __future__ import annotations

import datetime as dt
import json
import struct
from typing import Any

import pyarrow as pa
import pytest

from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, IMPLICIT_LE
from batchfind.job.model import OutputFormat
from batchfind.outputs.formats import FORMATS, Piece
from tests.outputs.documents import CHARSET, Memory, jsonl, planned, written
from tests.tables.material import element, query, sequence, slabs


def attribute(part: bytes, **facts: Any) -> Any:
    """The only attribute of a response in JSON."""
    (line,) = jsonl(part, **facts)
    (found,) = json.loads(line).values()
    return found


def values(part: bytes, **facts: Any) -> Any:
    return attribute(part, **facts).get("Value")


class TestBytes:
    def test_are_golden(self) -> None:
        first = b"".join(
            [
                element("SpecificCharacterSet", "ISO_IR 100"),
                element("Modality", ""),
                element("ModalitiesInStudy", "CT\\\\MR "),
                element("PatientName", "Grün^Ada=G^A"),
                element("PatientID", "0012"),
                sequence(
                    "ScheduledProcedureStepSequence",
                    element("ScheduledStationAETitle", "CT1"),
                    b"",
                ),
            ]
        )
        content = written(
            OutputFormat.JSONL, slabs(first, element("PatientID", "7"))
        ).content
        assert content.decode() == (
            '{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},'
            '"00080060":{"vr":"CS"},'
            '"00080061":{"vr":"CS","Value":["CT",null,"MR"]},'
            '"00100010":{"vr":"PN","Value":[{"Alphabetic":"Grün^Ada",'
            '"Ideographic":"G^A"}]},'
            '"00100020":{"vr":"LO","Value":["0012"]},'
            '"00400100":{"vr":"SQ","Value":'
            '[{"00400001":{"vr":"AE","Value":["CT1"]}},{}]}}\n'
            '{"00100020":{"vr":"LO","Value":["7"]}}\n'
        )

    def test_no_response_is_an_empty_file(self) -> None:
        assert written(OutputFormat.JSONL, []).content == b""

    def test_a_limit_counts_responses_of_each_request(self) -> None:
        one = element("PatientID", "1")
        pieces = [*slabs(one, one, one), *slabs(one, one, request="1")]
        content = written(OutputFormat.JSONL, pieces, limit=2).content
        assert content.count(b"\n") == 4

    def test_a_limit_may_leave_nothing_of_a_piece(self) -> None:
        one = element("PatientID", "1")
        pieces = [slab.cut(at, at + 1) for slab in slabs(one, one) for at in (0, 1)]
        content = written(OutputFormat.JSONL, pieces, limit=1).content
        assert content.count(b"\n") == 1


class TestDataSets:
    """PS3.18 Section F.2.2."""

    def test_tags_ascend_however_they_came(self) -> None:
        late = element("PatientID", "1") + element("StudyDate", "20260101")
        (line,) = jsonl(late)
        assert list(json.loads(line)) == ["00080020", "00100020"]

    def test_group_lengths_are_left_out(self) -> None:
        assert jsonl(element(0x00080000, bytes(4), "UL")) == ["{}"]

    def test_what_cannot_be_decoded_is_an_empty_object(self) -> None:
        assert jsonl(b"\x10\0", element("PatientID", "1"))[0] == "{}"

    def test_private_attributes_are_there_with_their_creator(self) -> None:
        part = element(0x00190010, "ACME", "LO") + element(0x00191001, "x", "SH")
        (line,) = jsonl(part)
        assert json.loads(line) == {
            "00190010": {"vr": "LO", "Value": ["ACME"]},
            "00191001": {"vr": "SH", "Value": ["x"]},
        }


class TestText:
    """PS3.18 Sections F.2.3 to F.2.5."""

    def test_an_empty_attribute_has_a_vr_only(self) -> None:
        assert attribute(element("PatientID", "")) == {"vr": "LO"}
        assert attribute(sequence("ReferencedStudySequence")) == {"vr": "SQ"}

    def test_padding_alone_is_empty(self) -> None:
        assert attribute(element("PatientID", "  ")) == {"vr": "LO"}

    def test_empty_values_among_others_are_null(self) -> None:
        assert values(element("OtherPatientIDs", "\\")) == [None, None]

    def test_a_name_has_its_groups(self) -> None:
        assert values(element("PatientName", "A^B==C\\=D\\=")) == [
            {"Alphabetic": "A^B", "Phonetic": "C"},
            {"Ideographic": "D"},
            None,
        ]

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("12", 12),
            ("-1.50", -1.5),
            ("1E3", 1000.0),
            ("007", "007"),
            ("+1", "+1"),
            ("1.", "1."),
            ("1e999", "1e999"),
            ("9" * 17, "9" * 17),
            ("twelve", "twelve"),
        ],
    )
    def test_a_decimal_is_a_number_when_json_writes_it_so(
        self, text: str, value: object
    ) -> None:
        (found,) = values(element("PatientSize", text, "DS"))
        assert found == value
        assert type(found) is type(value)

    def test_digits_stay_as_they_came(self) -> None:
        assert '"Value":[1.80]' in jsonl(element("PatientSize", "1.80"))[0]

    @pytest.mark.parametrize("char", ["\n", "\r", "\x0b", "\x1c", "\x85", "\u2028"])
    def test_no_character_breaks_the_line(self, char: str) -> None:
        part = element(CHARSET, "ISO_IR 192")
        part += element("PatientComments", f"a{char}b".encode())
        (line,) = jsonl(part)
        assert json.loads(line)["00104000"]["Value"] == [f"a{char}b"]


class TestCharacterSets:
    def test_text_is_unicode_and_says_so(self) -> None:
        part = element(CHARSET, "\\ISO 2022 IR 87")
        part += element("PatientName", "田中".encode("iso2022_jp"))
        assert json.loads(jsonl(part)[0]) == {
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "田中"}]},
        }

    def test_text_that_was_assumed_says_so_too(self) -> None:
        part = element("StudyDate", "") + element("PatientID", "\xe4")
        (line,) = jsonl(part, assume="ISO_IR 100")
        assert json.loads(line)["00080005"]["Value"] == ["ISO_IR 192"]
        assert line.startswith('{"00080005"')

    def test_ascii_without_a_character_set_stays_so(self) -> None:
        assert "00080005" not in jsonl(element("PatientID", "a"))[0]

    def test_an_item_says_so_only_where_it_did(self) -> None:
        item = element(CHARSET, "ISO_IR 144") + element("PatientID", "\xbc")
        part = element(CHARSET, "ISO_IR 100")
        part += sequence("ReferencedStudySequence", item, element("PatientID", "\xe4"))
        items = json.loads(jsonl(part)[0])["00081110"]["Value"]
        assert items == [
            {
                "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
                "00100020": {"vr": "LO", "Value": ["\u041c"]},
            },
            {"00100020": {"vr": "LO", "Value": ["ä"]}},
        ]

    def test_an_override_wins(self) -> None:
        part = element(CHARSET, "ISO_IR 100") + element("PatientID", "\xbc")
        assert "\u041c" in jsonl(part, override="ISO_IR 144")[0]


class TestNumbers:
    def test_are_numbers(self) -> None:
        assert values(element("SelectorULValue", struct.pack("<2L", 1, 2))) == [1, 2]
        assert values(element("SelectorFLValue", struct.pack("<f", 0.1))) == [0.1]

    def test_of_64_bits_are_strings_beyond_what_a_double_holds(self) -> None:
        raw = struct.pack("<3q", 2**53 - 1, 2**53, -(2**63))
        assert values(element("SelectorSVValue", raw)) == [
            2**53 - 1,
            str(2**53),
            str(-(2**63)),
        ]

    def test_without_a_number_in_json_are_strings(self) -> None:
        raw = struct.pack("<3d", float("nan"), float("inf"), float("-inf"))
        assert values(element("SelectorFDValue", raw)) == ["nan", "inf", "-inf"]

    def test_tags_are_eight_digits(self) -> None:
        raw = struct.pack("<2H", 0x0018, 0xABCD)
        assert values(element("FrameIncrementPointer", raw)) == ["0018ABCD"]

    def test_of_a_broken_length_are_bytes(self) -> None:
        found = attribute(element("Rows", b"abc"))
        assert found == {"vr": "UN", "InlineBinary": "YWJj"}


class TestBinary:
    """PS3.18 Section F.2.7."""

    def test_is_base64(self) -> None:
        found = attribute(element("RedPaletteColorLookupTableData", b"\1\0\2\0"))
        assert found == {"vr": "OW", "InlineBinary": "AQACAA=="}

    def test_is_little_endian_whatever_came(self) -> None:
        part = element("RedPaletteColorLookupTableData", b"\0\1\0\2", order=">")
        found = attribute(part, transfer_syntax=EXPLICIT_BE)
        assert found == {"vr": "OW", "InlineBinary": "AQACAA=="}

    def test_of_no_whole_word_stays(self) -> None:
        part = element("RedPaletteColorLookupTableData", b"abc", order=">")
        found = attribute(part, transfer_syntax=EXPLICIT_BE)
        assert found == {"vr": "OW", "InlineBinary": "YWJj"}


class TestImplicit:
    def test_takes_the_vr_of_the_dictionary(self) -> None:
        part = struct.pack("<HHL", 0x10, 0x20, 2) + b"1 "
        assert attribute(part, transfer_syntax=IMPLICIT_LE) == {
            "vr": "LO",
            "Value": ["1"],
        }


class TestRows:
    def test_are_plain_objects(self) -> None:
        schema = pa.schema(
            [
                ("id", pa.string()),
                ("count", pa.int64()),
                ("weight", pa.float64()),
                ("day", pa.date32()),
                ("raw", pa.binary()),
                ("many", pa.list_(pa.string())),
                ("item", pa.struct([("when", pa.time64("us"))])),
            ]
        )
        rows: list[dict[str, Any]] = [
            {
                "id": "0012",
                "count": 3,
                "weight": float("inf"),
                "day": dt.date(2026, 1, 2),
                "raw": b"ab",
                "many": ["ä", None],
                "item": {"when": dt.time(10, 15)},
            },
            {},
        ]
        memory = Memory()
        writer = FORMATS[OutputFormat.JSONL].writer(
            memory, planned(OutputFormat.JSONL), query(["PatientID"]), None
        )
        (empty,) = slabs(element("PatientID", "1"))
        count = writer.write(Piece(empty, pa.RecordBatch.from_pylist(rows, schema)))
        writer.close()
        assert count == 2
        lines = memory.content.decode().splitlines()
        assert lines[0] == (
            '{"id":"0012","count":3,"weight":"inf","day":"2026-01-02","raw":"YWI=",'
            '"many":["ä",null],"item":{"when":"10:15:00"}}'
        )
        assert set(json.loads(lines[1]).values()) == {None}
