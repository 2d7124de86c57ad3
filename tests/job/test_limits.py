"""`limits`: rates and hours as jobs write them, and what they cannot mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

import pytest

from batchfind.job.hours import EndlessError, Interval, day_and_time, interval
from batchfind.job.model import Job, OutsideHours
from batchfind.job.units import Rate, rate

Load: TypeAlias = Callable[[str], Job]
Problems: TypeAlias = Callable[[str | bytes], list[str]]
WithPeer: TypeAlias = Callable[[str], str]

HEAD = "version: 1\nname: test\n"
QUERY = "queries: {q: {model: study, level: STUDY, keys: {PatientID: x}}}\n"


class TestARate:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("2/s", 0.5), ("30/m", 2.0), ("500/h", 7.2), ("1/h", 3600.0)],
    )
    def test_is_so_many_in_a_unit_of_time(self, text: str, expected: float) -> None:
        found = rate(text)
        assert found is not None
        assert found.interval == pytest.approx(expected)
        assert str(found) == text

    def test_may_be_none(self) -> None:
        assert rate("none") is None

    @pytest.mark.parametrize("text", ["", "30", "0/m", "30/min", "30 / m", "1.5/s"])
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(ValueError, match="is no rate; write 2/s, 30/m or 500/h"):
            rate(text)


class TestAnInterval:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Sun", Interval(6, 6)),
            ("Sat-Sun", Interval(5, 6)),
            ("Fri-Mon", Interval(4, 0)),
            ("Mon-Fri 20:00-06:00", Interval(0, 4, 1200, 360)),
            ("Mon 08:30-24:00", Interval(0, 0, 510, 1440)),
            ("Mon 20:00-00:00", Interval(0, 0, 1200, 1440)),
            ("Mon 00:00-24:00", Interval(0, 0)),
        ],
    )
    def test_is_days_and_times(self, text: str, expected: Interval) -> None:
        assert interval(text) == expected

    @pytest.mark.parametrize(
        ("text", "minutes"),
        [("Mon", 1440), ("Mon 20:00-06:00", 600), ("Mon 08:00-08:01", 1)],
    )
    def test_has_a_length(self, text: str, minutes: int) -> None:
        assert interval(text).minutes == minutes

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "any",
            "22:00-05:00",
            "mon-fri",
            "Monday",
            "Mon,Tue",
            "Mon-Fri 8:00-9:00",
            "Mon 20:00",
            "Mon 24:00-06:00",
            "Mon 20:00-24:01",
            "Mon  20:00-21:00",
            "Mon-Fri 20:00-06:00 UTC",
        ],
    )
    def test_is_nothing_else(self, text: str) -> None:
        with pytest.raises(ValueError, match="are no hours; write Mon-Fri 20:00-06:00"):
            interval(text)

    @pytest.mark.parametrize("text", ["Mon 20:00-20:00", "Sat-Sun 00:00-00:00"])
    def test_cannot_end_when_it_begins(self, text: str) -> None:
        with pytest.raises(EndlessError, match="leave the times out for whole days"):
            interval(text)


class TestInAJob:
    def test_both_have_defaults(self, load: Load, with_peer: WithPeer) -> None:
        job = load(with_peer("host: h\nport: 104"))
        assert job.peers["pacs"].limits.rate is None
        assert job.peers["pacs"].limits.hours == ()
        assert job.run.outside_hours is OutsideHours.STOP

    def test_both_are_read(self, load: Load, with_peer: WithPeer) -> None:
        limits = "{rate: 30/m, hours: [Mon-Fri 20:00-06:00, Sat-Sun], group: vna}"
        text = with_peer(f"host: h\nport: 104\nlimits: {limits}")
        job = load(f"{text}run: {{outside_hours: wait}}\n")
        found = job.peers["pacs"].limits
        assert (found.rate, found.group) == (Rate(30, "m"), "vna")
        assert found.hours == (interval("Mon-Fri 20:00-06:00"), interval("Sat-Sun"))
        assert job.run.outside_hours is OutsideHours.WAIT

    @pytest.mark.parametrize(
        ("hours", "expected"), [("Sun", ("Sun",)), ("any", ()), ("[Sun]", ("Sun",))]
    )
    def test_hours_may_be_one_or_any(
        self, load: Load, with_peer: WithPeer, hours: str, expected: tuple[str, ...]
    ) -> None:
        job = load(with_peer(f"host: h\nport: 104\nlimits: {{hours: {hours}}}"))
        assert tuple(map(str, job.peers["pacs"].limits.hours)) == expected

    @pytest.mark.parametrize(
        ("limits", "problem"),
        [
            (
                "{rate: 30}",
                (
                    "8:20: peers.pacs.limits.rate: must be a rate such as 2/s, 30/m or "
                    "500/h, or none, not 30"
                ),
            ),
            (
                '{hours: "22:00-05:00"}',
                (
                    "8:21: peers.pacs.limits.hours: must be any, or hours such as "
                    "Mon-Fri 20:00-06:00, Sat-Sun, or Mon-Sun 22:00-05:00 for every "
                    "night, or a list of them, not '22:00-05:00'"
                ),
            ),
            (
                "{hours: [Sun, Mo 20:00-06:00]}",
                (
                    "8:27: peers.pacs.limits.hours[1]: must be hours such as Mon-Fri "
                    "20:00-06:00, Sat-Sun, or Mon-Sun 22:00-05:00 for every night, not "
                    "'Mo 20:00-06:00'"
                ),
            ),
            (
                "{hours: [Sun, Mon 20:00-20:00]}",
                (
                    "8:27: peers.pacs.limits.hours[1]: 'Mon 20:00-20:00' begins and "
                    "ends at 20:00; leave the times out for whole days"
                ),
            ),
            (
                "{hours: Mon 20:00-20:00}",
                (
                    "8:21: peers.pacs.limits.hours: 'Mon 20:00-20:00' begins and ends "
                    "at 20:00; leave the times out for whole days"
                ),
            ),
        ],
    )
    def test_what_they_cannot_be_is_told_where_it_stands(
        self, problems: Problems, with_peer: WithPeer, limits: str, problem: str
    ) -> None:
        text = with_peer(f"host: h\nport: 104\nlimits: {limits}")
        assert problems(text) == [f"job.yaml:{problem}"]


class TestHoursOfAGroup:
    def test_need_a_time_zone(self, problems: Problems) -> None:
        job = (
            f"{HEAD}peers: {{p: {{host: h, port: 1, limits: {{hours: Sun}}}}}}\n{QUERY}"
        )
        (found,) = problems(job)
        assert found == (
            "job.yaml:3:47: peers.p.limits.hours: the field 'timezone' is missing, and "
            "hours depend on it; write it at the top of the job or at the peer, "
            "such as 'timezone: Europe/Berlin'"
        )

    def test_may_have_that_of_the_peer(self, problems: Problems) -> None:
        peer = "{host: h, port: 1, timezone: Asia/Tokyo, limits: {hours: Sun}}"
        assert problems(f"{HEAD}peers: {{p: {peer}}}\n{QUERY}") == []

    @pytest.mark.parametrize(
        ("others", "fine"),
        [
            ("host: H, port: 1, limits: {hours: Sat}", False),
            ("host: H, port: 1, timezone: Asia/Tokyo, limits: {hours: Sun}", False),
            ("host: H, port: 1, timezone: UTC, limits: {hours: Sun}", True),
            ("host: H, port: 1", True),
            ("host: H, port: 2, limits: {hours: Sat}", True),
            ("host: H, port: 1, limits: {hours: Sat, group: other}", True),
            ("host: H, port: 2, limits: {hours: Sun}", True),
        ],
    )
    def test_are_the_same_for_all_its_peers(
        self, problems: Problems, others: str, *, fine: bool
    ) -> None:
        first = "host: h, port: 1, limits: {hours: Sun}"
        peers = f"peers:\n  first: {{{first}}}\n  second: {{{others}}}\n"
        query = QUERY.replace("{model", "{peers: [first, second], model")
        found = problems(f"{HEAD}timezone: UTC\n{peers}{query}")
        assert len(found) == (not fine)
        for one in found:
            assert "peer first is the same machine as second" in one
            assert "limits.group of its own" in one

    def test_of_a_named_group_are_the_same_on_all_its_hosts(
        self, problems: Problems
    ) -> None:
        limits = "limits: {group: vna, hours: %s}"
        peers = (
            f"peers:\n  a: {{host: a, port: 1, {limits % 'Sun'}}}\n"
            f"  b: {{host: b, port: 1, {limits % 'Sat'}}}\n"
        )
        query = QUERY.replace("{model", "{peers: [a, b], model")
        (found,) = problems(f"{HEAD}timezone: UTC\n{peers}{query}")
        assert found.startswith("job.yaml:6:")


def test_a_time_is_told_by_day_and_minute() -> None:
    time = datetime.fromisoformat("2026-11-23T20:00:30+01:00")
    assert day_and_time(time) == "Mon 20:00"
