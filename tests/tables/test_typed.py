from __future__ import annotations

import struct
from datetime import date
from typing import Any

import pytest

from tests.tables.material import (
    STEPS,
    element,
    identifier,
    one,
    query,
    sequence,
    typed,
)


def value(key: str, raw: str | bytes) -> Any:
    (row,) = typed(query([key]), element(key, raw))
    return row[key]


class TestValues:
    @pytest.mark.parametrize(
        ("key", "raw", "expected"),
        [
            ("StudyDate", "20260228", date(2026, 2, 28)),
            ("StudyDate", "2026.02.28", date(2026, 2, 28)),
            ("StudyDate", "", None),
            ("NumberOfStudyRelatedInstances", " 0042 ", 42),
            ("NumberOfStudyRelatedInstances", "-7", -7),
            ("PatientWeight", "70.50", 70.5),
            ("PatientWeight", "1e-2", 0.01),
            ("ImagePositionPatient", "1\\-2.5\\0", [1.0, -2.5, 0.0]),
            ("ImagePositionPatient", "1\\\\3", [1.0, None, 3.0]),
            ("ImagePositionPatient", "", []),
            ("ModalitiesInStudy", "CT\\MR", ["CT", "MR"]),
            ("ModalitiesInStudy", "CT", ["CT"]),
            ("StudyTime", "0930", "0930"),
            ("AcquisitionDateTime", "20260101+0100", "20260101+0100"),
            ("PatientID", "00123", "00123"),
            ("PatientName", "A^B\\C", "A^B\\C"),
            ("ExtendedOffsetTable", struct.pack("<Q", 1), struct.pack("<Q", 1)),
            ("FileOffsetInContainer", struct.pack("<Q", 2**64 - 1), 2**64 - 1),
        ],
    )
    def test_have_the_type_of_their_vr(
        self, key: str, raw: str | bytes, expected: object
    ) -> None:
        assert value(key, raw) == expected


class TestUnfitValues:
    @pytest.mark.parametrize(
        ("key", "raw"),
        [
            ("StudyDate", "20260230"),
            ("StudyDate", "2026-1-1"),
            ("StudyDate", "2026.0101"),
            ("StudyDate", "00000101"),
            ("StudyDate", "20260101\\20260102"),
            ("NumberOfStudyRelatedInstances", "3.0"),
            ("NumberOfStudyRelatedInstances", "99999999999999999999"),
            ("PatientWeight", "NaN"),
            ("PatientWeight", "1e999"),
            ("PatientWeight", "70,5"),
        ],
    )
    def test_are_null_kept_as_text_and_counted(self, key: str, raw: str) -> None:
        piece = one(query([key]), element(key, raw))
        (row,) = piece.batches[0].to_pylist()
        assert row[key] is None
        assert row["bf_invalid"] == f'{{"{key}":"{raw}"}}'.replace("\\", "\\\\")
        assert piece.invalid == (1, 0)
        (row,) = piece.batches[1].to_pylist()
        assert row[key] == raw
        assert row["bf_invalid"] is None

    def test_spoil_nothing_beside_them(self) -> None:
        asked = query(["StudyDate", "PatientID"])
        rows = typed(
            asked,
            identifier(StudyDate="20260101", PatientID="1"),
            identifier(StudyDate="x", PatientID="2"),
            identifier(StudyDate="20260103", PatientID="3"),
        )
        assert [row["StudyDate"] for row in rows] == [
            date(2026, 1, 1),
            None,
            date(2026, 1, 3),
        ]
        assert [row["PatientID"] for row in rows] == ["1", "2", "3"]
        assert [row["bf_invalid"] for row in rows] == [None, '{"StudyDate":"x"}', None]

    def test_in_a_list_leave_the_others(self) -> None:
        piece = one(
            query(["ImagePositionPatient"]),
            element("ImagePositionPatient", "1\\2\\3"),
            element("ImagePositionPatient", "1\\x\\3"),
        )
        rows = piece.batches[0].to_pylist()
        assert rows[1]["ImagePositionPatient"] == [1.0, None, 3.0]
        assert rows[1]["bf_invalid"] == '{"ImagePositionPatient":"1\\\\x\\\\3"}'
        assert rows[0]["bf_invalid"] is None
        assert piece.invalid == (1, 0)

    def test_within_items_name_item_and_attribute(self) -> None:
        asked = query([f"{STEPS}.ScheduledProcedureStepStartDate", f"{STEPS}.Modality"])
        begin = "ScheduledProcedureStepStartDate"
        payload = sequence(
            STEPS,
            element(begin, "20260101"),
            element("Modality", "CT") + element(begin, "soon"),
        )
        piece = one(asked, identifier(PatientID="1"), payload)
        rows = piece.batches[0].to_pylist()
        assert rows[1]["bf_invalid"] == f'{{"{STEPS}[1].{begin}":"soon"}}'
        assert rows[1][STEPS] == [
            {begin: date(2026, 1, 1), "Modality": None},
            {begin: None, "Modality": "CT"},
        ]
        assert piece.invalid == (1, 0)


class TestPresentAndEmpty:
    def test_is_named_where_null_stands_for_it(self) -> None:
        asked = query(
            ["StudyDate", "PatientID", "ModalitiesInStudy", "Rows", "PatientWeight"]
        )
        payload = identifier(StudyDate="", PatientID="", ModalitiesInStudy="", Rows=b"")
        rows = typed(asked, payload, b"")
        assert rows[0]["bf_empty"] == ["StudyDate", "Rows"]
        assert rows[0]["ModalitiesInStudy"] == []
        assert rows[0]["PatientID"] == ""
        assert rows[1]["bf_empty"] is None
        assert rows[1]["ModalitiesInStudy"] is None

    def test_is_named_within_items(self) -> None:
        asked = query([f"{STEPS}.ScheduledProcedureStepStartDate"])
        payload = sequence(STEPS, b"", element("ScheduledProcedureStepStartDate", ""))
        (row,) = typed(asked, payload)
        assert row["bf_empty"] == [f"{STEPS}[1].ScheduledProcedureStepStartDate"]


class TestSequences:
    asked = query(
        [
            "RequestAttributesSequence.RequestedProcedureID",
            "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue",
        ]
    )

    def test_nest_as_the_identifier_does(self) -> None:
        code = sequence(
            "ScheduledProtocolCodeSequence",
            element("CodeValue", "A"),
            element("CodeValue", "B"),
        )
        # The dictionary's order: (0040,0008) before (0040,1001).
        payload = sequence(
            "RequestAttributesSequence",
            code + element("RequestedProcedureID", "1"),
            element("RequestedProcedureID", "2"),
        )
        (row,) = typed(self.asked, payload)
        assert row["RequestAttributesSequence"] == [
            {
                "RequestedProcedureID": "1",
                "ScheduledProtocolCodeSequence": [
                    {"CodeValue": "A"},
                    {"CodeValue": "B"},
                ],
            },
            {"RequestedProcedureID": "2", "ScheduledProtocolCodeSequence": None},
        ]

    def test_absent_is_null_and_without_items_is_an_empty_list(self) -> None:
        rows = typed(self.asked, sequence("RequestAttributesSequence"), b"")
        assert [row["RequestAttributesSequence"] for row in rows] == [[], None]
