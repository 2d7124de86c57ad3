"""Dates and times as people write them become what DICOM writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.lint import check_matching_value
from batchfind.dicom.moments import suggestion


@pytest.mark.parametrize(
    ("vr", "text", "meant"),
    [
        ("DA", "31.01.2026", "20260131"),
        ("DA", "1.2.2026", "20260201"),
        ("DA", "2026.01.31", "20260131"),
        ("DA", "2026/01/31", "20260131"),
        ("DA", "2026-1-5", "20260105"),
        ("DA", "31.01.2026-28.02.2026", "20260131-20260228"),
        ("DA", "2026-01-01 - 2026-01-31", "20260101-20260131"),
        ("DA", "20260101..20260131", "20260101-20260131"),
        ("DA", "20260101 to 20260131", "20260101-20260131"),
        ("DA", "2026.01.01-", "20260101-"),
        ("DA", "-2026.01.31", "-20260131"),
        ("DA", ">=20200101", "20200101-"),
        ("DA", "<= 1.1.2026", "-20260101"),
        ("DA", "2024-02", "20240201-20240229"),
        ("DA", "2026", "20260101-20261231"),
        ("DA", "2026-2027", "20260101-20271231"),
        ("TM", "12:30", "1230"),
        ("TM", "8:30", "0830"),
        ("TM", "12:30:15.5", "123015.5"),
        ("TM", "00:00-23:59", "0000-2359"),
        ("TM", "0800 - 12:00", "0800-1200"),
        ("TM", "-12:00", "-1200"),
        ("TM", ">= 12:00", "1200-"),
        ("DT", "2026-01-31", "20260131"),
        ("DT", "2026-01-31T12:30:15", "20260131123015"),
        ("DT", "31.01.2026 8:15", "202601310815"),
        ("DT", "2026-01-31T12:30+01:00", "202601311230+0100"),
        ("DT", "2026-01-31T12:30Z", "202601311230+0000"),
        ("DT", "2026-01-01T00:00-2026-01-31T23:59", "202601010000-202601312359"),
    ],
)
def test_an_error_says_what_to_write(vr: str, text: str, meant: str) -> None:
    assert suggestion(vr, text) == meant
    (finding,) = check_matching_value(vr, 0x00080020, text)
    assert finding.message.endswith(f"; write {meant}")
    assert check_matching_value(vr, 0x00080020, meant) == []


@pytest.mark.parametrize(
    ("vr", "text"),
    [
        ("DA", "01/02/2026"),
        ("DA", "31.02.2026"),
        ("DA", "2026-13"),
        ("DA", "0000"),
        ("DA", "> soon"),
        ("DA", "soon"),
        ("DA", "20260101-20260131-20260228"),
        ("TM", "24:00"),
        ("TM", "noon"),
        ("DT", "2026-01"),
        ("DT", "2026-01-31Tnoon"),
        ("DT", "2026-01-31T12:3"),
        ("DT", "noon"),
    ],
)
def test_what_is_ambiguous_or_no_date_is_left_to_its_author(vr: str, text: str) -> None:
    assert suggestion(vr, text) is None
    assert check_matching_value(vr, 0x00080020, text)


@given(st.sampled_from(["DA", "TM", "DT"]), st.text("0123456789.:-/ T+<>", max_size=24))
def test_what_is_suggested_can_be_sent(vr: str, text: str) -> None:
    meant = suggestion(vr, text)
    if meant is not None:
        findings = check_matching_value(vr, 0x00080020, meant)
        assert not [one for one in findings if one.level.value == "forbidden"]
