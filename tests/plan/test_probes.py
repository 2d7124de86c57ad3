"""The request for rows without a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchfind.job.transport_model import Asked
from batchfind.plan.digests import request_key
from batchfind.plan.model import (
    Extent,
    Origin,
    Piecing,
    PlannedQuery,
    Request,
)
from batchfind.plan.splitting import (
    pieces_of,
    unset_probe,
)
from tests.plan.planning import value_of
from tests.plan.splits import PEER, query_of, studies

QUERY = query_of()


def texts(pieces: tuple[Request, ...], key: str = "StudyDate") -> list[Any]:
    return [value_of(piece, key) for piece in pieces]


class TestUnsetProbe:
    def test_it_asks_for_times_up_to_midnight(self) -> None:
        day = studies("20260101", "20260101")
        probe = unset_probe(day, QUERY, PEER, 2)
        assert (probe.id, probe.parent) == ("0.0.2", "0.0")
        assert (probe.origin, probe.family) == (Origin.SPLIT, "0.0")
        assert value_of(probe, "StudyTime") == "-000000"
        assert probe.extent == Extent(
            first="20260101", last="20260101", high="000000", by=Piecing.UNSET
        )
        assert probe.key == request_key(probe, PEER)
        assert pieces_of(probe, QUERY, PEER) == ()

    def test_or_by_empty_value_matching_which_it_then_needs(self) -> None:
        day = replace(
            studies("20260101", "20260101"),
            negotiation={"empty_value": Asked.PREFER, "fuzzy": Asked.PREFER},
        )
        probe = unset_probe(day, QUERY, PEER, 2, empty_value=True)
        assert value_of(probe, "StudyTime") == '""'
        assert probe.negotiation == {
            "empty_value": Asked.REQUIRE,
            "fuzzy": Asked.PREFER,
        }
        assert probe.key == request_key(probe, PEER)
        assert pieces_of(probe, QUERY, PEER) == ()

    def test_it_is_cut_by_further_keys_only(self) -> None:
        query = query_of(then={"PatientSex": ("F", "M")})
        probe = unset_probe(studies("20260101", "20260101"), query, PEER, 2)
        pieces = pieces_of(probe, query, PEER)
        assert texts(pieces, "PatientSex") == ["F", "M"]
        assert texts(pieces, "StudyTime") == ["-000000"] * 2

    @pytest.mark.parametrize(
        ("request_", "query"),
        [
            (studies("20260101", "20260102"), QUERY),
            (studies("20260101", ""), QUERY),
            (studies("20260101", "20260101", "080000-"), QUERY),
            (studies("20260101", "20260101"), query_of(time=None)),
            (studies("20260101", "20260101"), replace(QUERY, splitting=None)),
            (replace(studies("20260101", "20260101"), extent=None), QUERY),
        ],
        ids=[
            "days",
            "open",
            "times of the job",
            "no time key",
            "no split",
            "no extent",
        ],
    )
    def test_only_a_day_open_below_has_one(
        self, request_: Request, query: PlannedQuery
    ) -> None:
        with pytest.raises(ValueError, match="is no day whose times"):
            unset_probe(request_, query, PEER, 2)
