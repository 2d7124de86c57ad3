"""Judging of values received, one class a kind of key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.judging import judge_of
from batchfind.dicom.matching import match_value
from batchfind.dicom.vrs import SINGLE_VALUED_VRS


def judged(vr: str, key: str, text: str, *negotiated: str) -> bool | None:
    judge = judge_of(vr, key, negotiated)
    return None if judge is None else judge(text)


class TestSingleValue:
    """C.2.2.2.1."""

    @pytest.mark.parametrize(
        ("vr", "key", "text", "verdict"),
        [
            ("LO", "A7", "A7", True),
            ("LO", "A7", "a7", None),
            ("CS", "MR", "CT\\MR", True),
            ("CS", "MR", "CT\\US", False),
            ("LT", "a\\b", "a\\b", True),
            ("LT", "a", "a\\b", False),
            ("AT", "7fe00010", "7FE00010", True),
            ("AS", "030Y", "031Y", False),
            ("LO", "Müller", "Mu\u0308ller", True),
            ("LO", "Müller", "Muller", False),
        ],
    )
    def test_is_told_by_the_text(
        self, vr: str, key: str, text: str, verdict: bool
    ) -> None:
        assert judged(vr, key, text) is verdict

    @pytest.mark.parametrize(
        ("vr", "key", "text", "verdict"),
        [
            ("IS", "7", "007", True),
            ("DS", "1.50", "1.5", True),
            ("US", "7", "8", False),
            ("IS", "7", "8\\7", True),
            ("IS", "7", "seven", None),
            ("IS", "7", "8\\x", None),
            ("IS", "x", "7", None),
            ("DS", "nan", "1", None),
        ],
    )
    def test_is_told_by_the_number(
        self, vr: str, key: str, text: str, verdict: bool | None
    ) -> None:
        assert judged(vr, key, text) is verdict


class TestListOfUid:
    """C.2.2.2.2."""

    def test_one_of_the_list_is_enough(self) -> None:
        assert judged("UI", "1.2\\1.3", "1.3") is True
        assert judged("UI", "1.2\\1.3", "1.4\\1.2") is True
        assert judged("UI", "1.2\\1.3", "1.30") is False


class TestWildcards:
    """C.2.2.2.4."""

    def test_stand_for_other_characters(self) -> None:
        assert judged("LO", "A*7?", "AB71") is True
        assert judged("LO", "A*7?", "B71") is False

    def test_beyond_ascii_nobody_knows_what_a_character_is(self) -> None:
        assert judged("LO", "M?ller", "Müller") is None
        assert judged("LO", "Mü*", "Anders") is None

    def test_where_the_standard_knows_none_they_mean_nothing(self) -> None:
        assert judged("UI", "1.2.*", "1.3") is None
        assert judged("DA", "2026*", "20250101") is None


class TestRange:
    """C.2.2.2.5."""

    @pytest.mark.parametrize(
        ("vr", "key", "text", "verdict"),
        [
            ("DA", "20260101-20260131", "20260131", True),
            ("DA", "20260101-20260131", "2026.01.31", True),
            ("DA", "20260101-20260131", "20260201", False),
            ("DA", "-20260131", "2026.02.01", False),
            ("DA", "20260101", "20260102", False),
            ("DA", "20260101-", "20261399", None),
            ("DA", "20260231", "20260101", None),
            ("TM", "1200-1300", "12:30:00", True),
            ("TM", "1200-1300", "13:30:00", False),
            ("TM", "103000", "103000.5", True),
            ("TM", "103000", "1030", None),
            ("TM", "103000", "11", False),
            ("TM", "103000", "25", None),
            ("DT", "20260131-", "20260130235959", False),
            ("DT", "20260131120000+0100", "20260131120000", True),
            ("DT", "20260131120000+0100", "20260131110000", None),
        ],
    )
    def test_is_told_by_the_moment(
        self, vr: str, key: str, text: str, verdict: bool | None
    ) -> None:
        assert judged(vr, key, text) is verdict


class TestWhatNobodyCanTell:
    @pytest.mark.parametrize(
        ("vr", "key"),
        [("LO", ""), ("LO", "**"), ("PN", "Doe^Jane"), ("OB", "AA=="), ("LO", '""')],
    )
    def test_some_keys_say_nothing_of_any_value(self, vr: str, key: str) -> None:
        assert judge_of(vr, key) is None

    @pytest.mark.parametrize("vr", ["LO", "DA", "TM", "UI", "IS"])
    @pytest.mark.parametrize("text", ["", "\ufffd1"])
    def test_empty_and_undecodable_values_say_nothing(self, vr: str, text: str) -> None:
        assert judged(vr, "12", text) is None

    def test_a_peer_may_move_moments_to_another_zone(self) -> None:
        assert judge_of("DA", "20260101", ("timezone",)) is None
        assert judged("LO", "1", "2", "timezone") is False


class TestNegotiated:
    """C.2.2.2.7 and C.2.2.2.8."""

    def test_empty_value_matching_finds_nothing_with_a_value(self) -> None:
        assert judged("LO", '""', "1", "empty_value") is False
        assert judged("LO", '""', "", "empty_value") is None

    def test_several_values_mean_something_when_negotiated(self) -> None:
        assert judge_of("CS", "CT\\MR") is None
        assert judged("CS", "CT\\MR", "MR", "multiple_value") is True
        assert judged("CS", "CT\\MR", "US", "multiple_value") is False
        assert judged("DA", "20260101\\20260103", "20260102", "multiple_value") is False


_TEXTS = st.text("012379AB.:-*?", max_size=9)
_DATES = st.dates().map(lambda day: day.strftime("%Y").zfill(4) + f"{day:%m%d}")
_TIMES = st.times().map(lambda time: f"{time:%H%M%S}")
_KEYS = {
    "DA": st.one_of(_DATES, st.tuples(_DATES, _DATES).map("-".join), _TEXTS),
    "TM": st.one_of(_TIMES, st.tuples(_TIMES, _TIMES).map("-".join), _TEXTS),
}
_HELD = {"DA": _DATES, "TM": _TIMES}


@given(
    st.sampled_from(["AE", "AS", "CS", "DA", "IS", "LO", "LT", "TM", "UI"]), st.data()
)
def test_a_verdict_is_that_of_matching(vr: str, data: st.DataObject) -> None:
    key = data.draw(_KEYS.get(vr, _TEXTS))
    text = data.draw(st.one_of(_HELD.get(vr, _TEXTS), _TEXTS))
    verdict = judged(vr, key, text)
    values = [text] if vr in SINGLE_VALUED_VRS else text.split("\\")
    assert verdict in (None, match_value(vr, key, values))
