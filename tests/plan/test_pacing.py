"""What rates and hours of peers mean for a plan."""

from __future__ import annotations

from typing import Final

import pytest

from batchfind.errors import JobError
from batchfind.plan.codec import dumps, loads
from batchfind.plan.model import Plan
from batchfind.plan.pacing import bounds
from batchfind.plan.summary import summarise
from tests.plan.planning import Planner

HEAD: Final = """\
version: 1
name: test
timezone: Europe/Berlin
peers:
  pacs: {host: pacs.example.org, port: 104, limits: {LIMITS}}
  archive: {host: PACS.example.org, port: 104, called_ae: OLD}
  ris: {host: ris.example.org, port: 104, timezone: Asia/Tokyo, limits: {hours: Sun}}
"""
QUERIES: Final = """
queries:
  studies:
    model: study
    level: STUDY
    peers: [pacs, archive, ris]
    matrix: {id: [%s]}
    keys: {PatientID: "{{ id }}", StudyInstanceUID: ""}
"""


def planned(
    planner: Planner, limits: str = "rate: 30/m", count: int = 500, run: str = ""
) -> Plan:
    values = ", ".join(f"P{number}" for number in range(count))
    return planner.plan(QUERIES % values + run, head=HEAD.replace("LIMITS", limits))


class TestWhatIsShown:
    def test_is_the_least_time_of_all_requests_to_a_machine(
        self, planner: Planner
    ) -> None:
        assert list(bounds(planned(planner))) == [
            "pacs at 30/m at least 33 m",
            "archive at 30/m at least 33 m",
            "ris Sun Asia/Tokyo",
        ]

    @pytest.mark.parametrize(
        ("rate", "count", "expected"),
        [
            ("30/m", 1, "2 s"),
            ("30/m", 31, "2 m 2 s"),
            ("1/h", 13, "1 d 1 h"),
            ("6/h", 12, "3 h 50 m"),
            ("1/h", 12, "23 h"),
            ("1/m", 30, "59 m"),
        ],
    )
    def test_is_rounded_down(
        self, planner: Planner, rate: str, count: int, expected: str
    ) -> None:
        first, *_ = bounds(planned(planner, f"rate: {rate}", count))
        assert first == f"pacs at {rate} at least {expected}"

    def test_names_hours_with_their_time_zone(self, planner: Planner) -> None:
        limits = "rate: 2/s, hours: [Mon-Fri 20:00-06:00, Sat-Sun]"
        assert next(bounds(planned(planner, limits, 1))) == (
            "pacs at 2/s; Mon-Fri 20:00-06:00, Sat-Sun Europe/Berlin"
        )

    def test_stands_in_the_plan_in_brief(self, planner: Planner) -> None:
        lines = summarise(planned(planner)).splitlines()
        assert lines[1:4] == [
            "  limits    pacs at 30/m at least 33 m",
            "            archive at 30/m at least 33 m",
            "            ris Sun Asia/Tokyo",
        ]

    def test_is_nothing_without_them(self, planner: Planner) -> None:
        head = HEAD.replace("LIMITS", "").replace("hours: Sun", "")
        assert list(bounds(planner.plan(QUERIES % "P1", head=head))) == []


class TestADeadline:
    def test_that_no_rate_can_keep_is_warned_of(self, planner: Planner) -> None:
        (warning,) = planned(planner, run="run: {deadline: 10m}\n").warnings
        assert warning.path == "peers.pacs.limits.rate"
        assert (warning.mark.line, warning.mark.column) == (5, 3)
        assert warning.message == (
            "1,000 requests at 30/m take at least 33 m, and run.deadline ends the run "
            "after 10 m; raise one of them, or ask less"
        )

    def test_below_a_second_is_told_as_it_is(self, planner: Planner) -> None:
        (warning,) = planned(planner, run="run: {deadline: 500ms}\n").warnings
        assert "ends the run after 0.5 s" in warning.message

    @pytest.mark.parametrize(
        ("limits", "run"),
        [("rate: 30/m", "run: {deadline: 1h}\n"), ("", "run: {deadline: 1s}\n")],
    )
    def test_that_can_be_kept_is_not(
        self, planner: Planner, limits: str, run: str
    ) -> None:
        assert planned(planner, limits, run=run).warnings == ()


class TestAPlanFile:
    LIMITS: Final = "rate: 30/m, hours: [Mon-Fri 20:00-06:00, Sat-Sun], group: vna"

    def test_holds_them_as_the_job_writes_them(self, planner: Planner) -> None:
        plan = planned(planner, self.LIMITS, 1, "run: {outside_hours: wait}\n")
        text = dumps(plan)
        assert '"rate": "30/m"' in text
        assert '"hours": ["Mon-Fri 20:00-06:00", "Sat-Sun"]' in text
        assert '"outside_hours": "wait"' in text
        assert loads(text) == plan

    def test_has_a_digest_without_them(self, planner: Planner) -> None:
        plain, bound = planned(planner, "", 1), planned(planner, self.LIMITS, 1)
        assert plain.digest == bound.digest

    @pytest.mark.parametrize(
        ("written", "instead", "place"),
        [
            ('"30/m"', '"30"', "peers.pacs.limits.rate: '30' is no rate"),
            ('"30/m"', "30", "peers.pacs.limits.rate: must be a text"),
            ('"30/m"', '"none"', "peers.pacs.limits.rate: is not what the schema"),
            ('"Sat-Sun"', '"Sat-Son"', "limits.hours[1]: 'Sat-Son' are no hours"),
        ],
    )
    def test_that_holds_anything_else_is_refused(
        self, planner: Planner, written: str, instead: str, place: str
    ) -> None:
        text = dumps(planned(planner, self.LIMITS, 1)).replace(written, instead)
        with pytest.raises(JobError) as caught:
            loads(text)
        assert place in str(caught.value)
