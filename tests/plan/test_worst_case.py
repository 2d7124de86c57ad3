"""How many requests cutting makes at most."""

from __future__ import annotations

import pytest

from batchfind.plan.model import (
    PlannedQuery,
    Request,
)
from batchfind.plan.worst_case import pieces_at_most, requests_at_most
from tests.plan.splits import ends_of, query_of, studies, tree_of

QUERY = query_of()


class TestWorstCase:
    @pytest.mark.parametrize(
        ("request_", "query"),
        [
            (studies("20260101", "20260105"), query_of(floor=7200)),
            (studies("20260101", "20260102", "0830-1200"), query_of(floor=3600)),
            (studies("20260101", "20260103"), query_of(time=None)),
            (studies("20260101", "20260101", "120000"), QUERY),
            (
                studies("20260101", "20260102"),
                query_of(
                    floor=43_200,
                    then={"PatientSex": ("F", "M"), "StudyID": ("1", "2", "3")},
                ),
            ),
        ],
        ids=["days", "times", "no time key", "an instant", "further keys"],
    )
    def test_it_is_what_a_peer_that_always_caps_gets(
        self, request_: Request, query: PlannedQuery
    ) -> None:
        assert pieces_at_most(request_, query) == len(list(ends_of(request_, query)))
        assert requests_at_most(request_, query) == len(list(tree_of(request_, query)))

    def test_nobody_can_tell_for_open_days(self) -> None:
        assert pieces_at_most(studies("20260101", ""), QUERY) is None
        assert requests_at_most(studies("", "20260101"), QUERY) is None

    def test_a_quarter_of_an_hour_makes_96_pieces_of_a_day(self) -> None:
        day = studies("20260101", "20260101")
        assert (pieces_at_most(day, QUERY), requests_at_most(day, QUERY)) == (96, 191)
