"""Invented studies: more than a peer that caps gives at once."""

from __future__ import annotations

from collections import Counter

import pytest

from batchfind.demo.archive import Archive, load
from batchfind.demo.entity import Entity, tag_named
from batchfind.demo.finding import QueryRetrieve
from batchfind.demo.invented import BUSY_DAY, instances
from batchfind.demo.pacs_keys import LEVELS
from tests.demo.asking import found, values

DATE, TIME = tag_named("StudyDate"), tag_named("StudyTime")
BUSY = f"{BUSY_DAY:%Y%m%d}"


@pytest.fixture(scope="module")
def quarter() -> Archive:
    return load((), instances(400))


@pytest.fixture(scope="module")
def busy(quarter: Archive) -> list[Entity]:
    return [study for study in quarter["STUDY"] if study.text(DATE) == BUSY]


class TestStudies:
    def test_are_as_many_as_wanted(self, quarter: Archive) -> None:
        assert len(quarter["STUDY"]) == 400
        assert len(quarter["SERIES"]) == 600
        assert len(quarter["IMAGE"]) == 1200
        assert load((), instances(0))["STUDY"] == []

    def test_fill_a_quarter_of_a_year_and_crowd_on_one_day(
        self, quarter: Archive, busy: list[Entity]
    ) -> None:
        days = Counter(study.text(DATE) for study in quarter["STUDY"])
        assert (min(days), max(days), len(days)) == ("20250101", "20250331", 90)
        assert len(busy) > 130
        assert sorted(days.values())[-2] < 10

    def test_have_times_of_every_precision_or_none(self, busy: list[Entity]) -> None:
        lengths = {len(study.text(TIME)) for study in busy}
        assert lengths == {0, 4, 6, 8}

    def test_do_not_depend_on_how_many_are_wanted(self) -> None:
        few = list(instances(7))
        assert few == list(instances(400))[: len(few)]


class TestAStudyWithoutATime:
    """It comes before every time there is, as in many databases."""

    @pytest.mark.parametrize(
        ("times", "comes"),
        [("", True), ("-000000", True), ("-120000", True), ("000000-120000", False)],
    )
    def test_is_found_by_ranges_that_are_open_below(
        self, times: str, comes: bool, quarter: Archive
    ) -> None:
        archive = QueryRetrieve(quarter, LEVELS[1:], "DEMOPACS")
        keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": BUSY, "StudyTime": times}
        assert ("" in values(found(archive, keys), "StudyTime")) is comes
