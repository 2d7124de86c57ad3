"""A text that names no time zone: what was meant, where that is certain."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchfind.job.zones import zone_hint


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("Europe/Belin", "Europe/Berlin"),
        ("utc", "UTC"),
    ],
)
def test_a_place_is_found(text: str, zone: str) -> None:
    assert zone_hint(text) == f" (did you mean '{zone}'?)"


@pytest.mark.parametrize("text", ["CEST", "MEZ", "MESZ", "GMT+1", "UTC+2", "+01:00"])
def test_an_abbreviation_or_offset_is_not_guessed_at(text: str) -> None:
    assert zone_hint(text) == "; write Region/City, such as Europe/Berlin"


def test_a_job_says_it(
    problems: Callable[[str], list[str]], with_keys: Callable[[str], str]
) -> None:
    text = with_keys("PatientID: x").replace("timezone: UTC", "timezone: CEST")
    assert problems(text) == [
        (
            "job.yaml:3:11: timezone: 'CEST' is no IANA time zone; write Region/City,"
            " such as Europe/Berlin"
        )
    ]
