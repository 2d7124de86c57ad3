"""What is said about matching values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.dictionary import tag_of
from batchfind.dicom.lint import FindingLevel, check_matching_value, normalise_value
from batchfind.dicom.vrs import LONG_FORM, SHORT_FORM

FORBIDDEN, VARIES = FindingLevel.FORBIDDEN, FindingLevel.VARIES
VRS = sorted(LONG_FORM | SHORT_FORM)


def levels(vr: str, text: str) -> list[FindingLevel]:
    return [finding.level for finding in check_matching_value(vr, 0x00100020, text)]


class TestAccepted:
    @pytest.mark.parametrize("vr", VRS)
    def test_the_empty_value(self, vr: str) -> None:
        assert levels(vr, "") == []

    @pytest.mark.parametrize(
        ("vr", "text"),
        [
            ("DA", "20260131"),
            ("DA", "20260101-20260131"),
            ("DA", "20260101-"),
            ("DA", "-20260131"),
            ("TM", "10"),
            ("TM", "1000-1159"),
            ("TM", "103000.5"),
            ("DT", "20260131-20260228"),
            ("DT", "20260131103000-0500"),
            ("PN", "Doe^*"),
            ("PN", "Doe^Jane"),
            ("PN", "D?e"),
            ("CS", "C?"),
            ("CS", "*"),
            ("UI", "1.2.3"),
            ("UI", "1.2.3\\1.2.4"),
            ("IS", "7"),
            ("DS", "-1.5e3"),
            ("US", "512"),
            ("FD", "0.5"),
            ("AT", "00100020"),
            ("AS", "030Y"),
            ("LO", "A*" + "B" * 70),
            ("LT", "a\\b"),
            ("UN", "01"),
            ("SQ", "anything"),
        ],
    )
    def test_what_the_standard_allows(self, vr: str, text: str) -> None:
        assert levels(vr, text) == []


class TestForbidden:
    @pytest.mark.parametrize(
        ("vr", "text", "clause", "word"),
        [
            ("DA", "-", "PS3.4 C.2.2.2.5", "leave the value empty"),
            ("TM", " - ", "PS3.4 C.2.2.2.5", "range without ends"),
            ("DA", "20260230", "PS3.4 C.2.2.2.5", "YYYYMMDD"),
            ("DA", "2026", "PS3.4 C.2.2.2.5", "YYYYMMDD"),
            ("DA", "garbage", "PS3.4 C.2.2.2.5", "20260131-20260228"),
            ("DA", "20260101-20260131-20260228", "PS3.4 C.2.2.2.5", "range"),
            ("DA", "2026.01.31", "PS3.5 6.2", "YYYYMMDD"),
            ("TM", "2500", "PS3.4 C.2.2.2.5", "HHMMSS"),
            ("TM", "10:30", "PS3.5 6.2", "HHMMSS"),
            ("DT", "2026-13", "PS3.4 C.2.2.2.5", "DT value"),
            ("DA", "2026*", "PS3.4 C.2.2.2.4", "use a range such as"),
            ("UI", "1.2.*", "PS3.4 C.2.2.2.4", "knows no wildcards"),
            ("IS", "1*", "PS3.4 C.2.2.2.4", "knows no wildcards"),
            ("DS", "?", "PS3.4 C.2.2.2.4", "knows no wildcards"),
            ("US", "*", "PS3.4 C.2.2.2.4", "knows no wildcards"),
            ("IS", "1.5", "PS3.4 C.2.2.2.1", "a whole number"),
            ("DS", "one", "PS3.4 C.2.2.2.1", "a number"),
            ("AT", "0010", "PS3.4 C.2.2.2.1", "(0018,1063)"),
            ("AS", "30Y", "PS3.4 C.2.2.2.1", "three digits"),
            ("UI", "1.02", "PS3.5 9.1", "no UID"),
            ("UI", "1.2\\x", "PS3.5 9.1", "no UID"),
            ("UI", "1.2\\", "PS3.5 9.1", "no UID"),
            ("UI", "1." + "2" * 63, "PS3.5 9.1", "at most 64"),
        ],
    )
    def test_names_clause_and_remedy(
        self, vr: str, text: str, clause: str, word: str
    ) -> None:
        (finding,) = check_matching_value(vr, 0x00100020, text)
        assert finding.level is FORBIDDEN
        assert finding.clause == clause
        assert word in finding.message
        assert finding.message.startswith("PatientID ")


class TestVaries:
    @pytest.mark.parametrize(
        ("vr", "text", "word"),
        [
            ("PN", "Doe", "NAME^*"),
            ("PN", '""', "empty values"),
            ("DA", '""', "empty values"),
            ("CS", "ct", "lower case"),
            ("CS", "C-T", "never holds"),
            ("CS", "CT\\MR", "one value at a time"),
            ("LO", "A" * 65, "65 characters"),
            ("SH", "A" * 17, "holds 16"),
            ("AE", "A" * 17, "holds 16"),
            ("CS", "A" * 17, "holds 16"),
            ("IS", "1" * 13, "holds 12"),
            ("DA", "20260228-20260131", "ends before it begins"),
            ("TM", "2300-0100", "ends before it begins"),
        ],
    )
    def test_says_how(self, vr: str, text: str, word: str) -> None:
        (finding,) = check_matching_value(vr, tag_of("PatientName") or 0, text)
        assert finding.level is VARIES
        assert word in finding.message

    def test_several_things_at_once(self) -> None:
        assert levels("DA", "20260101\\x") == [VARIES, FORBIDDEN]


class TestTotal:
    @given(st.sampled_from(VRS), st.text())
    def test_any_text_can_be_checked(self, vr: str, text: str) -> None:
        for finding in check_matching_value(vr, 0x00091001, text):
            assert finding.message
            assert "\n" not in finding.message

    @given(st.dates())
    def test_every_date_is_accepted(self, date: object) -> None:
        assert levels("DA", normalise_value("DA", str(date))) == []


class TestNormalise:
    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ("2026-01-31", "20260131"),
            ("2026-01-01-2026-01-31", "20260101-20260131"),
            ("2026-01-01-", "20260101-"),
            ("-2026-01-31", "-20260131"),
            ("20260101-2026-01-31", "20260101-20260131"),
            ("20260131", "20260131"),
            ("20260101-20260131", "20260101-20260131"),
            (" 2026-1-31", " 2026-1-31"),
            ("-", "-"),
        ],
    )
    def test_takes_the_hyphens_out_of_dates(self, text: str, sent: str) -> None:
        assert normalise_value("DA", text) == sent

    @pytest.mark.parametrize(
        ("text", "sent"),
        [
            ("(0018,1063)", "00181063"),
            ("0018,106a", "0018106A"),
            ("00181063", "00181063"),
            ("(0018,1063)\\0010,0020", "00181063\\00100020"),
            ("FrameTime", "FrameTime"),
        ],
    )
    def test_writes_tags_as_eight_digits(self, text: str, sent: str) -> None:
        assert normalise_value("AT", text) == sent

    @pytest.mark.parametrize("vr", ["TM", "DT", "LO", "PN"])
    def test_leaves_every_other_vr_alone(self, vr: str) -> None:
        assert normalise_value(vr, "2026-01-31 ") == "2026-01-31 "


class TestControlCharacters:
    """PS3.5 Section 6.2: line ends stand in LT, ST and UT, nothing else anywhere."""

    @pytest.mark.parametrize("char", ["\0", "\a", "\x1b", "\x7f", "\x85", "\v"])
    @pytest.mark.parametrize("vr", ["LO", "PN", "SH", "UC", "LT", "ST", "UT"])
    def test_are_forbidden(self, vr: str, char: str) -> None:
        (finding,) = check_matching_value(vr, 0x00100020, f"a{char}b")
        assert finding.level is FindingLevel.FORBIDDEN
        assert finding.clause == "PS3.5 6.2"
        assert f"U+{ord(char):04X}" in finding.message

    @pytest.mark.parametrize("char", ["\t", "\n", "\f", "\r"])
    def test_of_lines_stand_in_long_text(self, char: str) -> None:
        for vr in ("LT", "ST", "UT"):
            assert check_matching_value(vr, 0x00104000, f"a{char}b") == []
        for vr in ("AE", "CS", "DA", "IS", "LO", "PN", "SH", "UC", "UI", "UR"):
            (finding,) = check_matching_value(vr, 0x00100020, f"a{char}b")
            assert finding.clause == "PS3.5 6.2"


class TestOldForms:
    """PS3.5 Section 6.2 gives DA and TM no separators."""

    @pytest.mark.parametrize(
        ("vr", "value", "wanted"),
        [
            ("TM", "12:30:15", "123015"),
            ("TM", "12:30-13:00", "1230-1300"),
            ("DA", "2026.01.31", "20260131"),
            ("DA", "2026.01.31-", "20260131-"),
        ],
    )
    def test_are_told_with_the_form_to_write(
        self, vr: str, value: str, wanted: str
    ) -> None:
        (finding,) = check_matching_value(vr, 0x00080030, value)
        assert finding.level is FindingLevel.FORBIDDEN
        assert finding.message.endswith(f"; write {wanted}")
