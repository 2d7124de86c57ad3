"""`limits.hours`: what the clock on the peer's wall shows decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.execution.hours import Opening, opening_of, opens
from batchfind.job.hours import DAYS, Interval, interval
from batchfind.job.model import PeerLimits
from tests.execution.plans import peer

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = (interval("Mon-Fri 20:00-06:00"), interval("Sat-Sun"))
MINUTE = timedelta(minutes=1)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


def shown(time: datetime | None) -> str:
    return "open" if time is None else time.isoformat(timespec="minutes")


class TestAnInterval:
    """2026-11-23 is a Monday."""

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-11-23T19:59:59.999999", "2026-11-23T20:00+01:00"),
            ("2026-11-23T20:00", "open"),
            ("2026-11-24T05:59:59.999999", "open"),
            ("2026-11-24T06:00", "2026-11-24T20:00+01:00"),
            ("2026-11-23T03:00", "2026-11-23T20:00+01:00"),
        ],
    )
    def test_over_midnight_belongs_to_the_day_it_starts(
        self, now: str, expected: str
    ) -> None:
        hours = [interval("Mon-Fri 20:00-06:00")]
        assert shown(opens(hours, at(now))) == expected

    def test_of_friday_night_ends_on_saturday(self) -> None:
        hours = [interval("Mon-Fri 20:00-06:00")]
        assert opens(hours, at("2026-11-28T05:59")) is None
        assert shown(opens(hours, at("2026-11-28T06:00"))) == "2026-11-30T20:00+01:00"

    def test_without_times_is_whole_days(self) -> None:
        hours = [interval("Sat-Sun")]
        assert shown(opens(hours, at("2026-11-27T23:59"))) == "2026-11-28T00:00+01:00"
        assert opens(hours, at("2026-11-29T23:59:59")) is None
        assert shown(opens(hours, at("2026-11-30T00:00"))) == "2026-12-05T00:00+01:00"

    def test_may_go_over_the_end_of_the_week(self) -> None:
        hours = [interval("Fri-Mon 08:00-24:00")]
        assert opens(hours, at("2026-11-29T12:00")) is None
        assert shown(opens(hours, at("2026-11-24T00:00"))) == "2026-11-27T08:00+01:00"

    def test_goes_on_where_another_begins(self) -> None:
        assert opens(NIGHTS, at("2026-11-28T06:00")) is None

    def test_is_that_of_the_peer_s_time_zone(self) -> None:
        hours = [interval("Mon 20:00-21:00")]
        now = datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
        assert opens(hours, now.astimezone(BERLIN)) is None
        assert shown(opens(hours, now)) == "2026-11-23T20:00+00:00"


class TestTheClock:
    """Europe/Berlin leaves 02:00 to 03:00 out on 2026-03-29, and has it twice on
    2026-10-25.
    """

    def test_that_leaves_a_begin_out_opens_with_what_it_shows_next(self) -> None:
        hours = [interval("Sun 02:30-04:00")]
        assert shown(opens(hours, at("2026-03-29T01:59"))) == "2026-03-29T03:00+02:00"

    def test_that_leaves_all_of_an_interval_out_opens_a_week_later(self) -> None:
        hours = [interval("Sun 02:15-02:45")]
        assert shown(opens(hours, at("2026-03-29T01:00"))) == "2026-04-05T02:15+02:00"

    def test_that_shows_an_interval_twice_opens_twice(self) -> None:
        hours = [interval("Sun 02:15-02:45")]
        first = at("2026-10-25T02:15")
        assert shown(opens(hours, at("2026-10-25T00:00"))) == "2026-10-25T02:15+02:00"
        assert opens(hours, first) is None
        between = at("2026-10-25T02:45")
        assert shown(opens(hours, between)) == "2026-10-25T02:15+01:00"
        assert opens(hours, at("2026-10-25T02:15", fold=1)) is None

    def test_that_goes_back_into_an_interval_opens_there(self) -> None:
        hours = [interval("Sun 01:00-02:30")]
        closed = at("2026-10-25T02:30")
        assert shown(opens(hours, closed)) == "2026-10-25T02:00+01:00"

    def test_that_leaves_a_day_out_opens_with_the_next(self) -> None:
        # Samoa went over the date line: 2011-12-29 was followed by 2011-12-31.
        apia = ZoneInfo("Pacific/Apia")
        hours = [interval("Fri")]
        found = opens(hours, at("2011-12-29T12:00", apia))
        assert shown(found) == "2012-01-06T00:00+14:00"


def covers(hours: tuple[Interval, ...], wall: datetime) -> bool:
    """The rule in other words: some start of an interval is not long enough ago."""
    for one in hours:
        for back in range(2):
            day = (wall - timedelta(days=back)).replace(hour=0, minute=0)
            begin = day + timedelta(minutes=one.begin)
            end = day + timedelta(minutes=one.end)
            if one.end <= one.begin:
                end += timedelta(days=1)
            listed = [DAYS[(one.first + step) % 7] for step in range(7)]
            listed = listed[: listed.index(DAYS[one.last]) + 1]
            if DAYS[day.weekday()] in listed and begin <= wall < end:
                return True
    return False


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    first, last = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    if draw(st.booleans()):
        return Interval(first, last)
    minutes = st.integers(0, 95).map(lambda quarter: quarter * 15) | st.integers(
        0, 1439
    )
    begin, end = draw(minutes), draw(minutes)
    if begin == end:
        return Interval(first, last)
    return Interval(first, last, begin, end or 1440)


#: A zone, and noon UTC of a day on which its clock is changed, or near one.
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"),  # at midnight: the day began at 01:00
    ("America/Sao_Paulo", "2019-02-17"),  # at midnight: the hour before came twice
    ("Australia/Lord_Howe", "2026-04-05"),  # by half an hour
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Kathmandu", "2026-10-25"),
    ("UTC", "2026-10-25"),
]


@pytest.mark.parametrize(("name", "day"), CHANGES)
@settings(max_examples=25, deadline=None)
@given(hours=st.lists(intervals(), min_size=1, max_size=3).map(tuple), skew=st.data())
def test_it_opens_at_the_first_minute_that_is_within_hours(
    name: str, day: str, hours: tuple[Interval, ...], skew: st.DataObject
) -> None:
    """Minute by minute through the change, as somebody at the wall would find it."""
    zone = ZoneInfo(name)
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    start = noon - MINUTE * skew.draw(st.integers(60, 36 * 60))
    found = opens(hours, start.astimezone(zone))
    reached = start if found is None else found.astimezone(UTC)
    for step in range(48 * 60):
        minute = start + step * MINUTE
        inside = covers(hours, minute.astimezone(zone).replace(tzinfo=None))
        assert inside == (minute >= reached)
        if inside:
            break


@given(hours=intervals())
def test_every_interval_reads_as_it_is_written(hours: Interval) -> None:
    again = interval(str(hours))
    assert str(again) == str(hours)
    assert again.minutes == hours.minutes


class TestAGroup:
    def test_without_hours_is_always_open(self) -> None:
        assert Opening().opens() is None
        assert Opening().ahead() == 0.0

    def test_is_open_when_all_of_its_peers_are(self) -> None:
        zones = ["Europe/Berlin", "Asia/Tokyo"]
        peers = [
            peer(zone, 104, timezone=zone, limits=PeerLimits(hours=NIGHTS))
            for zone in zones
        ]
        now = at("2026-11-23T18:00")  # Tuesday, 02:00 in Tokyo
        opening = opening_of(peers, None, waits=False, clock=lambda: now)
        assert shown(opening.opens()) == "2026-11-23T20:00+01:00"
        assert opening.ahead() == 7200.0
        assert str(opening) == (
            "Mon-Fri 20:00-06:00, Sat-Sun Europe/Berlin and "
            "Mon-Fri 20:00-06:00, Sat-Sun Asia/Tokyo"
        )

    def test_counts_the_hour_that_comes_twice(self) -> None:
        pacs = peer(
            "pacs", 104, limits=PeerLimits(hours=(interval("Sun 03:00-04:00"),))
        )
        now = at("2026-10-25T00:00")
        opening = opening_of([pacs], "Europe/Berlin", waits=True, clock=lambda: now)
        assert opening.ahead() == 4 * 3600.0

    def test_takes_the_job_s_time_zone_where_a_peer_has_none(self) -> None:
        pacs = peer("pacs", 104, limits=PeerLimits(hours=NIGHTS))
        now = datetime(2026, 11, 23, 19, 30, tzinfo=UTC)
        opening = opening_of([pacs], "Europe/Berlin", waits=True, clock=lambda: now)
        assert opening.opens() is None
