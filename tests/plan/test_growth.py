"""Requests made from the rows of another query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.job.model import CharsetPolicy
from batchfind.plan.digests import request_key
from batchfind.plan.growth import Grown, children_of
from batchfind.plan.model import Bind, Extent, Growing, Origin, Request
from tests.plan.planning import value_of
from tests.plan.splits import PEER, request_of, studies

STUDY_UID = parse_path("StudyInstanceUID")
PARENT = replace(studies("20260101", "20260131"), id="0.3")
PATTERN = request_of(
    {"StudyInstanceUID": "", "SeriesInstanceUID": "", "Modality": ""},
    id="1.2",
    query="series",
    level="SERIES",
    bindings={"ward": "7"},
    repetition=1,
)


def growing(*binds: tuple[str, str], **columns: str) -> Growing:
    """A query made of another's rows."""
    return Growing(
        query="studies",
        binds=tuple(Bind(parse_path(one), parse_path(other)) for one, other in binds),
        columns={name: parse_path(path) for name, path in columns.items()},
        limit=100_000,
        patterns=(PATTERN,),
    )


BY_UID = growing(("StudyInstanceUID", "StudyInstanceUID"))


def rows(*uids: str) -> list[Mapping[KeyPath, str]]:
    return [{STUDY_UID: uid} for uid in uids]


def grown_by(child: str, value: str, parent: str = "") -> Grown:
    """What one row gives with one key bound."""
    bound = growing((child, parent or child))
    row = {parse_path(parent or child): value}
    return children_of(PATTERN, bound, PARENT, [row], PEER)


class TestChildren:
    def test_each_row_gives_the_pattern_with_its_value(self) -> None:
        grown = children_of(PATTERN, BY_UID, PARENT, rows("1.2.3", "1.2.4"), PEER)
        assert grown.unusable == ()
        assert [value_of(one, "StudyInstanceUID") for one in grown.requests] == [
            "1.2.3",
            "1.2.4",
        ]
        for number, child in enumerate(grown.requests):
            assert child == replace(
                PATTERN,
                id=f"1.2.0.3.{number}",
                identifier=child.identifier,
                origin=Origin.FOR_EACH,
                parent="0.3",
                key=request_key(child, PEER),
            )

    def test_their_numbers_go_on_where_a_run_goes_on(self) -> None:
        grown = children_of(PATTERN, BY_UID, PARENT, rows("1.2", "1.3"), PEER, first=5)
        assert [one.id for one in grown.requests] == ["1.2.0.3.5", "1.2.0.3.6"]

    def test_columns_of_the_row_are_carried_beside_those_of_the_pattern(self) -> None:
        bound = growing(("StudyInstanceUID", "StudyInstanceUID"), when="StudyDate")
        row = {STUDY_UID: "1.2", parse_path("StudyDate"): "20260101 "}
        (child,) = children_of(PATTERN, bound, PARENT, [row], PEER).requests
        assert child.bindings == {"ward": "7", "when": "20260101"}

    def test_a_column_the_row_lacks_is_empty(self) -> None:
        bound = growing(("StudyInstanceUID", "StudyInstanceUID"), when="StudyDate")
        (child,) = children_of(PATTERN, bound, PARENT, rows("1.2"), PEER).requests
        assert child.bindings["when"] == ""

    def test_alternatives_of_one_row_are_one_family(self) -> None:
        first, second = PATTERN, replace(PATTERN, id="1.3", family="1.2")
        families = [
            one.family or one.id
            for pattern in (first, second)
            for one in children_of(
                pattern, BY_UID, PARENT, rows("", "1.2"), PEER
            ).requests
        ]
        assert families == ["1.2.0.3.1", "1.2.0.3.1"]

    def test_children_of_a_window_can_be_cut(self) -> None:
        extent = Extent(first="20260101", last="20260102")
        pattern = replace(PATTERN, extent=extent)
        (child,) = children_of(pattern, BY_UID, PARENT, rows("1.2"), PEER).requests
        assert child.extent == extent

    def test_no_rows_give_no_requests(self) -> None:
        assert children_of(PATTERN, BY_UID, PARENT, [], PEER) == Grown((), ())


class TestValues:
    @pytest.mark.parametrize(
        ("key", "value", "sent"),
        [
            ("StudyInstanceUID", "1.2.3\0", "1.2.3"),
            ("StudyInstanceUID", "1.2.3 ", "1.2.3"),
            ("StudyInstanceUID", "1.2\\1.3", "1.2\\1.3"),
            ("PatientID", " 007 ", "007"),
            ("PatientID", 'a"b', 'a"b'),
            ("StudyDate", "20260101", "20260101"),
            ("StudyTime", "10:15:00", "10:15:00"),
            ("AcquisitionDateTime", "20260101-0500", "20260101-0500"),
            ("PatientName", "Doe-Roe^J", "Doe-Roe^J"),
        ],
    )
    def test_padding_is_no_part_of_them(self, key: str, value: str, sent: str) -> None:
        (child,) = grown_by(key, value).requests
        assert value_of(child, key) == sent

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("StudyInstanceUID", ""),
            ("StudyInstanceUID", "  "),
            ("StudyInstanceUID", "*"),
            ("StudyInstanceUID", "1.2.?"),
            ("PatientID", "A*"),
            ("PatientID", "A?"),
            ("PatientID", '""'),
            ("PatientID", "A\x1b$B"),
            ("Modality", "CT\\MR"),
            ("StudyDate", "20260101-20261231"),
            ("StudyDate", "2026-01-01"),
            ("StudyTime", "-"),
            ("AcquisitionDateTime", "20260101-20261231"),
        ],
    )
    def test_one_that_asks_for_more_than_itself_gives_no_request(
        self, key: str, value: str
    ) -> None:
        assert grown_by(key, value) == Grown((), (0,))

    def test_a_row_without_the_key_gives_no_request(self) -> None:
        assert children_of(PATTERN, BY_UID, PARENT, [{}], PEER) == Grown((), (0,))

    def test_unusable_rows_leave_the_numbers_of_the_others_alone(self) -> None:
        grown = children_of(PATTERN, BY_UID, PARENT, rows("1.2", "", "1.4"), PEER)
        assert [one.id for one in grown.requests] == ["1.2.0.3.0", "1.2.0.3.2"]
        assert grown.unusable == (1,)

    def test_every_bound_key_counts(self) -> None:
        bound = growing(("StudyInstanceUID", "StudyInstanceUID"), ("PatientID",) * 2)
        row = {STUDY_UID: "1.2", parse_path("PatientID"): ""}
        assert children_of(PATTERN, bound, PARENT, [row], PEER) == Grown((), (0,))

    def test_a_value_may_go_to_another_key_at_any_depth(self) -> None:
        key = "ReferencedStudySequence.ReferencedSOPInstanceUID"
        (child,) = grown_by(key, "1.2", "StudyInstanceUID").requests
        assert value_of(child, key) == "1.2"

    def test_the_character_set_is_chosen_for_the_value(self) -> None:
        (child,) = grown_by("PatientName", "Müller^Ä").requests
        assert child.charset == ("ISO_IR 100",)
        assert value_of(child, "SpecificCharacterSet") == "ISO_IR 100"
        assert child.key == request_key(child, PEER)

    def test_a_value_no_character_set_allowed_holds_gives_no_request(self) -> None:
        peer = replace(PEER, charset=CharsetPolicy(request=("ISO_IR 100",)))
        name = parse_path("PatientName")
        row = {name: "Δημήτρης"}
        bound = growing(("PatientName", "PatientName"))
        assert children_of(PATTERN, bound, PARENT, [row], peer) == Grown((), (0,))

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=12), st.sampled_from(["PatientID", "StudyInstanceUID"]))
    def test_whatever_a_row_holds_is_sent_or_counted(
        self, value: str, key: str
    ) -> None:
        grown = grown_by(key, value)
        assert len(grown.requests) + len(grown.unusable) == 1
        for child in grown.requests:
            sent = value_of(child, key)
            assert sent == value.strip(" \0")
            assert sent
            assert not set("*?\\\n\x1b") & set(sent) - set("\\" * key.endswith("UID"))


class TestIds:
    @given(
        parents=st.lists(
            st.lists(st.integers(0, 12), min_size=2, max_size=2).map(tuple),
            unique=True,
            max_size=5,
        ),
        count=st.integers(0, 4),
    )
    @settings(deadline=None, max_examples=50)
    def test_they_are_unique_and_in_plan_order_of_parents_and_rows(
        self, parents: list[tuple[int, ...]], count: int
    ) -> None:
        made: list[Request] = []
        for parts in sorted(parents):
            parent = replace(PARENT, id=".".join(map(str, parts)))
            uids = [f"1.2.{number}" for number in range(count)]
            made += children_of(PATTERN, BY_UID, parent, rows(*uids), PEER).requests
        orders = [one.order for one in made]
        assert orders == sorted(set(orders))
        assert all(order[:2] == (1, 2) for order in orders)
