from __future__ import annotations

import pytest

from batchfind.dicom import dictionary


class TestVr:
    @pytest.mark.parametrize(
        ("tag", "vr"),
        [
            (0x00100010, "PN"),
            (0x00400100, "SQ"),
            (0x00280106, "US"),  # US or SS
            (0x7FE00010, "OW"),  # OB or OW
            (0x00283006, "OW"),  # US or OW
            (0x60020010, "US"),  # a repeating group
            (0x00080000, "UL"),  # a group length
            (0x00190010, "LO"),  # a private creator
            (0x00191001, "UN"),
            (0x00089998, "UN"),
            (0xFFFEE000, "UN"),
        ],
    )
    def test_every_tag_has_exactly_one(self, tag: int, vr: str) -> None:
        assert dictionary.vr_of(tag) == vr

    def test_a_private_element_has_the_one_of_its_creator(self) -> None:
        creator = "SIEMENS CM VA0  ACQU"
        assert dictionary.private_vr(creator, 0x00191010) == "LO"
        assert dictionary.private_vr(creator, 0x0019AA10) == "LO"

    def test_an_unknown_creator_has_none(self) -> None:
        assert dictionary.private_vr("FICTIONAL", 0x00191010) is None


class TestKeyword:
    def test_tag_and_keyword_are_inverse(self) -> None:
        assert dictionary.keyword_of(0x00100020) == "PatientID"
        assert dictionary.tag_of("PatientID") == 0x00100020

    @pytest.mark.parametrize("tag", [0x00190010, 0x00089998, 0x60000010])
    def test_private_unknown_and_repeating_tags_have_none(self, tag: int) -> None:
        assert dictionary.keyword_of(tag) is None

    def test_case_matters(self) -> None:
        assert dictionary.tag_of("patientid") is None

    def test_a_label_is_the_keyword_or_the_tag(self) -> None:
        assert dictionary.label(0x00100020) == "PatientID"
        assert dictionary.label(0x0019ABCD) == "(0019,ABCD)"

    @pytest.mark.parametrize(
        ("text", "meant"),
        [
            ("patientid", "PatientID"),
            ("Patient ID", "PatientID"),
            ("PatientNmae", "PatientName"),
            ("StudyInstanceUid", "StudyInstanceUID"),
            ("Quark", None),
        ],
    )
    def test_a_slip_gets_a_suggestion(self, text: str, meant: str | None) -> None:
        assert dictionary.suggest_keyword(text) == meant


class TestMultiplicity:
    @pytest.mark.parametrize(
        ("tag", "vm"),
        [
            (0x00100020, "1"),
            (0x00080061, "1-n"),
            (0x60000010, "1"),
            (0x00191001, "1-n"),
            (0x00089998, "1-n"),
        ],
    )
    def test_is_that_of_the_dictionary(self, tag: int, vm: str) -> None:
        assert dictionary.multiplicity_of(tag) == vm
