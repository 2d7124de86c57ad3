from __future__ import annotations

import pytest

from batchfind.dicom import dictionary
from batchfind.dicom.dictionary import STANDARD, Dictionary, merged
from batchfind.dicom.dictionary_entries import Numbers, read_entry
from batchfind.dicom.paths import Step, column_name, parse_path


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


class TestAnEntry:
    def test_of_one_tag(self) -> None:
        entry = read_entry("(0055,1001)\tDS\tTubeAge\t1\tsite")
        assert (entry.tag, entry.vr, entry.name) == (0x00551001, "DS", "TubeAge")
        assert entry.multiplicity == "1"
        assert entry.single
        assert entry.line == "(0055,1001)\tDS\tTubeAge\t1"

    def test_of_a_private_creator(self) -> None:
        entry = read_entry('(0055,"ACME CT 1.0",01)\tDS\tTubeAge\t1\tsite')
        assert (entry.tag, entry.creator) == (0x00551001, "ACME CT 1.0")
        assert entry.describes(0x0055AB01, "ACME CT 1.0")
        assert not entry.describes(0x0055AB01, None)

    def test_of_a_private_element_written_with_its_block(self) -> None:
        entry = read_entry('(7fe1,"GEMS",1060)\tOB\tMovie\t1\tx')
        assert entry.describes(0x7FE11160, "GEMS")

    @pytest.mark.parametrize(
        ("range_", "inside", "outside"),
        [
            ("6000-60FF", 0x6002, 0x6001),
            ("6000-e-60FF", 0x6002, 0x6001),
            ("6001-o-60FF", 0x6001, 0x6002),
            ("6000-u-60FF", 0x6001, 0x6100),
        ],
    )
    def test_of_a_range_of_groups(self, range_: str, inside: int, outside: int) -> None:
        entry = read_entry(f"({range_},0010)\tUS\tSiteRows\t1\tx")
        assert inside in entry.groups
        assert outside not in entry.groups
        assert not entry.single

    def test_of_a_range_of_elements(self) -> None:
        entry = read_entry("(0020,3100-31FF)\tLO\tX\t1\tx")
        assert entry.elements == Numbers(0x3100, 0x31FF, 0)

    @pytest.mark.parametrize(
        ("written", "vr"), [("xs", "US"), ("ox", "OW"), ("up", "UL"), ("na", "UN")]
    )
    def test_settles_what_dcmtk_leaves_open(self, written: str, vr: str) -> None:
        assert read_entry(f"(0055,1001)\t{written}\tX\t1\tx").vr == vr


ACME = "ACME CT 1.0"
SITE = merged(
    read_entry(line)
    for line in (
        f'(0055,"{ACME}",01)\tLO\tOverridden\t1\tx',
        f'(0055,"{ACME}",01)\tDS\tTubeAge\t1\tx',
        f'(0055,"{ACME}",02-u-0F)\tUS\tDoseOfDay\t1-n\tx',
        f'(0055,"{ACME}",10)\tLO\tUnknown\t1\tx',
        f'(0055,"{ACME}",11)\tLO\tUnknown\t1\tx',
        f'(0055,"{ACME}",12)\tLO\tPatientID\t1\tx',
        "(0057,1001)\tUL\tWithoutCreator\t1\tx",
        "(0018,9FF0)\tFD\tNewestAttribute\t1\tx",
        "(0010,0020)\tSH\tOurPatientNumber\t1\tx",
        "(0008,0001)\tUL\tRETIRED_LengthToEnd\t1\tx",
        "(6000-60FF,0010)\tUS\tOverlayRows\t1\tx",
        "(0002,0010)\tUI\tTransferSyntaxUID\t1\tx",
        "(0009-o-FFFF,0010-u-00FF)\tLO\tPrivateCreator\t1\tx",
    )
)


class TestADictionaryWithEntries:
    def test_keeps_what_adds_something(self) -> None:
        assert len(SITE.entries) == 8
        assert merged([]) == STANDARD

    def test_changes_nothing_of_the_standard(self) -> None:
        assert SITE.vr_of(0x00100020) == "LO"
        assert SITE.keyword_of(0x00100020) == "PatientID"
        assert SITE.name_of(0x00100020) == "PatientID"
        assert SITE.multiplicity_of(0x00080061) == "1-n"
        assert SITE.tag_of("OurPatientNumber") is None
        assert SITE.tag_of("PatientID") == 0x00100020
        assert SITE.entry_of(0x00550010) is None

    def test_knows_names_of_retired_attributes(self) -> None:
        assert STANDARD.tag_of("RETIRED_LengthToEnd") == 0x00080001

    def test_knows_a_private_attribute_in_any_block(self) -> None:
        assert SITE.private_vr(ACME, 0x0055AB01) == "DS"
        assert SITE.keyword_of(0x0055AB01, ACME) == "TubeAge"
        assert SITE.multiplicity_of(0x0055AB01, ACME) == "1"
        assert SITE.private_vr("OTHER", 0x0055AB01) is None
        assert SITE.added_vr(0x0055AB01, "OTHER") is None

    def test_knows_ranges(self) -> None:
        assert SITE.private_vr(ACME, 0x00551003) == "US"
        assert SITE.name_of(0x00551003, ACME) == "DoseOfDay"
        assert SITE.keyword_of(0x00551003, ACME) is None

    def test_a_name_of_several_attributes_is_no_keyword(self) -> None:
        assert SITE.entry_named("Unknown") is None
        assert SITE.keyword_of(0x00551010, ACME) is None
        assert SITE.name_of(0x00551010, ACME) == "Unknown"

    def test_a_name_of_the_standard_is_no_keyword_of_another(self) -> None:
        assert SITE.keyword_of(0x00551012, ACME) is None

    def test_knows_private_attributes_without_creator(self) -> None:
        assert SITE.vr_of(0x00571001) == "UL"
        assert SITE.private_vr("ANY", 0x00571001) == "UL"
        assert SITE.tag_of("WithoutCreator") == 0x00571001

    def test_knows_attributes_newer_than_its_standard(self) -> None:
        assert SITE.tag_of("NewestAttribute") == 0x00189FF0
        assert SITE.vr_of(0x00189FF0) == "FD"

    @pytest.mark.parametrize(
        ("text", "meant"),
        [("TubeAgee", "TubeAge"), ("patientid", "PatientID"), ("Quark", None)],
    )
    def test_suggests_its_names(self, text: str, meant: str | None) -> None:
        assert SITE.suggest_keyword(text) == meant

    def test_goes_on_knowing_private_dictionaries(self) -> None:
        creator = "SIEMENS CM VA0  ACQU"
        assert SITE.private_vr(creator, 0x00191010) == "LO"
        assert Dictionary().private_vr(creator, 0x00191010) == "LO"


class TestAPathWithEntries:
    def test_may_be_a_private_keyword(self) -> None:
        path = parse_path("TubeAge", SITE)
        assert path.leaf == Step(0x00551001, "DS", 0, ACME, "TubeAge", "1")
        assert path.leaf.is_single
        assert (path.dotted, column_name(path)) == ("TubeAge", "TubeAge")
        assert parse_path(path.dotted, SITE) == path

    def test_is_the_same_by_creator(self) -> None:
        assert parse_path(f'0055,"{ACME}",01', SITE) == parse_path("TubeAge", SITE)

    def test_without_keyword_keeps_its_form(self) -> None:
        path = parse_path(f'0055,"{ACME}",10', SITE)
        assert path.leaf.keyword is None
        assert column_name(path) == "private_0055_ACME_CT_1_0_10"

    def test_an_unknown_name_is_refused_with_a_hint(self) -> None:
        with pytest.raises(ValueError, match="did you mean 'TubeAge'"):
            parse_path("TubeAgee", SITE)
