"""What cutting promises, for all days, times, orders and peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.plan.model import (
    Extent,
    Request,
)
from batchfind.plan.rewriting import text_at
from batchfind.plan.splitting import (
    pieces_of,
)
from batchfind.plan.worst_case import pieces_at_most
from tests.plan.capped_scp import (
    DATE,
    ORDERS,
    TIME,
    CappedScp,
    Study,
    gather,
    in_range,
    lexicographic,
)
from tests.plan.planning import value_of
from tests.plan.splits import PEER, ends_of, query_of, request_of, studies

QUERY = query_of()


def texts(pieces: tuple[Request, ...], key: str = "StudyDate") -> list[Any]:
    return [value_of(piece, key) for piece in pieces]


def reaches(pieces: tuple[Request, ...]) -> list[tuple[str, str]]:
    return [
        (piece.extent.first, piece.extent.last)
        for piece in pieces
        if piece.extent is not None
    ]


DAYS = st.dates(min_value=date(2023, 12, 20), max_value=date(2026, 3, 31))
CLOCKS = st.builds(
    "{:02}{:02}{:02}".format,
    st.integers(0, 23),
    st.sampled_from([0, 1, 14, 15, 29, 30, 45, 59]),
    st.sampled_from([0, 1, 30, 59]),
)


def _written(clock: str, form: str) -> str:
    hour, minute, second = clock[:2], clock[2:4], clock[4:]
    return form.format(h=hour, m=minute, s=second)


TIMES = st.builds(
    _written,
    CLOCKS | st.sampled_from(["000000", "000001", "235959", "120000"]),
    st.sampled_from(
        ["{h}{m}{s}", "{h}{m}", "{h}", "{h}:{m}:{s}", "{h}{m}{s}.5", "{h}{m}{s}.999999"]
    ),
)


class TestCoverage:
    @settings(deadline=None, max_examples=40)
    @given(first=DAYS, length=st.integers(0, 40))
    def test_every_day_is_in_exactly_one_piece(self, first: date, length: int) -> None:
        days = [f"{first + timedelta(days=n):%Y%m%d}" for n in range(length + 1)]
        query = query_of(time=None)
        ends = tuple(ends_of(studies(days[0], days[-1]), query))
        assert texts(ends) == days

    @settings(deadline=None, max_examples=60)
    @given(
        floor=st.integers(601, 86_400),
        stored=TIMES,
        order=st.sampled_from(ORDERS),
        times=st.sampled_from(["", "-", "0800-", "-1200", "080000-1630", "00-235959"]),
    )
    def test_every_time_is_in_a_piece_if_it_is_in_the_whole(
        self, floor: int, stored: str, order: Callable[[str], Any], times: str
    ) -> None:
        request = studies("20260101", "20260101", times)
        ends = tuple(ends_of(request, query_of(floor=floor)))
        pieces = texts(ends, "StudyTime")
        if in_range(order, times or "-", stored):
            assert any(in_range(order, text or "-", stored) for text in pieces)

    @settings(deadline=None, max_examples=60)
    @given(
        first=DAYS,
        length=st.integers(0, 800),
        floor=st.integers(1, 86_400),
        path=st.lists(st.integers(0, 1), max_size=40),
    )
    def test_every_piece_is_smaller_and_there_is_an_end(
        self, first: date, length: int, floor: int, path: list[int]
    ) -> None:
        last = first + timedelta(days=length)
        query = query_of(floor=floor)
        request = studies(f"{first:%Y%m%d}", f"{last:%Y%m%d}")
        size = pieces_at_most(request, query)
        depth = 0
        while pieces := pieces_of(request, query, PEER):
            sizes = [pieces_at_most(piece, query) for piece in pieces]
            assert None not in sizes
            assert sum(filter(None, sizes)) == size
            number = path[depth] if depth < len(path) else depth % 2
            request, size = pieces[number], sizes[number]
            depth += 1
        assert size == 1
        assert depth <= 10 + 17

    @settings(deadline=None, max_examples=60)
    @given(
        first=DAYS | st.none(),
        seen=st.lists(DAYS, min_size=1, max_size=9),
        last=DAYS | st.none(),
    )
    def test_open_days_are_cut_in_two_that_are_both_less(
        self, first: date | None, seen: list[date], last: date | None
    ) -> None:
        low = "" if first is None or last else f"{first:%Y%m%d}"
        high = f"{last:%Y%m%d}" if last else ""
        request = replace(
            studies("20260101", "20260102"), extent=Extent(first=low, last=high)
        )
        days = [f"{day:%Y%m%d}" for day in seen]
        pieces = pieces_of(request, QUERY, PEER, days=days)
        inside = [day for day in days if low <= day <= (high or day)]
        assert bool(pieces) == bool(inside)
        if pieces:
            (start, middle), (after, end) = reaches(pieces)
            assert (start, end) == (low, high)
            gap = date.fromisoformat(after) - date.fromisoformat(middle)
            assert gap == timedelta(days=1)
            assert low <= middle
            assert not high or after <= high


STUDIES = st.lists(
    st.tuples(
        st.sampled_from(["20260103"] * 6 + ["20260101", "20260102", "20260104"]),
        TIMES | st.just(""),
    ),
    min_size=6,
    max_size=60,
)


class TestCappedPeer:
    """Cutting against a peer of every kind finds what one that does not cap gives."""

    @settings(deadline=None, max_examples=150)
    @given(
        stored=STUDIES,
        order=st.sampled_from(ORDERS),
        unset=st.sampled_from(["all", "below", "none"]),
        silent=st.booleans(),
        floor=st.sampled_from([900, 3600, 40_000]),
        window=st.sampled_from(
            [("20260101", "20260104"), ("", "20260104"), ("20260101", ""), ("", "")]
        ),
    )
    def test_every_row_with_a_time_is_found_or_a_stuck_piece_says_so(
        self,
        stored: list[tuple[str, str]],
        order: Callable[[str], Any],
        unset: str,
        *,
        silent: bool,
        floor: int,
        window: tuple[str, str],
    ) -> None:
        held = [Study(uid, *when) for uid, when in enumerate(stored)]
        scp = CappedScp(held, 5, order, unset, silent)
        request = studies(*window)
        if window == ("", ""):
            request = request_of({"StudyDate": ""}, Extent(first="", last=""))
        query = query_of(floor=floor)
        gathered = gather(scp, request, query)
        lost = set(held) - gathered.rows
        if not gathered.stuck:
            assert all(study.time == "" for study in lost)
            assert not lost or (unset == "none" and gathered.by_time)
        for study in lost:
            assert study.time == "" or any(
                _asks_for(one, study, order) for one in gathered.stuck
            )
        assert all(pieces_at_most(one, query) == 1 for one in gathered.stuck)
        assert max(Counter(one.key for one in scp.asked).values()) == 1

    @pytest.mark.parametrize("order", ORDERS)
    @pytest.mark.parametrize("unset", ["all", "below"])
    @pytest.mark.parametrize("silent", [False, True])
    def test_nothing_is_stuck_where_the_floor_allows_it(
        self, order: Callable[[str], Any], unset: str, *, silent: bool
    ) -> None:
        times = [f"{h:02}{m:02}{s:02}" for h in range(0, 24, 3) for m in (0, 20, 40)
                 for s in (0, 30)]  # fmt: skip
        held = [
            Study(uid, day, time)
            for uid, (day, time) in enumerate(
                (day, time)
                for day in ("20260101", "20260102", "20260103")
                for time in ["", *times]
            )
        ]
        scp = CappedScp(held, 5, order, unset, silent)
        gathered = gather(scp, studies("20260101", "20260103"), QUERY)
        assert gathered.stuck == []
        assert gathered.rows == set(held)

    def test_one_instant_over_the_cap_is_stuck(self) -> None:
        held = [Study(uid, "20260101", "120000") for uid in range(6)]
        scp = CappedScp(held, 5)
        gathered = gather(scp, studies("20260101", "20260101"), query_of(floor=1))
        assert texts(tuple(gathered.stuck), "StudyTime") == [
            "120000-120001",
            "115959-120000",
        ]


def _asks_for(request: Request, study: Study, order: Callable[[str], Any]) -> bool:
    day = text_at(request.identifier, DATE)
    times = text_at(request.identifier, TIME)
    return in_range(
        lexicographic, day if "-" in day else f"{day}-{day}", study.date
    ) and (not times or in_range(order, times, study.time))
