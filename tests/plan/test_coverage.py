"""What a plan's requests ask for, seen as partitions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path
from batchfind.job.output_model import ColumnChoice, OutputOptions, Overwrite, Partition
from batchfind.plan.coverage import Coverage, coverage_of, unlisted_values
from batchfind.plan.model import PlannedOutput, PlannedQuery, Request
from tests.execution.plans import output, request, studies

BY_MONTH = Partition("StudyDate", "month")


def query(**changes: Any) -> PlannedQuery:
    keys = ("StudyDate", "PatientID", "PatientName", "StudyInstanceUID")
    nested = "ScheduledProcedureStepSequence.Modality"
    columns = tuple(parse_path(key) for key in (*keys, "AccessionNumber", nested))
    return replace(studies(), columns=columns, **changes)


def asking(*keys: Element, identity: str = "0", **changes: Any) -> Request:
    return request(identity, changes.pop("at", "pacs"), identifier=keys, **changes)


def days(text: str, identity: str = "0", **changes: Any) -> Request:
    return asking(Element(0x0008_0020, "DA", text), identity=identity, **changes)


def partitioned(
    requests: list[Request], *partitions: Partition, **options: Any
) -> PlannedOutput:
    return output(
        Path("/lake"),
        requests,
        overwrite=Overwrite.PARTITIONS,
        options=OutputOptions(partition_by=partitions, **options),
    )


def coverage(
    *requests: Request, by: tuple[Partition, ...] = (BY_MONTH,), **changes: Any
) -> Coverage:
    asked = list(requests)
    return coverage_of(partitioned(asked, *by), query(**changes), asked)


class TestDays:
    @pytest.mark.parametrize(
        ("text", "by", "value", "covered"),
        [
            ("20260101-20260131", "month", "2026-01", True),
            ("20260101-20260131", "month", "2026-02", False),
            ("20260102-20260131", "month", "2026-01", False),
            ("20260101-20260130", "month", "2026-01", False),
            ("20251201-20260228", "month", "2026-01", True),
            ("20260101-", "month", "2031-12", True),
            ("-20260131", "month", "1999-12", True),
            ("20260131", "day", "2026-01-31", True),
            ("20260131", "day", "2026-01-30", False),
            ("20260101-20261231", "year", "2026", True),
            ("20260101-20261230", "year", "2026", False),
            ("", "month", "2026-01", True),
            ("20260101-20260131", "month", None, False),
            ("20260101-20260131", "month", "x", False),
            ("", "month", None, True),
        ],
    )
    def test_cover_periods_that_are_asked_for_whole(
        self, text: str, by: str, value: str | None, covered: bool
    ) -> None:
        found = coverage(days(text), by=(Partition("StudyDate", by),))
        assert found.covers([value]) is covered

    def test_of_many_requests_add_up(self) -> None:
        first = [days(f"202601{day:02}", f"0.{day}") for day in range(1, 32)]
        assert coverage(*first).covers(["2026-01"])
        assert not coverage(*first[:10], *first[11:]).covers(["2026-01"])

    def test_of_different_questions_do_not_add_up(self) -> None:
        name = Element(0x0010_0010, "PN", "A^B")
        one = asking(Element(0x0008_0020, "DA", "20260101-20260115"), name)
        other = days("20260116-20260131", "1")
        assert not coverage(one, other).covers(["2026-01"])

    def test_of_a_value_that_is_no_date_cover_nothing(self) -> None:
        assert not coverage(days("2026")).covers(["2026-01"])


class TestValues:
    def test_of_peers_are_those_asked(self) -> None:
        found = coverage(days("", at="ris"), by=(Partition("bf_peer"),))
        assert found.covers(["ris"])
        assert not found.covers(["pacs"])

    def test_of_matrix_names_are_those_asked(self) -> None:
        found = coverage(
            days("", bindings={"modality": "CT"}),
            by=(Partition("modality"),),
            carry=("modality",),
        )
        assert found.covers(["CT"])
        assert not found.covers(["MR"])

    def test_nobody_asks_for_are_all_covered(self) -> None:
        for source in ("bf_status", "AccessionNumber"):
            assert coverage(days(""), by=(Partition(source),)).covers(["x"])

    def test_of_single_keys_and_uid_lists_are_those_asked(self) -> None:
        uids = asking(Element(0x0020_000D, "UI", "1.2\\1.3"))
        found = coverage(uids, by=(Partition("StudyInstanceUID"),))
        assert [found.covers([uid]) for uid in ("1.2", "1.3", "1.4")] == [
            True,
            True,
            False,
        ]

    def test_in_a_sequence_are_found(self) -> None:
        step = (Element(0x0008_0060, "CS", "CT"),)
        found = coverage(
            asking(Element(0x0040_0100, "SQ", (step,))),
            by=(Partition("Modality"),),
            explode=parse_path("ScheduledProcedureStepSequence"),
        )
        assert found.covers(["CT"])
        assert not found.covers(["MR"])

    def test_of_a_renamed_column_are_found(self) -> None:
        asked = [days("", at="ris")]
        options = {"columns": (ColumnChoice("bf_peer", "peer"),)}
        planned = partitioned(asked, Partition("peer"), **options)
        assert coverage_of(planned, query(), asked).covers(["ris"])

    def test_of_two_levels_must_both_be_asked_for(self) -> None:
        found = coverage(
            days("20260101-20260131", at="ris"),
            days("20260201-20260228", "1", at="pacs"),
            by=(Partition("bf_peer"), BY_MONTH),
        )
        assert found.covers(["ris", "2026-01"])
        assert found.covers(["pacs", "2026-02"])
        assert not found.covers(["ris", "2026-02"])
        assert not found.covers(["ris"])


class TestUnlistedValues:
    @pytest.mark.parametrize(
        ("key", "source"),
        [
            (Element(0x0010_0020, "LO", "A*"), "PatientID"),
            (Element(0x0010_0010, "PN", "A^B"), "PatientName"),
            (Element(0x0010_0010, "PN", "A^B"), "PatientName_family"),
            (Element(0x0008_0020, "DA", "202601"), "StudyDate"),
        ],
    )
    def test_are_refused(self, key: Element, source: str) -> None:
        asked = [asking(key)]
        planned = partitioned(asked, Partition(source))
        assert source in unlisted_values(planned, query(), asked)
        assert not coverage_of(planned, query(), asked).covers(["A^B"])

    def test_are_no_matter_where_nothing_is_replaced_by_partitions(self) -> None:
        asked = [asking(Element(0x0010_0020, "LO", "A*"))]
        planned = partitioned(asked, Partition("PatientID"))
        assert not unlisted_values(
            replace(planned, overwrite=Overwrite.REPLACE), query(), asked
        )

    def test_are_none_where_all_are_asked_for(self) -> None:
        asked = [asking(Element(0x0010_0020, "LO", "*"))]
        assert not unlisted_values(
            partitioned(asked, Partition("PatientID")), query(), asked
        )
