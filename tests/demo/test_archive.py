from __future__ import annotations

from pathlib import Path

import pytest

from batchfind.demo.archive import Archive, load, shipped_files
from batchfind.demo.entity import Entity, tag_named


def text(entity: Entity, keyword: str) -> str:
    return entity.text(tag_named(keyword))


def only(archive: Archive, level: str, keyword: str, value: str) -> Entity:
    (entity,) = (one for one in archive[level] if text(one, keyword) == value)
    return entity


class TestHierarchy:
    def test_every_level_has_entities(self, archive: Archive) -> None:
        counts = [len(archive[level]) for level in ("PATIENT", "STUDY", "SERIES")]
        assert counts == sorted(counts)
        assert counts[0] >= 15
        assert len(archive["IMAGE"]) > 100

    @pytest.mark.parametrize(
        ("level", "keyword"),
        [
            ("PATIENT", "PatientID"),
            ("STUDY", "StudyInstanceUID"),
            ("SERIES", "SeriesInstanceUID"),
            ("IMAGE", "SOPInstanceUID"),
        ],
    )
    def test_unique_keys_are_present_and_unique(
        self, level: str, keyword: str, archive: Archive
    ) -> None:
        keys = [text(entity, keyword) for entity in archive[level]]
        assert all(keys)
        assert len(set(keys)) == len(keys)

    def test_a_level_has_the_attributes_of_those_above(self, archive: Archive) -> None:
        series = archive["SERIES"][0]
        assert text(series, "PatientID") == "CQ500-CT-310"
        assert text(series, "StudyInstanceUID")
        assert not text(series, "SOPInstanceUID")

    def test_a_study_without_patient_id_has_no_patient(self, archive: Archive) -> None:
        nameless = [one for one in archive["STUDY"] if not text(one, "PatientID")]
        assert nameless
        assert not any(text(one, "NumberOfPatientRelatedStudies") for one in nameless)
        assert all(text(one, "NumberOfStudyRelatedSeries") for one in nameless)


class TestComputedAttributes:
    """PS3.4 Tables C.6-1 to C.6-3: counts and collections."""

    def test_a_patient_counts_what_is_below(self, archive: Archive) -> None:
        peter = only(archive, "PATIENT", "PatientID", "98890234")
        assert text(peter, "NumberOfPatientRelatedStudies") == "4"
        assert int(text(peter, "NumberOfPatientRelatedSeries")) > 4

    def test_a_study_counts_its_own(self, archive: Archive) -> None:
        study = only(archive, "STUDY", "StudyDescription", "Testing File-set")
        assert text(study, "NumberOfStudyRelatedSeries") == "1"
        assert text(study, "NumberOfStudyRelatedInstances") == "50"
        assert text(study, "ModalitiesInStudy") == "CT"
        assert text(study, "SOPClassesInStudy") == "1.2.840.10008.5.1.4.1.1.2"

    def test_sums_agree_between_levels(self, archive: Archive) -> None:
        def total(level: str, keyword: str) -> int:
            return sum(int(text(one, keyword)) for one in archive[level])

        images = len(archive["IMAGE"])
        assert total("STUDY", "NumberOfStudyRelatedInstances") == images
        assert total("SERIES", "NumberOfSeriesRelatedInstances") == images
        assert total("STUDY", "NumberOfStudyRelatedSeries") == len(archive["SERIES"])


class TestFiles:
    def test_only_the_installed_package_is_read(self) -> None:
        assert all("pydicom" in path.parts for path in shipped_files())

    def test_what_is_no_dicom_file_is_passed_over(self, tmp_path: Path) -> None:
        for name, content in {"a": b"", "b": b"text", "c": bytes(200)}.items():
            (tmp_path / name).write_bytes(content)
        archive = load(sorted(tmp_path.iterdir()))
        assert all(not entities for entities in archive.values())

    def test_the_first_of_two_equal_instances_counts(self) -> None:
        first = next(path for path in shipped_files() if path.name == "CT_small.dcm")
        assert len(load([first, first])["IMAGE"]) == 1

    def test_dates_of_before_dicom_take_todays_form(self, archive: Archive) -> None:
        dates = {text(study, "StudyDate") for study in archive["STUDY"]}
        times = {text(study, "StudyTime") for study in archive["STUDY"]}
        assert "19970424" in dates
        assert "140438" in times

    def test_character_sets_are_kept(self, archive: Archive) -> None:
        study = only(archive, "STUDY", "PatientID", "JXD191021006")
        assert study.charset == ("ISO 2022 IR 13", "ISO 2022 IR 87")
