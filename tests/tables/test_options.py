"""Columns as a job wants them: picked, renamed, typed, taken apart, limited."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.job.column_words import NAME_COMPONENTS, ON_REQUEST
from batchfind.job.output_model import ColumnChoice, OutputOptions, Partition
from batchfind.plan.model import PlannedQuery
from batchfind.tables.components import component_array
from batchfind.tables.render import render
from batchfind.tables.schema import TableSchema, table_schema
from batchfind.tables.slabs import Slab, join
from tests.tables.material import (
    STEPS,
    element,
    identifier,
    matches,
    origin,
    query,
    sequence,
    slabs,
)


def schema(
    asked: PlannedQuery, *, typed: bool = True, provenance: bool = False, **options: Any
) -> TableSchema:
    chosen = OutputOptions(**options)
    return table_schema(asked, typed=typed, provenance=provenance, options=chosen)


def rows(
    asked: PlannedQuery, given: list[Slab], table: TableSchema
) -> list[dict[str, Any]]:
    pieces = [piece.batches[0] for piece in render(asked, given, [table])]
    for piece in pieces:
        piece.validate(full=True)
    found: list[dict[str, Any]] = pa.Table.from_batches(pieces, table.arrow).to_pylist()
    return found


def value(key: str, raw: str | bytes, kind: str) -> tuple[Any, str | None]:
    """A value in a column of a type, and what did not fit."""
    asked = query([key])
    table = schema(
        asked,
        provenance=True,
        column_types={key: kind},
        provenance_columns=("bf_invalid",),
    )
    (row,) = rows(asked, slabs(element(key, raw)), table)
    return row[key], row["bf_invalid"]


class TestPickedColumns:
    asked = query(
        ["PatientID", "PatientName", f"{STEPS}.Modality", '0029,"ACME 1.0",10'],
        explode=STEPS,
        carry=["site"],
    )

    def test_are_the_schema_in_the_order_picked(self) -> None:
        picked = ("Modality", "bf_peer", "site", "PatientName_given", "PatientID")
        choices = tuple(ColumnChoice(name) for name in picked)
        table = schema(self.asked, columns=choices)
        assert table.names == picked
        payload = identifier(PatientID="1", PatientName="Doe^Jane") + sequence(
            STEPS, element("Modality", "CT"), element("Modality", "MR")
        )
        given = slabs(payload, bindings={"site": "north"})
        assert [tuple(row.values()) for row in rows(self.asked, given, table)] == [
            ("CT", "pacs", "north", "Jane", "1"),
            ("MR", "pacs", "north", "Jane", "1"),
        ]

    def test_have_the_names_they_are_given(self) -> None:
        choices = (ColumnChoice("PatientID", "mrn"), ColumnChoice("bf_peer", "archive"))
        table = schema(self.asked, columns=choices)
        assert table.names == ("mrn", "archive")
        assert table.arrow.field("mrn").metadata[b"dicom.keyword"] == b"PatientID"

    def test_may_be_picked_twice(self) -> None:
        choices = (ColumnChoice("PatientID"), ColumnChoice("PatientID", "again"))
        given = slabs(identifier(PatientID="00123"))
        found = rows(self.asked, given, schema(self.asked, columns=choices))
        assert found == [{"PatientID": "00123", "again": "00123"}]

    def test_tell_what_did_not_fit_even_before_the_column(self) -> None:
        asked = query(["StudyDate"])
        choices = (ColumnChoice("bf_invalid"), ColumnChoice("StudyDate", "day"))
        given = slabs(identifier(StudyDate="soon"))
        assert rows(asked, given, schema(asked, columns=choices)) == [
            {"bf_invalid": '{"day":"soon"}', "day": None}
        ]

    def test_show_private_attributes(self) -> None:
        name = "private_0029_ACME_1_0_10"
        choices = (ColumnChoice(name, "acme"),)
        table = schema(self.asked, typed=False, columns=choices)
        payload = element(0x00290011, "ACME 1.0", "LO") + element(
            0x00291110, "secret", "LO"
        )
        assert rows(self.asked, slabs(payload), table) == [{"acme": "secret"}]
        assert dict(table.columns[0].metadata) == {
            "dicom.path": '0029,"ACME 1.0",10',
            "dicom.tag": "00291010",
            "dicom.vr": "UN",
        }


class TestProvenance:
    def test_stands_in_the_order_named(self) -> None:
        names = ("bf_verdict", "bf_peer", "bf_asked_at")
        table = schema(query(["PatientID"]), provenance=True, provenance_columns=names)
        assert table.names == ("PatientID", *names)

    def test_of_one_run_is_there_only_when_named(self) -> None:
        asked = query(["PatientID"])
        assert not set(ON_REQUEST) & set(schema(asked, provenance=True).names)
        table = schema(asked, provenance=True, provenance_columns=ON_REQUEST)
        given = slabs(
            identifier(PatientID="1"),
            run_id="20260131T000000-1a2b3c4d",
            asked_at="2026-01-31T04:15:00.250000+00:00",
        )
        (row,) = rows(asked, given, table)
        assert row["bf_run_id"] == "20260131T000000-1a2b3c4d"
        assert row["bf_asked_at"] == datetime(2026, 1, 31, 4, 15, 0, 250000, UTC)
        plain = schema(
            asked, typed=False, provenance=True, provenance_columns=ON_REQUEST
        )
        (row,) = rows(asked, given, plain)
        assert row["bf_asked_at"] == "2026-01-31T04:15:00.250000+00:00"

    def test_names_empty_values_once_any_column_has_a_type(self) -> None:
        asked = query(["StudyDate", "PatientID"])
        kinds = {"StudyDate": "date32"}
        table = schema(asked, typed=False, provenance=True, column_types=kinds)
        (row,) = rows(asked, slabs(identifier(StudyDate="", PatientID="")), table)
        assert row["bf_empty"] == ["StudyDate"]
        assert row["PatientID"] == ""

    def test_of_an_item_is_null_without_an_exploded_sequence(self) -> None:
        asked = query(["PatientID"])
        table = schema(asked, provenance=True, provenance_columns=("bf_item",))
        assert rows(asked, slabs(b""), table) == [{"PatientID": None, "bf_item": None}]

    def test_comes_along_for_partitions(self) -> None:
        asked = query(["PatientID"])
        parts = (Partition("bf_peer"),)
        assert schema(asked, partition_by=parts).names == ("PatientID", "bf_peer")
        whole = schema(asked, provenance=True, partition_by=parts)
        assert whole.names.count("bf_peer") == 1


class TestTypes:
    @pytest.mark.parametrize(
        ("key", "raw", "kind", "expected"),
        [
            ("StudyDate", "20260131", "text", "20260131"),
            ("StudyDate", "20260131", "typed", date(2026, 1, 31)),
            ("StudyDate", "2026.01.31", "date32", date(2026, 1, 31)),
            ("StudyTime", "093005", "time64", time(9, 30, 5)),
            ("StudyTime", "093005.25 ", "time64", time(9, 30, 5, 250000)),
            ("StudyTime", "09:30:05", "time64", time(9, 30, 5)),
            ("StudyTime", "0930", "typed", "0930"),
            (
                "AcquisitionDateTime",
                "20260131093005.000001",
                "timestamp",
                datetime(2026, 1, 31, 9, 30, 5, 1),  # noqa: DTZ001 - a wall clock
            ),
            (
                "AcquisitionDateTime",
                "20260131093005+0100",
                "timestamp_utc",
                datetime(2026, 1, 31, 8, 30, 5, tzinfo=UTC),
            ),
            (
                "AcquisitionDateTime",
                "20260131093005-0330",
                "timestamp_utc",
                datetime(2026, 1, 31, 13, 0, 5, tzinfo=UTC),
            ),
            ("NumberOfStudyRelatedInstances", "0042", "text", "0042"),
            ("NumberOfStudyRelatedInstances", "42", "float64", 42.0),
            ("Rows", b"\xff\xff", "int64", 65535),
            ("Rows", b"\xff\xff", "text", "65535"),
            ("PatientWeight", "70.50", "text", "70.50"),
            ("RecommendedDisplayFrameRateInFloat", b"\xcd\xcc\xcc\x3d", "float64", 0.1),
            ("ImagePositionPatient", "1\\2\\3", "text", "1\\2\\3"),
            ("ImagePositionPatient", "1\\2\\3", "float64", [1.0, 2.0, 3.0]),
            ("ICCProfile", b"\0\1", "text", "AAE="),
            ("ICCProfile", b"\0\1", "typed", b"\0\1"),
            ("PatientID", "00123", "typed", "00123"),
        ],
    )
    def test_are_those_the_job_asks_for(
        self, key: str, raw: str | bytes, kind: str, expected: object
    ) -> None:
        assert value(key, raw, kind) == (expected, None)

    @pytest.mark.parametrize(
        ("key", "raw", "kind"),
        [
            ("StudyTime", "0930", "time64"),
            ("StudyTime", "09", "time64"),
            ("StudyTime", "246000", "time64"),
            ("StudyTime", "093060", "time64"),
            ("StudyTime", "093005.1234567", "time64"),
            ("AcquisitionDateTime", "20260131", "timestamp"),
            ("AcquisitionDateTime", "202601310930", "timestamp"),
            ("AcquisitionDateTime", "20260131093005+0100", "timestamp"),
            ("AcquisitionDateTime", "20260131093005", "timestamp_utc"),
            ("AcquisitionDateTime", "20260230093005+0000", "timestamp_utc"),
            ("AcquisitionDateTime", "20260131093005+9900", "timestamp_utc"),
            ("PatientWeight", "1e999", "float64"),
            ("NumberOfStudyRelatedInstances", "nan", "float64"),
        ],
    )
    def test_have_no_place_for_what_says_less_or_more(
        self, key: str, raw: str, kind: str
    ) -> None:
        assert value(key, raw, kind) == (None, f'{{"{key}":"{raw}"}}')

    def test_of_one_column_leave_the_others(self) -> None:
        asked = query(["StudyDate", "SeriesDate", "StudyTime"])
        kinds = {"StudyDate": "text", "StudyTime": "time64"}
        assert schema(asked, column_types=kinds).arrow.types == [
            pa.string(),
            pa.date32(),
            pa.time64("us"),
        ]

    def test_of_a_sequence_may_be_text(self) -> None:
        asked = query([f"{STEPS}.Modality"])
        table = schema(asked, column_types={STEPS: "text"})
        (row,) = rows(asked, slabs(sequence(STEPS, element("Modality", "CT"))), table)
        assert row[STEPS] == '[{"00080060":{"vr":"CS","Value":["CT"]}}]'


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="^=\\ \0\x1b\n\r\t\f"), max_size=4
)


class TestComponents:
    def test_follow_the_name_they_are_part_of(self) -> None:
        asked = query(["PatientName", "PatientID"], carry=["site"])
        names = schema(asked, components=True).names
        assert names == (
            "PatientName",
            *(f"PatientName_{one}" for one in NAME_COMPONENTS),
            "PatientID",
            "site",
        )

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("Doe^Jane^M^Dr^PhD", ("Doe", "Jane", "M", "Dr", "PhD", "", "")),
            ("Doe ^ Jane", ("Doe", "Jane", "", "", "", "", "")),
            ("Doe", ("Doe", "", "", "", "", "", "")),
            ("", ("", "", "", "", "", "", "")),
            ("^^^^^", ("", "", "", "", "^", "", "")),
            ("a^b^c^d^e^f", ("a", "b", "c", "d", "e^f", "", "")),
            (
                "Yamada^Tarou=山田^太郎=やまだ^たろう",
                ("Yamada", "Tarou", "", "", "", "山田^太郎", "やまだ^たろう"),
            ),
            ("=山田^太郎", ("", "", "", "", "", "山田^太郎", "")),
            ("a=b=c=d", ("a", "", "", "", "", "b", "c=d")),
        ],
    )
    def test_are_five_and_two_groups(self, raw: str, expected: tuple[str, ...]) -> None:
        text = pa.array([raw, None])
        found = [component_array(text, one, multiple=False) for one in NAME_COMPONENTS]
        assert tuple(array[0].as_py() for array in found) == expected
        assert [array[1].as_py() for array in found] == [None] * 7

    def test_of_several_names_stand_side_by_side(self) -> None:
        asked = query(["OtherPatientNames"])
        choices = (ColumnChoice("OtherPatientNames_given", "given"),)
        given = slabs(identifier(OtherPatientNames="A^B\\C^D"), b"")
        typed = schema(asked, columns=choices)
        assert [row["given"] for row in rows(asked, given, typed)] == [["B", "D"], None]
        plain = schema(asked, typed=False, columns=choices)
        assert [row["given"] for row in rows(asked, given, plain)] == ["B\\D", None]

    def test_say_which_they_are(self) -> None:
        table = schema(query(["PatientName"]), components=True)
        field = table.arrow.field("PatientName_given")
        assert field.metadata[b"dicom.component"] == b"given"
        assert field.metadata[b"dicom.vr"] == b"PN"

    def test_stand_beside_exploded_items(self) -> None:
        asked = query([f"{STEPS}.ScheduledPerformingPhysicianName"], explode=STEPS)
        table = schema(asked, components=True)
        item = element("ScheduledPerformingPhysicianName", "House^Gregory")
        found = rows(asked, slabs(sequence(STEPS, item), sequence(STEPS)), table)
        key = "ScheduledPerformingPhysicianName_family"
        assert [row[key] for row in found] == ["House", None]

    @settings(deadline=None)
    @given(st.lists(NAMES, min_size=5, max_size=5), NAMES, NAMES)
    def test_give_the_name_back(
        self, alphabetic: list[str], ideographic: str, phonetic: str
    ) -> None:
        name = "=".join(["^".join(alphabetic), ideographic, phonetic])
        text = pa.array([name])
        found = [
            component_array(text, one, multiple=False)[0].as_py()
            for one in NAME_COMPONENTS
        ]
        assert found == [*alphabetic, ideographic, phonetic]


class TestLimit:
    def test_counts_the_rows_of_each_request(self) -> None:
        asked = query(["PatientID"])
        table = schema(asked, provenance=True, limit=2)
        payloads = [identifier(PatientID=str(at)) for at in range(3)]
        given = join(
            [
                (origin("0"), matches(payloads)),
                (origin("0"), matches(payloads, 3)),
                (origin("1"), matches(payloads[:1])),
                (origin("2"), matches(payloads)),
            ],
            rows=2,
        )
        found = rows(asked, list(given), table)
        assert [(row["bf_request"], row["PatientID"]) for row in found] == [
            ("0", "0"),
            ("0", "1"),
            ("1", "0"),
            ("2", "0"),
            ("2", "1"),
        ]

    def test_counts_rows_not_responses(self) -> None:
        asked = query([f"{STEPS}.Modality"], explode=STEPS)
        table = schema(asked, limit=3)
        items = [element("Modality", one) for one in ("CT", "MR")]
        given = slabs(*[sequence(STEPS, *items)] * 3)
        assert [row["Modality"] for row in rows(asked, given, table)] == [
            "CT",
            "MR",
            "CT",
        ]

    def test_of_one_table_leaves_the_others(self) -> None:
        asked = query(["PatientID"])
        payloads = [identifier(PatientID=str(at)) for at in range(5)]
        tables = [schema(asked, limit=1), schema(asked), schema(asked, limit=9)]
        (piece,) = render(asked, slabs(*payloads), tables)
        assert [batch.num_rows for batch in piece.batches] == [1, 5, 5]
