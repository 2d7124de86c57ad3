from __future__ import annotations

from datetime import date

import pytest

from batchfind.demo.archive import Archive
from batchfind.demo.entity import tag_named
from batchfind.demo.finding import (
    PENDING,
    PENDING_UNSUPPORTED,
    QueryRetrieve,
    Refused,
    Worklist,
)
from batchfind.demo.pacs_keys import LEVELS
from batchfind.demo.schedule import schedule
from batchfind.dicom.identifier import Element
from tests.demo.asking import Keys, found, identifier, values

BRAIN = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.133"
CAROTIDS = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.427"


@pytest.fixture
def study_root(archive: Archive) -> QueryRetrieve:
    return QueryRetrieve(archive, LEVELS[1:], "DEMOPACS")


@pytest.fixture
def patient_root(archive: Archive) -> QueryRetrieve:
    return QueryRetrieve(archive, LEVELS, "DEMOPACS")


@pytest.fixture
def worklist() -> Worklist:
    return Worklist(schedule(date(2026, 3, 30)))


class TestMatching:
    """PS3.4 Section C.2.2.2."""

    @pytest.mark.parametrize(
        ("keys", "patients"),
        [
            ({"PatientID": "99000"}, {"99000"}),
            ({"PatientName": "doe^*"}, {"77654033", "98890234"}),
            ({"PatientID": "?MR1"}, {"4MR1"}),
            ({"StudyDate": "20160503"}, {"204"}),
            ({"StudyDate": "20160101-20170101"}, {"204", "ID1"}),
            ({"StudyDate": "20190101-"}, {"JXD191021006", "12345678"}),
            ({"StudyDate": "-19991231"}, {"77654033", ""}),
            ({"StudyTime": "0250-0251"}, {"98890234"}),
            ({"ModalitiesInStudy": "RTPLAN"}, {"id00001"}),
            ({"StudyInstanceUID": f"{BRAIN}\\{CAROTIDS}"}, {"98890234"}),
            ({"PatientID": "NOBODY"}, set()),
        ],
    )
    def test_keys_select_studies(
        self, keys: Keys, patients: set[str], study_root: QueryRetrieve
    ) -> None:
        asked = {"QueryRetrieveLevel": "STUDY", "PatientID": "", **keys}
        assert set(values(found(study_root, asked), "PatientID")) == patients

    def test_no_matching_key_selects_everything(
        self, study_root: QueryRetrieve, archive: Archive
    ) -> None:
        keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
        assert len(found(study_root, keys)) == len(archive["STUDY"])


class TestHierarchy:
    """PS3.4 Section C.4.1.3.1: unique keys of the levels above are required."""

    def test_each_level_narrows_the_one_above(
        self, patient_root: QueryRetrieve
    ) -> None:
        keys = {"PatientID": "98890234"}
        below = {
            "PATIENT": "StudyInstanceUID",
            "STUDY": "StudyInstanceUID",
            "SERIES": "SeriesInstanceUID",
            "IMAGE": "SOPInstanceUID",
        }
        counts = []
        for level in LEVELS:
            asked = {"QueryRetrieveLevel": level, **keys}
            if level != "PATIENT":
                asked[below[level]] = ""
            answers = found(patient_root, asked)
            counts.append(len(answers))
            if level != "PATIENT":
                keys[below[level]] = values(answers, below[level])[-1]
        assert counts[:2] == [1, 4]
        assert all(count >= 1 for count in counts)

    @pytest.mark.parametrize("uid", ["", "*", "1.2.*", f"{BRAIN}\\{CAROTIDS}"])
    def test_a_unique_key_above_must_be_a_single_value(
        self, uid: str, study_root: QueryRetrieve
    ) -> None:
        keys = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": uid}
        with pytest.raises(Refused, match="single value") as refused:
            study_root.find(identifier(keys))
        assert refused.value.offending == (0x0020000D,)

    @pytest.mark.parametrize("level", ["", "PATIENT", "STUDIES"])
    def test_a_level_of_another_model_is_refused(
        self, level: str, study_root: QueryRetrieve
    ) -> None:
        with pytest.raises(Refused, match="Query/Retrieve Level") as refused:
            study_root.find(identifier({"QueryRetrieveLevel": level}))
        assert refused.value.offending == (0x00080052,)
        assert len(refused.value.comment) <= 64


class TestResponses:
    """PS3.4 Section C.4.1.1.3.2: what was asked for, the level, the archive's AE."""

    def test_only_what_was_asked_comes_back(self, study_root: QueryRetrieve) -> None:
        keys = {
            "QueryRetrieveLevel": "STUDY",
            "StudyInstanceUID": BRAIN,
            "StudyID": "",
            "SpecificCharacterSet": "ISO_IR 192",
        }
        (study,) = found(study_root, keys)
        assert [element.keyword for element in study] == [
            "SpecificCharacterSet",
            "QueryRetrieveLevel",
            "RetrieveAETitle",
            "StudyInstanceUID",
            "StudyID",
        ]
        assert study.SpecificCharacterSet == "ISO_IR 100"
        assert study.RetrieveAETitle == "DEMOPACS"

    def test_an_unsupported_key_is_left_out_and_told(
        self, study_root: QueryRetrieve
    ) -> None:
        keys = {
            "QueryRetrieveLevel": "STUDY",
            "StudyInstanceUID": BRAIN,
            "BitsStored": "",
        }
        findings = study_root.find(identifier(keys))
        assert findings.status == PENDING_UNSUPPORTED
        assert all("BitsStored" not in one for one in findings.data_sets)

    def test_supported_keys_are_not_warned_of(self, study_root: QueryRetrieve) -> None:
        keys = {"QueryRetrieveLevel": "STUDY", "TimezoneOffsetFromUTC": "+0100"}
        assert study_root.find(identifier(keys)).status == PENDING

    def test_numbers_are_numbers(self, study_root: QueryRetrieve) -> None:
        series = found(
            study_root,
            {
                "QueryRetrieveLevel": "SERIES",
                "StudyInstanceUID": BRAIN,
                "SeriesInstanceUID": "",
            },
        )
        (image, *_) = found(
            study_root,
            {
                "QueryRetrieveLevel": "IMAGE",
                "StudyInstanceUID": BRAIN,
                "SeriesInstanceUID": values(series, "SeriesInstanceUID")[0],
                "Rows": "",
                "ImageType": "",
            },
        )
        assert image.Rows > 0
        assert len(image.ImageType) >= 2


class TestWorklist:
    """PS3.4 Annex K."""

    def test_keys_of_the_step_match_inside_its_sequence(
        self, worklist: Worklist
    ) -> None:
        step = {"Modality": "CT", "ScheduledProcedureStepStartDate": "20260331"}
        got = found(worklist, {"ScheduledProcedureStepSequence": step})
        assert len(got) == 2
        (item,) = got[0].ScheduledProcedureStepSequence
        assert [element.keyword for element in item] == [
            "Modality",
            "ScheduledProcedureStepStartDate",
        ]

    def test_a_sequence_key_without_item_returns_all_of_it(
        self, worklist: Worklist
    ) -> None:
        code = tag_named("RequestedProcedureCodeSequence")
        (first, *_) = worklist.find((Element(code, "SQ", ()),)).data_sets
        (item,) = first.RequestedProcedureCodeSequence
        assert item.CodeMeaning == "CT head without contrast"

    def test_names_match_in_their_own_script(self, worklist: Worklist) -> None:
        for name in ("Северцева*", "田野森*", "백^민지", "müßig^jörg"):
            assert found(worklist, {"PatientName": name})

    @pytest.mark.parametrize(
        ("times", "first", "last", "count"),
        [
            ("0800-0815", "20260330080500", "20260331080500", 8),
            ("1200-", "20260331073000", "20260331121000", 9),
            ("-073000", "20260330073000", "20260331073000", 8),
        ],
    )
    def test_a_date_range_with_a_time_range_is_one_period(
        self, times: str, first: str, last: str, count: int, worklist: Worklist
    ) -> None:
        step = {
            "ScheduledProcedureStepStartDate": "20260330-20260331",
            "ScheduledProcedureStepStartTime": times,
        }
        answers = found(worklist, {"ScheduledProcedureStepSequence": step})
        items = [answer.ScheduledProcedureStepSequence[0] for answer in answers]
        starts = [
            item.ScheduledProcedureStepStartDate + item.ScheduledProcedureStepStartTime
            for item in items
        ]
        assert (min(starts), max(starts), len(starts)) == (first, last, count)

    def test_a_time_range_on_one_day_stays_on_it(self, worklist: Worklist) -> None:
        step = {
            "ScheduledProcedureStepStartDate": "20260331",
            "ScheduledProcedureStepStartTime": "0800-0900",
        }
        assert len(found(worklist, {"ScheduledProcedureStepSequence": step})) == 2

    def test_an_unsupported_key_in_the_item_is_told(self, worklist: Worklist) -> None:
        step = {"Modality": "NM", "StudyDate": ""}
        keys = identifier({"ScheduledProcedureStepSequence": step})
        assert worklist.find(keys).status == PENDING_UNSUPPORTED

    def test_a_request_without_any_supported_key_is_refused(
        self, worklist: Worklist
    ) -> None:
        with pytest.raises(Refused, match="no key"):
            worklist.find(identifier({"StudyDate": "", "SpecificCharacterSet": ""}))
