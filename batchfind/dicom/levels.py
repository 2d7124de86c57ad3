"""The Query/Retrieve Levels and the keys that belong to each.

The keys are those of PS3.4 that peers commonly support. They let lint say "this key
belongs to another level", so a key of no level is never complained about.

Source: PS3.4 Sections C.3.4, C.6.1 and C.6.2.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowPair:
    """A date key and the time key that belongs to it, as dotted paths.

    Attributes:
        date: a DA key, or a DT key.
        time: the TM key of the same moment; None when `date` is a DT key.
    """

    date: str
    time: str | None


@dataclass(frozen=True, slots=True)
class QueryLevel:
    """One Query/Retrieve Level of a hierarchical model.

    Attributes:
        name: as sent in (0008,0052).
        unique: keyword of the level's unique key.
        identity: dotted paths that tell rows of this level apart.
        keys: keywords of this level: unique, required, common optional ones.
    """

    name: str
    unique: str
    identity: tuple[str, ...]
    keys: frozenset[str]


def _keywords(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PATIENT_KEYS = _keywords(
    "PatientName PatientID IssuerOfPatientID IssuerOfPatientIDQualifiersSequence"
    " OtherPatientIDsSequence OtherPatientIDs OtherPatientNames"
    " PatientBirthDate PatientBirthTime PatientSex EthnicGroup PatientComments"
    " PatientSpeciesDescription PatientBreedDescription ResponsiblePerson"
    " NumberOfPatientRelatedStudies NumberOfPatientRelatedSeries"
    " NumberOfPatientRelatedInstances"
)
_STUDY_KEYS = _keywords(
    "StudyInstanceUID StudyDate StudyTime AccessionNumber StudyID"
    " IssuerOfAccessionNumberSequence ReferringPhysicianName StudyDescription"
    " ProcedureCodeSequence NameOfPhysiciansReadingStudy"
    " AdmittingDiagnosesDescription PatientAge PatientSize PatientWeight"
    " Occupation AdditionalPatientHistory OtherStudyNumbers ModalitiesInStudy"
    " AnatomicRegionsInStudyCodeSequence SOPClassesInStudy StudyUpdateDateTime"
    " NumberOfStudyRelatedSeries NumberOfStudyRelatedInstances"
)
_SERIES_KEYS = _keywords(
    "SeriesInstanceUID Modality SeriesNumber SeriesDate SeriesTime"
    " SeriesDescription BodyPartExamined ProtocolName Laterality OperatorsName"
    " PerformingPhysicianName Manufacturer StationName"
    " InstitutionalDepartmentName PerformedProcedureStepStartDate"
    " PerformedProcedureStepStartTime PerformedProcedureStepID"
    " RequestAttributesSequence NumberOfSeriesRelatedInstances"
)
_IMAGE_KEYS = _keywords(
    "SOPInstanceUID SOPClassUID InstanceNumber ContentDate ContentTime"
    " AcquisitionDate AcquisitionTime AcquisitionDateTime AcquisitionNumber"
    " InstanceCreationDate InstanceCreationTime ImageType ImageComments"
    " NumberOfFrames Rows Columns BitsAllocated ConceptNameCodeSequence"
    " DocumentTitle CompletionFlag VerificationFlag ContentLabel"
    " ContentDescription AvailableTransferSyntaxUID RelatedGeneralSOPClassUID"
    " OverlayNumber CurveNumber LUTNumber"
)
PATIENT = QueryLevel(
    "PATIENT", "PatientID", ("PatientID", "IssuerOfPatientID"), _PATIENT_KEYS
)
STUDY = QueryLevel("STUDY", "StudyInstanceUID", ("StudyInstanceUID",), _STUDY_KEYS)
STUDY_ROOT = QueryLevel(
    # PS3.4 C.6.2.1: Study Root holds the patient's attributes at the study level.
    "STUDY",
    "StudyInstanceUID",
    ("StudyInstanceUID",),
    _STUDY_KEYS | _PATIENT_KEYS,
)
SERIES = QueryLevel("SERIES", "SeriesInstanceUID", ("SeriesInstanceUID",), _SERIES_KEYS)
IMAGE = QueryLevel("IMAGE", "SOPInstanceUID", ("SOPInstanceUID",), _IMAGE_KEYS)

ARCHIVE_PAIRS = (
    WindowPair("StudyDate", "StudyTime"),
    WindowPair("SeriesDate", "SeriesTime"),
    WindowPair("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
    WindowPair("ContentDate", "ContentTime"),
    WindowPair("AcquisitionDate", "AcquisitionTime"),
    WindowPair("InstanceCreationDate", "InstanceCreationTime"),
    WindowPair("PatientBirthDate", "PatientBirthTime"),
    WindowPair("StudyUpdateDateTime", None),
    WindowPair("AcquisitionDateTime", None),
)
