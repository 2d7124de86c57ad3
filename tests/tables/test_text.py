from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom import charset, values, vrs
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.tables.cells import cells_of
from batchfind.tables.render import render
from batchfind.tables.set_column import set_column
from batchfind.tables.text import text_column
from tests.tables.material import (
    element,
    identifier,
    one,
    query,
    sequence,
    slabs,
    text,
)

ODD = st.binary(max_size=12) | st.text(" \\^=~AZaz09\0\t", max_size=12).map(str.encode)
TERMS = st.sampled_from(
    ["ISO_IR 6", "ISO_IR 100", "ISO_IR 13", "ISO_IR 192", "GB18030", "\\ISO 2022 IR 87"]
)


class TestWholeColumns:
    @settings(deadline=None, max_examples=300)
    @given(
        st.sampled_from(sorted(vrs.STRING_VRS)),
        st.lists(st.tuples(st.none() | ODD, TERMS), max_size=8),
    )
    def test_have_the_text_of_one_value_at_a_time(
        self, vr: str, cells: list[tuple[bytes | None, str]]
    ) -> None:
        sets = [charset.resolve(term) for _, term in cells]
        raw = [cell for cell, _ in cells]
        column = text_column(cells_of(raw), vr, set_column(sets), {}, big_endian=False)
        expected = [
            None if cell is None else values.text_values(cell, vr, known)
            for cell, known in zip(raw, sets, strict=True)
        ]
        found = column.array.to_pylist()
        column.array.validate(full=True)
        assert found == [
            None if one is None else "\\".join(one.values) for one in expected
        ]
        assert column.replaced == {
            at: one.replaced for at, one in enumerate(expected) if one and one.replaced
        }


class TestPadding:
    def test_is_removed(self) -> None:
        asked = query(
            ["StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber"]
        )
        (row,) = text(
            asked,
            identifier(
                StudyInstanceUID="1.2.3",
                PatientID=" 00123 ",
                PatientName=" Doe^Jo  ",
                AccessionNumber="  ",
            ),
        )
        assert row["StudyInstanceUID"] == "1.2.3"
        assert row["PatientID"] == "00123"
        assert row["PatientName"] == " Doe^Jo"
        assert row["AccessionNumber"] == ""

    def test_absent_is_null_and_present_but_empty_is_an_empty_text(self) -> None:
        asked = query(["PatientID", "PatientName"])
        (row,) = text(asked, identifier(PatientID=""))
        assert row["PatientID"] == ""
        assert row["PatientName"] is None

    def test_of_each_of_several_values_is_removed(self) -> None:
        (row,) = text(
            query(["ModalitiesInStudy"]), identifier(ModalitiesInStudy="CT \\ MR\\")
        )
        assert row["ModalitiesInStudy"] == "CT\\MR\\"


# As peers send them: (0008,0005), bytes of PatientName, text.
NAMES = [
    ("", b"Doe^John", "Doe^John"),
    ("ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg"),
    ("ISO_IR 144", bytes.fromhex("bbeecec3cade5e"), "ЛюЮУЪо^"),
    (
        "\\ISO 2022 IR 87",
        bytes.fromhex(
            "59616d6164615e5461726f3d1b24423b3345441b28425e1b244242404f3a1b2842"
        ),
        "Yamada^Taro=山田^太郎",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        bytes.fromhex("d4cfc0de5ec0dbb33d1b24423b3345441b284a5e1b244242404f3a1b284a"),
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (
        "\\ISO 2022 IR 149",
        bytes.fromhex("486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d7"),
        "Hong^Gildong=洪^吉洞",
    ),
    (
        "\\ISO 2022 IR 58",
        bytes.fromhex("5a68616e675e5869616f446f6e673d1b242941d5c55e1b242941d0a1b6ab"),
        "Zhang^XiaoDong=张^小东",
    ),
    ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
    ("GB18030", b"\xd5\x5c^A", "誠^A".replace("誠", b"\xd5\x5c".decode("gb18030"))),
    ("ISO_IR 192", "Wang^小东".encode(), "Wang^小东"),
]


class TestCharacterSets:
    @pytest.mark.parametrize(("terms", "raw", "expected"), NAMES)
    def test_of_the_data_set_rule_its_text(
        self, terms: str, raw: bytes, expected: str
    ) -> None:
        piece = one(
            query(["PatientName"]),
            identifier(SpecificCharacterSet=terms, PatientName=raw),
        )
        assert piece.batches[1]["PatientName"].to_pylist() == [expected]
        assert piece.replaced == {}

    def test_a_trail_byte_5c_separates_no_values(self) -> None:
        raw = b"\xd5\x5c\\AB"
        (row,) = text(
            query(["OtherPatientNames"]),
            identifier(SpecificCharacterSet="GB18030", OtherPatientNames=raw),
        )
        assert row["OtherPatientNames"] == b"\xd5\x5c".decode("gb18030") + "\\AB"

    def test_undecodable_bytes_are_replaced_and_counted(self) -> None:
        piece = one(query(["PatientName"]), identifier(PatientName=b"M\xfcller\xff"))
        assert piece.batches[1]["PatientName"].to_pylist() == ["M\ufffdller\ufffd"]
        assert piece.replaced == {"0": 2}

    def test_assume_holds_only_where_none_is_named(self) -> None:
        rows = text(
            query(["PatientName"]),
            identifier(PatientName=b"M\xfcller"),
            identifier(
                SpecificCharacterSet="ISO_IR 192", PatientName="Müller".encode()
            ),
            assume="ISO_IR 100",
        )
        assert [row["PatientName"] for row in rows] == ["Müller", "Müller"]

    def test_override_holds_whatever_is_named(self) -> None:
        (row,) = text(
            query(["PatientName"]),
            identifier(
                SpecificCharacterSet="ISO_IR 100", PatientName="Müller".encode()
            ),
            override="ISO_IR 192",
        )
        assert row["PatientName"] == "Müller"

    def test_an_item_may_have_its_own(self) -> None:
        # PS3.3 C.12.1.1.2: an item without (0008,0005) has those around it.
        payload = (
            element("SpecificCharacterSet", "ISO_IR 100")
            + element("PatientName", b"M\xfcller")
            + sequence(
                "RequestAttributesSequence",
                element("RequestedProcedureDescription", b"\xfc "),
                element("SpecificCharacterSet", "ISO_IR 192")
                + element("RequestedProcedureDescription", "ü".encode()),
            )
        )
        asked = query(
            ["PatientName", "RequestAttributesSequence.RequestedProcedureDescription"]
        )
        piece = one(asked, payload)
        found = piece.batches[0]["RequestAttributesSequence"].to_pylist()
        assert [item["RequestedProcedureDescription"] for item in found[0]] == [
            "ü",
            "ü",
        ]

    def test_an_unknown_one_is_warned_of(self) -> None:
        piece = one(query(["PatientID"]), identifier(SpecificCharacterSet="ISO_IR 999"))
        (sentences,) = piece.warnings.values()
        assert any("ISO_IR 999" in sentence for sentence in sentences)

    def test_replacements_do_not_depend_on_the_tables_asked_for(self) -> None:
        asked = query(["PatientName"])
        (piece,) = render(asked, slabs(identifier(PatientName=b"\xff\xff")))
        assert piece.batches == ()
        assert piece.replaced == {"0": 2}


class TestNumbers:
    @pytest.mark.parametrize("big_endian", [False, True])
    def test_are_decimal_text(self, *, big_endian: bool) -> None:
        order = ">" if big_endian else "<"
        asked = query(["Rows", "SimpleFrameList", "FrameIncrementPointer"])
        payload = b"".join(
            [
                element(
                    "FrameIncrementPointer",
                    struct.pack(order + "HH", 0x10, 0x20),
                    order=order,
                ),
                element("Rows", struct.pack(order + "H", 512), order=order),
                element(
                    "SimpleFrameList", struct.pack(order + "LL", 1, 70000), order=order
                ),
            ]
        )
        facts = {"transfer_syntax": EXPLICIT_BE} if big_endian else {}
        (row,) = text(asked, payload, **facts)
        assert row["Rows"] == "512"
        assert row["SimpleFrameList"] == "1\\70000"
        assert row["FrameIncrementPointer"] == "00100020"

    @given(st.floats(width=32))
    def test_of_single_precision_are_the_shortest_text_that_reads_back(
        self, number: float
    ) -> None:
        raw = struct.pack("<f", number)
        sets = set_column([charset.resolve(None)])
        cells = cells_of([raw])
        array = text_column(cells, "FL", sets, {}, big_endian=False).array
        found = float(array[0].as_py())
        assert struct.pack("<f", found) == raw or math.isnan(number)

    def test_of_a_wrong_length_are_invalid_and_nothing_else_is(self) -> None:
        piece = one(
            query(["Rows", "PatientID"]),
            element("PatientID", "1") + element("Rows", b"\1\2\3"),
        )
        assert piece.invalid == (1, 1)
        for batch in piece.batches:
            (row,) = batch.to_pylist()
            assert row["Rows"] is None
            assert row["PatientID"] == "1"
            assert row["bf_invalid"] == '{"Rows":"010203"}'
            assert row["bf_defect"] is None


class TestBytes:
    def test_are_base64_in_text_tables_and_bytes_in_typed_ones(self) -> None:
        piece = one(query(["ICCProfile"]), element("ICCProfile", b"\0\1", "OB"))
        assert piece.batches[0]["ICCProfile"].to_pylist() == [b"\0\1"]
        assert piece.batches[1]["ICCProfile"].to_pylist() == ["AAE="]


class TestAnotherVr:
    def test_text_keeps_its_text(self) -> None:
        (row,) = text(query(["PatientID"]), element("PatientID", "12", "SH"))
        assert row["PatientID"] == "12"

    def test_text_is_decoded_by_the_vr_it_came_with(self) -> None:
        piece = one(query(["PatientID"]), element("PatientID", b"A\xff", "SH"))
        assert piece.batches[1]["PatientID"].to_pylist() == ["A\ufffd"]
        assert piece.replaced == {"0": 1}

    def test_a_number_of_a_wrong_length_is_invalid(self) -> None:
        piece = one(query(["Rows"]), element("Rows", b"\1\2\3", "SS"))
        assert piece.batches[1]["bf_invalid"].to_pylist() == ['{"Rows":"010203"}']

    def test_a_signed_number_keeps_its_sign(self) -> None:
        raw = struct.pack("<h", -2)
        piece = one(
            query(["SmallestImagePixelValue"]),
            element("SmallestImagePixelValue", raw, "SS"),
        )
        assert piece.batches[1]["SmallestImagePixelValue"].to_pylist() == ["-2"]
        assert piece.invalid == (1, 0)

    def test_text_where_a_number_belongs_is_read_as_one(self) -> None:
        (row,) = (
            one(query(["Rows"]), element("Rows", "512", "IS")).batches[0].to_pylist()
        )
        assert row["Rows"] == 512

    def test_a_sequence_where_a_value_belongs_is_invalid(self) -> None:
        piece = one(query(["PatientID"]), sequence("PatientID", b""))
        assert piece.invalid == (1, 1)
        assert piece.batches[1]["PatientID"].to_pylist() == [None]

    def test_a_value_where_a_sequence_belongs_is_invalid(self) -> None:
        asked = query(["RequestAttributesSequence.RequestedProcedureID"])
        piece = one(asked, element("RequestAttributesSequence", b"ab", "LO"))
        assert piece.invalid == (1, 1)
        for batch in piece.batches:
            (row,) = batch.to_pylist()
            assert row["RequestAttributesSequence"] is None
            assert row["bf_invalid"] == '{"RequestAttributesSequence":"6162"}'

    def test_bytes_of_a_private_element_are_shown_as_the_vr_says(self) -> None:
        payload = element(0x00290010, "ACME", "LO") + element(0x00291010, "x1", "LO")
        piece = one(query(['0029,"ACME",10']), payload)
        assert piece.batches[0]["private_0029_ACME_10"].to_pylist() == [b"x1"]
        assert piece.batches[1]["private_0029_ACME_10"].to_pylist() == ["x1"]
