"""The keys the demo PACS supports, by level: what its conformance statement lists.

Source: PS3.4 Tables C.6-1 to C.6-5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from batchfind.demo.entity import tag_named

UNIQUE_KEYS: Final[Mapping[str, int]] = {
    "PATIENT": tag_named("PatientID"),
    "STUDY": tag_named("StudyInstanceUID"),
    "SERIES": tag_named("SeriesInstanceUID"),
    "IMAGE": tag_named("SOPInstanceUID"),
}
"""The unique key of each level, from the highest level down."""

LEVELS: Final = tuple(UNIQUE_KEYS)

_STORED: Final[Mapping[str, str]] = {
    "PATIENT": """
        PatientName PatientID IssuerOfPatientID PatientBirthDate PatientSex
        OtherPatientIDs PatientComments
    """,
    "STUDY": """
        StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyDescription
        NameOfPhysiciansReadingStudy AdmittingDiagnosesDescription PatientAge
        PatientSize PatientWeight StudyInstanceUID StudyID
    """,
    "SERIES": """
        SeriesDate SeriesTime Modality Manufacturer InstitutionName StationName
        SeriesDescription ManufacturerModelName BodyPartExamined ProtocolName
        SeriesInstanceUID SeriesNumber PerformedProcedureStepStartDate
        PerformedProcedureStepStartTime
    """,
    "IMAGE": """
        ImageType SOPClassUID SOPInstanceUID AcquisitionDate ContentDate
        AcquisitionTime ContentTime InstanceNumber SamplesPerPixel NumberOfFrames
        Rows Columns BitsAllocated SliceThickness SliceLocation
    """,
}

_COMPUTED: Final[Mapping[str, str]] = {
    "PATIENT": """
        NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries
        NumberOfPatientRelatedInstances
    """,
    "STUDY": """
        ModalitiesInStudy SOPClassesInStudy NumberOfStudyRelatedSeries
        NumberOfStudyRelatedInstances
    """,
    "SERIES": "NumberOfSeriesRelatedInstances",
    "IMAGE": "",
}


def stored_keys(level: str) -> tuple[int, ...]:
    """Tags of a level that are read from the files."""
    return tuple(tag_named(keyword) for keyword in _STORED[level].split())


def levels_down_to(level: str) -> tuple[str, ...]:
    """A level and all above it, from the highest down."""
    return LEVELS[: LEVELS.index(level) + 1]


def supported_keys(level: str) -> frozenset[int]:
    """Every key a query at a level may use, those of the levels above included."""
    words = [
        keyword
        for one in levels_down_to(level)
        for keyword in (_STORED[one] + " " + _COMPUTED[one]).split()
    ]
    always = ("QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability")
    return frozenset(tag_named(keyword) for keyword in (*words, *always))
