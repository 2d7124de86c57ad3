from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.paths import MAX_DEPTH, child, column_name, parse_path

SPS = "ScheduledProcedureStepSequence"
CREATOR = "SIEMENS CM VA0  ACQU"


class TestForms:
    @pytest.mark.parametrize(
        "text", ["PatientID", "(0010,0020)", "0010,0020", "00100020"]
    )
    def test_one_attribute_in_every_form(self, text: str) -> None:
        path = parse_path(text)
        assert (path.tag, path.vr, path.dotted) == (0x00100020, "LO", "PatientID")
        assert not path.is_nested
        assert path.parent is None

    @pytest.mark.parametrize(
        "text",
        [
            f"{SPS}.Modality",
            f"{SPS}[0].Modality",
            "0040,0100[0].0008,0060",
            "(0040,0100).(0008,0060)",
            "00400100[0].Modality",
        ],
    )
    def test_a_nested_attribute_in_every_form(self, text: str) -> None:
        path = parse_path(text)
        assert path.names == (SPS, "Modality")
        assert path.dotted == str(path) == f"{SPS}.Modality"
        assert path.parent == parse_path(SPS)
        assert [step.tag for step in path.sequences] == [0x00400100]

    def test_an_item_other_than_the_first_is_kept(self) -> None:
        path = parse_path(f"{SPS}[2].Modality")
        assert path.sequences[0].item == 2
        assert path.dotted == f"{SPS}[2].Modality"

    def test_a_child_continues_a_sequence(self) -> None:
        assert child(parse_path(SPS), "Modality") == parse_path(f"{SPS}.Modality")
        assert child(None, "Modality") == parse_path("Modality")

    def test_an_unknown_tag_is_hexadecimal(self) -> None:
        assert parse_path("0008,9998").dotted == "0008,9998"

    def test_an_unknown_tag_may_be_a_sequence(self) -> None:
        path = parse_path("0009,1001[1].PatientID")
        assert path.sequences[0].vr == "SQ"

    @given(st.integers(0x00080001, 0x7FFFFFFF))
    def test_the_dotted_form_reads_back(self, tag: int) -> None:
        text = f"{tag >> 16:04x},{tag & 0xFFFF:04x}"
        try:
            path = parse_path(text)
        except ValueError:
            return
        assert path.tag == tag
        assert parse_path(path.dotted) == path


class TestPrivate:
    @pytest.mark.parametrize(
        "text",
        [f'0019,"{CREATOR}",10', f'(0019,"{CREATOR}",xx10)', f'0019, "{CREATOR}", 10'],
    )
    def test_is_named_by_its_creator(self, text: str) -> None:
        path = parse_path(text)
        assert (path.leaf.creator, path.vr, path.tag) == (CREATOR, "LO", 0x00191010)
        assert parse_path(path.dotted) == path
        assert column_name(path) == "private_0019_SIEMENS_CM_VA0_ACQU_10"

    def test_of_an_unknown_creator_is_un(self) -> None:
        assert parse_path('0019,"FICTIONAL",10').vr == "UN"

    def test_by_number_names_no_creator(self) -> None:
        path = parse_path("0019,1010")
        assert path.leaf.creator is None
        assert column_name(path) == "private_0019_1010"

    @pytest.mark.parametrize(
        "text", ['0018,"X",10', f'0019,"{"A" * 65}",10', '0019," X",10']
    )
    def test_with_an_impossible_creator_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="private"):
            parse_path(text)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "must not be empty"),
            ("PatientNam", "did you mean 'PatientName'"),
            ("Zzzzzz", "unknown attribute 'Zzzzzz'$"),
            ("Patient Name", "did you mean 'PatientName'"),
            ("0000,0900", "command set"),
            ("00020010", "file meta"),
            ("0001,0010", "7.8"),
            ("FFFE,E000", "delimiters"),
            ("0008,0000", "group length"),
            ("0019,0001", "7.8.1"),
            ("(0010,0020", "parentheses"),
            ("0010,0020)", "parentheses"),
            ("PatientName.Modality", "is PN, not a sequence"),
            ("PatientName[0]", "not a sequence"),
            (f"{SPS}[1000].Modality", "above 999"),
            (f"{SPS}.", "no key path"),
            (f".{SPS}", "no key path"),
            (f"{SPS}[*].Modality", "no key path"),
            (f"{SPS}[-1].Modality", "no key path"),
            (" PatientName", "no key path"),
            ("0010,20", "no key path"),
            (".".join(["0040,0100"] * (MAX_DEPTH + 1)), "deeper than 16"),
        ],
    )
    def test_with_one_sentence(self, text: str, why: str) -> None:
        with pytest.raises(ValueError, match=why) as refusal:
            parse_path(text)
        assert "\n" not in str(refusal.value)

    def test_a_child_of_a_plain_attribute(self) -> None:
        with pytest.raises(ValueError, match="is LO, not a sequence"):
            child(parse_path("PatientID"), "Modality")

    @given(st.text())
    def test_nothing_but_value_error(self, text: str) -> None:
        try:
            path = parse_path(text)
        except ValueError:
            return
        assert path.steps


class TestColumnName:
    @pytest.mark.parametrize(
        ("text", "column"),
        [
            ("PatientID", "PatientID"),
            (f"{SPS}.Modality", f"{SPS}_Modality"),
            (f"{SPS}[1].Modality", f"{SPS}_1_Modality"),
            ("0008,9998", "tag_0008_9998"),
        ],
    )
    def test_joins_the_names(self, text: str, column: str) -> None:
        assert column_name(parse_path(text)) == column
