from __future__ import annotations

import json
import struct
import zlib

import pytest

from batchfind.capture.records import Verdict
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_BE
from batchfind.tables.render import render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import join
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    one,
    origin,
    query,
    sequence,
    slabs,
    text,
    typed,
)


class TestWhereARowComesFrom:
    def test_is_told_for_every_row_of_every_request(self) -> None:
        asked = query(["PatientID"], carry=["site", "day"])
        first = origin("0", bindings={"site": "north"})
        second = origin(
            "1.0",
            peer="ris",
            verdict=Verdict.PARTIAL,
            bindings={"site": "south", "day": "2026-01-01"},
        )
        payloads = [identifier(PatientID=str(at)) for at in range(3)]
        given = join(
            [(first, matches(payloads[:1])), (second, matches(payloads[1:], 7))]
        )
        schema = table_schema(asked, typed=True, provenance=True)
        (piece,) = render(asked, given, [schema])
        rows = piece.batches[0].to_pylist()
        told = [
            (row["bf_request"], row["bf_peer"], row["bf_verdict"], row["bf_response"])
            for row in rows
        ]
        assert told == [
            ("0", "pacs", "complete", 0),
            ("1.0", "ris", "partial", 7),
            ("1.0", "ris", "partial", 8),
        ]
        assert {(row["bf_query"], row["bf_status"]) for row in rows} == {("q", "FF00")}
        assert [(row["site"], row["day"]) for row in rows] == [
            ("north", None),
            ("south", "2026-01-01"),
            ("south", "2026-01-01"),
        ]

    def test_says_when_the_peer_did_not_support_optional_keys(self) -> None:
        sets = matches([b"", b""])
        mixed = type(sets)(0, sets.payload, sets.ends, [0xFF00, 0xFF01])
        schema = table_schema(query([]), typed=True, provenance=True)
        (piece,) = render(query([]), join([(origin(), mixed)]), [schema])
        assert piece.batches[0]["bf_status"].to_pylist() == ["FF00", "FF01"]


class TestDefects:
    def test_have_a_row_that_says_what_and_where(self) -> None:
        piece = one(
            query(["PatientID"]),
            identifier(PatientID="1"),
            identifier(PatientID="2") + b"\x20\0\x10\0SH\xff\xff",
            identifier(PatientID="3"),
        )
        (defect,) = piece.defects
        assert (defect.request, defect.response, defect.kind) == ("0", 1, "malformed")
        rows = piece.batches[0].to_pylist()
        assert [row["PatientID"] for row in rows] == ["1", None, "3"]
        expected = [None, f"malformed@{defect.offset}", None]
        assert [row["bf_defect"] for row in rows] == expected

    def test_are_found_without_any_table(self) -> None:
        (piece,) = render(query([]), slabs(b"\1"))
        assert [defect.kind for defect in piece.defects] == ["malformed"]
        assert piece.batches == ()

    def test_count_responses_from_the_first_of_the_request(self) -> None:
        (piece,) = render(
            query([]), join([(origin(), matches([b"", b"\1"], first=500))])
        )
        assert [defect.response for defect in piece.defects] == [500, 501]

    def test_of_an_empty_identifier_say_so(self) -> None:
        (row,) = typed(query(["PatientID"]), b"")
        assert (row["PatientID"], row["bf_defect"]) == (None, "malformed@0")

    def test_of_a_deflated_one_are_its_own(self) -> None:
        deflate = zlib.compressobj(wbits=-15)
        good = deflate.compress(identifier(PatientID="1")) + deflate.flush()
        rows = typed(
            query(["PatientID"], explode=STEPS),
            good,
            b"\xff\xff",
            transfer_syntax=DEFLATED_LE,
        )
        assert [row["PatientID"] for row in rows] == ["1", None]
        assert rows[1]["bf_defect"] == "inflate@0"


class TestExtras:
    def test_are_attributes_returned_but_not_asked(self) -> None:
        payload = identifier(
            SpecificCharacterSet="ISO_IR 100",
            QueryRetrieveLevel="STUDY",
            RetrieveAETitle="A\\B",
            PatientName=b"M\xfcller=\xfc=x",
            PatientID="1",
            PatientBirthDate="",
            PatientWeight="70.50",
            PatientSize="+1.8",
            Rows=struct.pack("<H", 3),
            FrameIncrementPointer=struct.pack("<HH", 0x18, 0x1063),
            ICCProfile=b"\0\1",
            RecommendedDisplayFrameRateInFloat=struct.pack("<f", float("nan")),
        )
        (row,) = text(query(["PatientID"]), payload)
        assert json.loads(row["bf_extra"]) == {
            "00080054": {"vr": "AE", "Value": ["A", "B"]},
            "00089459": {"vr": "FL", "Value": ["nan"]},
            "00100010": {
                "vr": "PN",
                "Value": [
                    {"Alphabetic": "Müller", "Ideographic": "ü", "Phonetic": "x"}
                ],
            },
            "00100030": {"vr": "DA"},
            "00101020": {"vr": "DS", "Value": ["+1.8"]},
            "00101030": {"vr": "DS", "Value": [70.5]},
            "00280009": {"vr": "AT", "Value": ["00181063"]},
            "00280010": {"vr": "US", "Value": [3]},
            "00282000": {"vr": "OB", "InlineBinary": "AAE="},
        }

    def test_are_none_when_all_was_asked(self) -> None:
        (row,) = typed(query(["PatientID"]), identifier(PatientID="1"))
        assert row["bf_extra"] is None

    def test_keep_the_places_of_items(self) -> None:
        asked = query([f"{STEPS}.Modality"])
        payload = sequence(
            STEPS,
            element("Modality", "CT"),
            element("Modality", "MR") + element("RequestedContrastAgent", "x"),
        )
        (row,) = typed(asked, payload)
        extra = json.loads(row["bf_extra"])["00400100"]["Value"]
        assert extra == [{}, {"00321070": {"vr": "LO", "Value": ["x"]}}]

    def test_of_a_broken_number_are_its_bytes(self) -> None:
        (row,) = typed(query([]), element("Rows", b"\1\2\3"))
        assert json.loads(row["bf_extra"]) == {
            "00280010": {"vr": "UN", "InlineBinary": "AQID"}
        }

    def test_keep_the_place_of_an_empty_value(self) -> None:
        (row,) = typed(query([]), identifier(ModalitiesInStudy="CT\\\\MR", Rows=b""))
        extra = json.loads(row["bf_extra"])
        assert extra["00080061"]["Value"] == ["CT", None, "MR"]
        assert extra["00280010"] == {"vr": "US"}

    def test_of_many_values_are_all_rendered(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("batchfind.tables.dicom_json.REMEMBERED", 2)
        rows = typed(query([]), *[identifier(PatientID=str(at)) for at in range(9)])
        found = [json.loads(row["bf_extra"])["00100020"]["Value"] for row in rows]
        assert found == [[str(at)] for at in range(9)]


class TestPrivateElements:
    """PS3.5 7.8.1: the creator says which block its elements are in."""

    asked = query(['0029,"ACME",10', '0029,"OTHER",10'])

    def test_are_found_in_whatever_block(self) -> None:
        payload = (
            element(0x00290010, "OTHER", "LO")
            + element(0x002900A1, "ACME", "LO")
            + element(0x00291010, "o1", "LO")
            + element(0x0029A110, "a1", "LO")
            + element(0x0029A111, "a2", "LO")
        )
        (row,) = text(self.asked, payload)
        assert row["private_0029_ACME_10"] == "a1"
        assert row["private_0029_OTHER_10"] == "o1"
        assert row["bf_extra"] == '{"0029A111":{"vr":"LO","Value":["a2"]}}'

    def test_of_another_creator_are_extras(self) -> None:
        payload = element(0x00290010, "WHO", "LO") + element(0x00291010, "x ", "LO")
        (row,) = text(self.asked, payload)
        assert row["private_0029_ACME_10"] is None
        assert set(json.loads(row["bf_extra"])) == {"00290010", "00291010"}

    def test_show_in_the_json_of_their_sequence(self) -> None:
        asked = query([f'{STEPS}.0029,"ACME",10'])
        item = element(0x00290011, "ACME", "LO") + element(0x00291110, "x ", "LO")
        (row,) = text(asked, sequence(STEPS, item))
        assert row[STEPS] == '[{"00291110":{"vr":"LO","Value":["x"]}}]'


class TestJsonColumns:
    def test_of_a_text_table_hold_the_asked_leaves(self) -> None:
        asked = query(
            [f"{STEPS}.Modality", f"{STEPS}.ScheduledProtocolCodeSequence.CodeValue"]
        )
        payload = sequence(
            STEPS,
            element("Modality", "CT")
            + element("RequestedContrastAgent", "x")
            + sequence(
                "ScheduledProtocolCodeSequence",
                element("CodeValue", "A") + element("CodingSchemeDesignator", "X"),
            ),
        )
        rows = text(asked, payload, sequence(STEPS), b"")
        code = '{"00080100":{"vr":"SH","Value":["A"]}}'
        modality = '"00080060":{"vr":"CS","Value":["CT"]}'
        codes = f'"00400008":{{"vr":"SQ","Value":[{code}]}}'
        expected = [f"[{{{modality},{codes}}}]", "[]", None]
        assert [row[STEPS] for row in rows] == expected

    def test_of_a_sequence_asked_as_a_whole_hold_all_of_it(self) -> None:
        item = element("SpecificCharacterSet", "ISO_IR 6") + element(
            "Modality", b"\xff "
        )
        piece = one(query([STEPS]), sequence(STEPS, item, b""))
        expected = '[{"00080060":{"vr":"CS","Value":["\ufffd"]}},{}]'
        for batch in piece.batches:
            assert batch[STEPS].to_pylist() == [expected]
        assert piece.replaced == {"0": 1}

    def test_read_big_endian_numbers(self) -> None:
        item = element("Rows", b"\1\0", order=">")
        payload = sequence(STEPS, item, order=">")
        (row,) = text(query([STEPS]), payload, transfer_syntax=EXPLICIT_BE)
        assert json.loads(row[STEPS]) == [{"00280010": {"vr": "US", "Value": [256]}}]
