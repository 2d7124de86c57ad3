"""Matching of PS3.4 C.2.2.2, one class a clause."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.matching import (
    NEVER_MATCHED,
    WILDCARD_VRS,
    Stored,
    match_identifier,
    match_items,
    match_value,
)

SPS = 0x00400100
MODALITY = 0x00080060


class TestSingleValue:
    """C.2.2.2.1."""

    @pytest.mark.parametrize(
        ("vr", "key", "stored", "matches"),
        [
            ("LO", "A7", ["A7"], True),
            ("LO", "A7 ", ["A7"], True),
            ("LO", "A7", ["a7"], False),
            ("LO", "A7", ["A70"], False),
            ("LO", "A7", [], False),
            ("LO", "A7", [""], False),
            ("CS", "MR", ["CT", "MR"], True),
            ("CS", "CT\\MR", ["MR"], True),
            ("CS", "CT\\MR", ["US"], False),
            ("LT", "a\\b", ["a\\b"], True),
            ("IS", "7", ["007"], True),
            ("DS", "1.50", ["1.5"], True),
            ("DS", "1.5", ["1.51"], False),
            ("IS", "x", ["x"], True),
            ("US", "7", ["7"], True),
            ("AT", "7fe00010", ["7FE00010"], True),
            ("AS", "030Y", ["030Y"], True),
            ("UI", "1.2", ["1.2"], True),
        ],
    )
    def test_equality_by_meaning(
        self, vr: str, key: str, stored: list[str], matches: bool
    ) -> None:
        assert match_value(vr, key, stored) is matches


class TestPersonName:
    @pytest.mark.parametrize(
        ("key", "stored", "matches"),
        [
            ("doe^jane", "DOE^JANE", True),
            ("Doe^Jane^^", "Doe^Jane", True),
            ("Doe^Jane", "Doe^Jane^^^", True),
            ("Doe", "Doe^Jane", False),
            ("Doe^*", "Doe^Jane", True),
            ("Doe*", "Doe^Jane", True),
            ("D?e^Jane", "Doe^Jane", True),
            ("山田^太郎", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
            ("Yamada^*", "Yamada^Tarou=山田^太郎", True),
            ("Yamada^Tarou=山田^太郎", "Yamada^Tarou=山田^太郎", True),
            ("Yamada^Tarou=小田^太郎", "Yamada^Tarou=山田^太郎", False),
            ("MÜLLER*", "Müller^Anna", True),
        ],
    )
    def test_ignores_case_and_empty_ends(
        self, key: str, stored: str, matches: bool
    ) -> None:
        assert match_value("PN", key, [stored]) is matches


class TestUniversal:
    """C.2.2.2.3."""

    @pytest.mark.parametrize("vr", ["LO", "PN", "DA", "UI", "US", "SQ"])
    @pytest.mark.parametrize("stored", [[], [""], ["x"]])
    def test_zero_length_matches_everything(self, vr: str, stored: list[str]) -> None:
        assert match_value(vr, "", stored)

    @pytest.mark.parametrize("vr", sorted(WILDCARD_VRS))
    def test_an_asterisk_is_universal(self, vr: str) -> None:
        assert match_value(vr, "*", [])
        assert match_value(vr, "**", ["x"])


class TestUidList:
    """C.2.2.2.2."""

    def test_one_of_them_is_enough(self) -> None:
        assert match_value("UI", "1.2\\1.3", ["1.3"])
        assert not match_value("UI", "1.2\\1.3", ["1.4"])

    def test_knows_no_wildcards(self) -> None:
        assert not match_value("UI", "1.*", ["1.2"])


class TestWildcard:
    """C.2.2.2.4."""

    @pytest.mark.parametrize(
        ("key", "stored", "matches"),
        [
            ("A*", "A", True),
            ("A*", "ABC", True),
            ("A?", "A", False),
            ("A?", "AB", True),
            ("*B*", "ABC", True),
            ("A.C", "ABC", False),
            ("[A]*", "A", False),
            ("A*", "a", False),
            ("A*\n*", "A\n", True),
        ],
    )
    def test_asterisk_and_question_mark(
        self, key: str, stored: str, matches: bool
    ) -> None:
        assert match_value("LO", key, [stored]) is matches

    @given(st.text("AB*?", min_size=1), st.text("ABC", min_size=1))
    def test_agrees_with_the_shell(self, key: str, stored: str) -> None:
        assert match_value("LO", key, [stored]) == fnmatch.fnmatchcase(stored, key)

    def test_many_asterisks_take_no_time(self) -> None:
        assert not match_value("LO", "*" * 60 + "B", ["A" * 64])


class TestRange:
    """C.2.2.2.5."""

    @pytest.mark.parametrize(
        ("key", "stored", "matches"),
        [
            ("20260101-20260131", "20260101", True),
            ("20260101-20260131", "20260131", True),
            ("20260101-20260131", "20260201", False),
            ("20260101-", "20991231", True),
            ("20260101-", "20251231", False),
            ("-20260101", "19000101", True),
            ("-20260101", "20260102", False),
            ("20260131", "2026.01.31", True),
            ("20260131", "20260131 ", True),
            ("20260101-20260131", "unknown", False),
            ("20260101-20260131", "20260230", False),
            ("-", "20260101", False),
            ("-", "-", True),
        ],
    )
    def test_of_dates(self, key: str, stored: str, matches: bool) -> None:
        assert match_value("DA", key, [stored]) is matches

    @pytest.mark.parametrize(
        ("key", "stored", "matches"),
        [
            ("10", "103000", True),
            ("1030", "103059.999999", True),
            ("103000", "1030", False),
            ("10-12", "125959.999999", True),
            ("10-12", "130000", False),
            ("10-12", "12", True),
            ("1000-", "095959", False),
            ("-1200", "120059", True),
            ("-1200", "1201", False),
            ("103000", "10:30:00", True),
            ("10:30", "1030", True),
            ("235960", "235960", True),
            ("103000.5", "103000.500000", True),
            ("103000.5", "103000.6", False),
            ("1000-1100", "noon", False),
        ],
    )
    def test_of_times(self, key: str, stored: str, matches: bool) -> None:
        assert match_value("TM", key, [stored]) is matches

    @pytest.mark.parametrize(
        ("key", "stored", "matches"),
        [
            ("2026", "20260615", True),
            ("202602", "20260228235959.999999", True),
            ("202602", "20260301", False),
            ("2026-2027", "20271231", True),
            ("2026-2027", "2028", False),
            ("20260101-", "20260101000000", True),
            ("-20260101", "20260102", False),
            ("20260131100000+0100", "20260131090000+0000", True),
            ("20260131100000-0500", "20260131150000+0000", True),
            ("20260131100000-0500-20260131110000-0500", "20260131153000+0000", True),
            ("20260131100000-0500-20260131110000-0500", "20260131163000+0000", False),
            ("20260131100000", "20260131100000+0100", True),
            ("20260131100000+0100", "20260131100000", True),
            ("20260131-", "20260131000000+1000", True),
            ("20260131100000+0100-", "20260131100000", True),
            ("-20260131100000+0100", "20260131100000+0100", True),
            ("2026013110.5", "2026013110", False),
        ],
    )
    def test_of_date_times(self, key: str, stored: str, matches: bool) -> None:
        assert match_value("DT", key, [stored]) is matches

    @given(st.dates(), st.dates(), st.dates())
    def test_of_dates_is_closed_on_both_ends(
        self, first: object, last: object, stored: object
    ) -> None:
        low, high, held = (str(date).replace("-", "") for date in (first, last, stored))
        assert match_value("DA", f"{low}-{high}", [held]) == (low <= held <= high)


class TestSequence:
    """C.2.2.2.6."""

    KEY = (Element(MODALITY, "CS", "CT"), Element(0x00400002, "DA", "20260131"))

    def test_one_item_must_match_all_keys(self) -> None:
        right: dict[int, Stored] = {MODALITY: ["CT"], 0x00400002: ["20260131"]}
        wrong_day: dict[int, Stored] = {MODALITY: ["CT"], 0x00400002: ["20260201"]}
        wrong_one: dict[int, Stored] = {MODALITY: ["MR"], 0x00400002: ["20260131"]}
        assert match_items([self.KEY], [wrong_day, right])
        assert not match_items([self.KEY], [wrong_day, wrong_one])
        assert not match_items([self.KEY], [])

    @pytest.mark.parametrize(
        "keys",
        [
            [],
            [()],
            [(Element(MODALITY, "CS", ""),)],
            [(Element(0x00400008, "SQ", ()),)],
            [(Element(0x00400008, "SQ", ((),)),)],
        ],
    )
    def test_an_empty_item_asks_for_everything(self, keys: list[Identifier]) -> None:
        assert match_items(keys, [])

    def test_nests(self) -> None:
        key = (Element(SPS, "SQ", (self.KEY[:1],)),)
        assert match_identifier(key, {SPS: [{MODALITY: ["CT"]}]})
        assert not match_identifier(key, {SPS: [{MODALITY: ["MR"]}]})
        assert not match_identifier(key, {})


class TestIdentifier:
    def test_all_keys_must_match(self) -> None:
        keys = (Element(MODALITY, "CS", "CT"), Element(0x00100020, "LO", "7"))
        assert match_identifier(keys, {MODALITY: ["CT"], 0x00100020: ["7"]})
        assert not match_identifier(keys, {MODALITY: ["CT"], 0x00100020: ["8"]})

    @pytest.mark.parametrize("tag", sorted(NEVER_MATCHED))
    def test_keys_that_steer_are_passed_over(self, tag: int) -> None:
        assert match_identifier((Element(tag, "CS", "STUDY"),), {})

    def test_bytes_match_only_when_empty(self) -> None:
        assert match_identifier((Element(0x00091001, "UN", b""),), {})
        assert not match_identifier((Element(0x00091001, "UN", b"x"),), {})
