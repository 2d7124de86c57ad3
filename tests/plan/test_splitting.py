"""How a request is cut, case by case."""

from __future__ import annotations

import doctest
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.job.model import Cancel
from batchfind.job.transport_model import Asked
from batchfind.plan import day_times
from batchfind.plan.digests import request_key
from batchfind.plan.model import (
    Extent,
    Origin,
    Piecing,
    Request,
    SourceRow,
)
from batchfind.plan.splitting import (
    MOST_PIECES,
    TooManyPieces,
    pieces_of,
)
from batchfind.plan.worst_case import pieces_at_most, requests_at_most
from tests.plan.capped_scp import (
    DATE,
    in_range,
)
from tests.plan.planning import value_of
from tests.plan.splits import PEER, ends_of, query_of, request_of, studies, tree_of

QUERY = query_of()
STEP = "ScheduledProcedureStepSequence."


def texts(pieces: tuple[Request, ...], key: str = "StudyDate") -> list[Any]:
    return [value_of(piece, key) for piece in pieces]


def reaches(pieces: tuple[Request, ...]) -> list[tuple[str, str]]:
    return [
        (piece.extent.first, piece.extent.last)
        for piece in pieces
        if piece.extent is not None
    ]


def test_the_examples_of_its_docstring() -> None:
    assert doctest.testmod(day_times).failed == 0


class TestDays:
    def test_days_are_halved_without_a_day_in_common(self) -> None:
        pieces = pieces_of(studies("20260101", "20260107"), QUERY, PEER)
        assert texts(pieces) == ["20260101-20260104", "20260105-20260107"]

    def test_one_day_is_sent_as_the_single_value(self) -> None:
        pieces = pieces_of(studies("20260101", "20260102"), QUERY, PEER)
        assert texts(pieces) == ["20260101", "20260102"]

    def test_months_and_leap_days_are_counted(self) -> None:
        pieces = pieces_of(studies("20240228", "20240301"), QUERY, PEER)
        assert texts(pieces) == ["20240228-20240229", "20240301"]

    def test_times_of_the_job_stay_beside_the_days(self) -> None:
        pieces = pieces_of(studies("20260101", "20260102", "08-12"), QUERY, PEER)
        assert texts(pieces, "StudyTime") == ["08-12", "08-12"]

    def test_times_that_may_make_one_period_of_the_days_forbid_it(self) -> None:
        combined = replace(
            studies("20260101", "20260102", "08-12"),
            negotiation={"date_time": Asked.PREFER},
        )
        worklist = replace(combined, level=None, negotiation={})
        assert pieces_of(combined, QUERY, PEER) == ()
        assert pieces_of(worklist, QUERY, PEER) == ()
        assert pieces_at_most(worklist, QUERY) == requests_at_most(worklist, QUERY) == 1


class TestOpenDays:
    SEEN = ("20260105", "20260101", "20260109", "20260109", "20260103")

    def test_the_future_is_cut_at_the_median_of_the_days_seen(self) -> None:
        pieces = pieces_of(studies("20260101", ""), QUERY, PEER, days=self.SEEN)
        assert texts(pieces) == ["20260101-20260105", "20260106-"]
        assert reaches(pieces) == [("20260101", "20260105"), ("20260106", "")]

    def test_the_past_is_cut_at_the_median_of_the_days_seen(self) -> None:
        pieces = pieces_of(studies("", "20260110"), QUERY, PEER, days=self.SEEN)
        assert texts(pieces) == ["-20260105", "20260106-20260110"]

    def test_both_ends_open_are_cut_alike(self) -> None:
        request = request_of({"StudyDate": ""}, Extent(first="", last=""))
        pieces = pieces_of(request, QUERY, PEER, days=self.SEEN)
        assert texts(pieces) == ["-20260105", "20260106-"]

    def test_the_last_day_alone_is_cut_off(self) -> None:
        seen = ["20260110"] * 3
        pieces = pieces_of(studies("", "20260110"), QUERY, PEER, days=seen)
        assert texts(pieces) == ["-20260109", "20260110"]

    def test_the_first_day_alone_is_cut_off(self) -> None:
        seen = ["20260101"] * 3
        pieces = pieces_of(studies("20260101", ""), QUERY, PEER, days=seen)
        assert texts(pieces) == ["20260101", "20260102-"]

    @pytest.mark.parametrize(
        "seen",
        [(), ("",), ("2026.01.05",), ("20260231",), ("20261231",), ("soon",)],
        ids=["no rows", "empty", "old form", "no day", "outside", "text"],
    )
    def test_nobody_knows_a_median_without_a_day_inside(
        self, seen: tuple[str, ...]
    ) -> None:
        assert pieces_of(studies("", "20260110"), QUERY, PEER, days=seen) == ()

    def test_days_of_moments_are_their_first_eight_digits(self) -> None:
        query = query_of("AcquisitionDateTime", None)
        request = request_of(
            {"AcquisitionDateTime": "20260101000000-"},
            Extent(first="20260101", last=""),
        )
        seen = ["20260105101500.5+0100"]
        pieces = pieces_of(request, query, PEER, days=seen)
        assert texts(pieces, "AcquisitionDateTime") == [
            "20260101000000-20260106000000",
            "20260106000000-",
        ]

    def test_the_calendar_ends(self) -> None:
        future, past = studies("20260101", ""), studies("", "00010101")
        assert pieces_of(future, QUERY, PEER, days=["99991231"]) == ()
        assert pieces_of(past, QUERY, PEER, days=["00010101"]) == ()


class TestTimes:
    def test_halves_of_a_day_share_a_bound_and_are_open_outside(self) -> None:
        pieces = pieces_of(studies("20260101", "20260101"), QUERY, PEER)
        assert texts(pieces, "StudyTime") == ["-120000", "120000-"]
        assert texts(pieces) == ["20260101", "20260101"]

    def test_what_was_cut_keeps_its_bounds(self) -> None:
        _, late = pieces_of(studies("20260101", "20260101"), QUERY, PEER)
        pieces = pieces_of(late, QUERY, PEER)
        assert texts(pieces, "StudyTime") == ["120000-180000", "180000-"]
        assert [piece.extent for piece in pieces] == [
            Extent(
                first="20260101", last="20260101", low=low, high=high, by=Piecing.TIME
            )
            for low, high in (("120000", "180000"), ("180000", ""))
        ]

    def test_bounds_stand_a_whole_number_of_floors_from_the_low_end(self) -> None:
        query = query_of(floor=3600)
        ends = tuple(ends_of(studies("20260101", "20260101", "0830-1200"), query))
        assert texts(ends, "StudyTime") == [
            "0830-093000",
            "093000-103000",
            "103000-113000",
            "113000-1200",
        ]

    def test_bounds_of_the_job_stay_as_written_and_are_six_digits_in_extents(
        self,
    ) -> None:
        pieces = pieces_of(studies("20260101", "20260101", "08-1200.5"), QUERY, PEER)
        assert pieces == ()  # no TM
        pieces = pieces_of(studies("20260101", "20260101", "08-1200"), QUERY, PEER)
        assert texts(pieces, "StudyTime") == ["08-100000", "100000-1200"]
        assert [(p.extent.low, p.extent.high) for p in pieces if p.extent] == [
            ("080000", "100000"),
            ("100000", "120000"),
        ]

    @pytest.mark.parametrize("text", ["120000", "120000-120000", "-001500", '""', "*"])
    def test_instants_and_what_is_no_range_are_not_cut(self, text: str) -> None:
        assert pieces_of(studies("20260101", "20260101", text), QUERY, PEER) == ()

    def test_a_range_that_runs_backwards_is_not_cut(self) -> None:
        assert pieces_of(studies("20260101", "20260101", "20-08"), QUERY, PEER) == ()

    def test_without_a_time_key_a_day_is_not_cut(self) -> None:
        request = studies("20260101", "20260101")
        assert pieces_of(request, query_of(time=None), PEER) == ()

    def test_the_time_key_is_added_where_the_request_has_none(self) -> None:
        request = request_of(
            {"StudyDate": "20260101"}, Extent(first="20260101", last="20260101")
        )
        pieces = pieces_of(request, QUERY, PEER)
        assert texts(pieces, "StudyTime") == ["-120000", "120000-"]

    def test_keys_of_a_worklist_stand_in_their_sequence(self) -> None:
        date_key = STEP + "ScheduledProcedureStepStartDate"
        time_key = STEP + "ScheduledProcedureStepStartTime"
        request = request_of(
            {date_key: "20260101", time_key: "", STEP + "Modality": "CT"},
            Extent(first="20260101", last="20260101"),
            level=None,
        )
        pieces = pieces_of(request, query_of(date_key, time_key), PEER)
        assert texts(pieces, time_key) == ["-120000", "120000-"]
        assert texts(pieces, STEP + "Modality") == ["CT", "CT"]


class TestMoments:
    KEY = "AcquisitionDateTime"
    QUERY = query_of("AcquisitionDateTime", None, floor=6 * 3600)

    def request(self, text: str, first: str, last: str) -> Request:
        return request_of({self.KEY: text}, Extent(first=first, last=last))

    def test_pieces_share_their_bounds_and_keep_those_of_the_job(self) -> None:
        request = self.request(
            "20260101000000-20260102235959.999999", "20260101", "20260102"
        )
        pieces = pieces_of(request, self.QUERY, PEER)
        assert texts(pieces, self.KEY) == [
            "20260101000000-20260102000000",
            "20260102000000-20260102235959.999999",
        ]
        assert texts(pieces_of(pieces[1], self.QUERY, PEER), self.KEY) == [
            "20260102000000-20260102120000",
            "20260102120000-20260102235959.999999",
        ]

    def test_the_floor_ends_it(self) -> None:
        request = self.request(
            "20260101000000-20260102235959.999999", "20260101", "20260102"
        )
        assert len(list(ends_of(request, self.QUERY))) == 8

    @pytest.mark.parametrize("text", ["20260101", "2026-0500-2027-0500", ""])
    def test_what_is_no_plain_range_is_not_cut(self, text: str) -> None:
        request = self.request(text, "20260101", "20260102")
        assert pieces_of(request, self.QUERY, PEER) == ()

    @settings(deadline=None, max_examples=60)
    @given(
        stored=st.datetimes(
            min_value=datetime.fromisoformat("2026-01-01"),
            max_value=datetime.fromisoformat("2026-01-03T23:59:59"),
        ),
        digits=st.sampled_from([8, 10, 12, 14, 16, 20]),
        numeric_order=st.booleans(),
    )
    def test_every_moment_is_in_a_piece_if_it_is_in_the_whole(
        self, stored: Any, digits: int, *, numeric_order: bool
    ) -> None:
        def order(text: str) -> Any:
            return text.replace(".", "").ljust(20, "0") if numeric_order else text

        value = stored.strftime("%Y%m%d%H%M%S.%f")[: digits + (digits > 14)]
        whole = "20260101000000-20260103235959.999999"
        request = self.request(whole, "20260101", "20260103")
        found = [
            text
            for text in texts(tuple(ends_of(request, self.QUERY)), self.KEY)
            if in_range(order, text, value)
        ]
        assert bool(found) == in_range(order, whole, value)


class TestFurtherKeys:
    QUERY = query_of(
        floor=43_200,
        then={"ModalitiesInStudy": ("CT", "MR"), "PatientSex": ("F", "M", "O")},
    )

    def test_below_the_floor_there_is_a_piece_for_each_value(self) -> None:
        early, _ = pieces_of(studies("20260101", "20260101"), self.QUERY, PEER)
        pieces = pieces_of(early, self.QUERY, PEER)
        assert texts(pieces, "ModalitiesInStudy") == ["CT", "MR"]
        assert texts(pieces, "StudyTime") == ["-120000", "-120000"]
        assert [piece.extent for piece in pieces] == [
            Extent(
                first="20260101",
                last="20260101",
                high="120000",
                by=Piecing.THEN,
                then=1,
            )
        ] * 2

    def test_the_next_key_cuts_those_again_and_then_nothing_does(self) -> None:
        early, _ = pieces_of(studies("20260101", "20260101"), self.QUERY, PEER)
        ct, _ = pieces_of(early, self.QUERY, PEER)
        pieces = pieces_of(ct, self.QUERY, PEER)
        assert texts(pieces, "ModalitiesInStudy") == ["CT"] * 3
        assert texts(pieces, "PatientSex") == ["F", "M", "O"]
        assert pieces_of(pieces[0], self.QUERY, PEER) == ()

    def test_an_instant_is_cut_by_them_at_once(self) -> None:
        request = studies("20260101", "20260101", "120000")
        pieces = pieces_of(request, self.QUERY, PEER)
        assert texts(pieces, "ModalitiesInStudy") == ["CT", "MR"]

    def test_so_is_a_moment(self) -> None:
        query = query_of("AcquisitionDateTime", None, then={"PatientSex": ("F", "M")})
        request = request_of(
            {"AcquisitionDateTime": "20260101120000-20260101120500"},
            Extent(first="20260101", last="20260101", low="120000", high="120500"),
        )
        assert texts(pieces_of(request, query, PEER), "PatientSex") == ["F", "M"]

    def test_more_than_a_request_may_have_are_refused(self) -> None:
        values = tuple(map(str, range(MOST_PIECES + 1)))
        query = query_of(then={"StudyID": values})
        request = studies("20260101", "20260101", "120000")
        with pytest.raises(TooManyPieces, match="257 pieces by StudyID"):
            pieces_of(request, query, PEER)
        fewer = query_of(then={"StudyID": values[1:]})
        assert len(pieces_of(request, fewer, PEER)) == MOST_PIECES


class TestPieces:
    def parent(self) -> Request:
        return replace(
            studies("20260101", "20260102"),
            id="3.7",
            repetition=2,
            not_before=4.0,
            fresh_association=True,
            cancel=Cancel(after_responses=9),
            bindings={"window": "20260101-20260102", "ward": "7"},
            source_rows=(SourceRow("wards.csv", 2),),
            family="3.4",
        )

    def test_a_piece_is_the_request_but_for_what_it_asks(self) -> None:
        parent = self.parent()
        for number, piece in enumerate(pieces_of(parent, QUERY, PEER)):
            assert piece == replace(
                parent,
                id=f"3.7.{number}",
                identifier=piece.identifier,
                key=request_key(piece, PEER),
                origin=Origin.SPLIT,
                parent="3.7",
                extent=piece.extent,
            )

    def test_the_family_is_that_of_the_request_it_was_cut_from(self) -> None:
        root = replace(self.parent(), family="")
        (first, *_) = pieces_of(root, QUERY, PEER)
        assert first.family == "3.7"
        assert {one.family for one in tree_of(first, QUERY)} == {"3.7"}

    def test_keys_beyond_the_cut_are_the_same_elements(self) -> None:
        parent = self.parent()
        for piece in pieces_of(parent, QUERY, PEER):
            rest = [one for one in piece.identifier if one.tag != DATE.tag]
            assert rest == [one for one in parent.identifier if one.tag != DATE.tag]

    @pytest.mark.parametrize("missing", ["splitting", "extent"])
    def test_a_query_that_does_not_split_has_none(self, missing: str) -> None:
        query, request = QUERY, studies("20260101", "20260102")
        if missing == "splitting":
            query = replace(QUERY, splitting=None)
        else:
            request = replace(request, extent=None)
        assert pieces_of(request, query, PEER) == ()
        assert pieces_at_most(request, query) == requests_at_most(request, query) == 1

    def test_ids_and_keys_are_unique_and_ids_are_in_the_order_of_time(self) -> None:
        request = studies("20260101", "20260105")
        tree = list(tree_of(request, query_of(floor=7200)))
        assert len({one.id for one in tree}) == len({one.key for one in tree})
        assert len(tree) == len({one.id for one in tree})
        assert sorted(tree, key=lambda one: one.order) == tree
        ends = list(ends_of(request, query_of(floor=7200)))
        starts = [(one.extent.first, one.extent.low) for one in ends if one.extent]
        assert starts == sorted(starts)
