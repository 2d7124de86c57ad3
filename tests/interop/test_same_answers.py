"""batchfind captures the data sets that `findscu -X` writes: elements, bytes, order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.interop.answers import FINDSCU, Question, by_batchfind, by_findscu
from tests.peers.processes import require
from tests.peers.real import RealPeer

pytestmark = pytest.mark.interop

STUDY = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.1"
SERIES = "1.3.6.1.4.1.5962.1.1.0.0.0.1196533885.18148.0.118"
STEP = "ScheduledProcedureStepSequence[0]."

QUERY_RETRIEVE = {
    "patients": Question(
        "patient",
        "PATIENT",
        {"PatientName": "*", "PatientID": "", "PatientBirthDate": "", "PatientSex": ""},
    ),
    "patient-studies": Question(
        "patient",
        "STUDY",
        {"PatientID": "98890234", "StudyInstanceUID": "", "StudyDescription": ""},
    ),
    "studies": Question(
        "study",
        "STUDY",
        {
            "StudyDate": "19950101-20201231",
            "StudyTime": "",
            "AccessionNumber": "",
            "ModalitiesInStudy": "",
            "PatientName": "",
            "PatientID": "",
            "StudyInstanceUID": "",
            "NumberOfStudyRelatedInstances": "",
        },
    ),
    "nothing": Question(
        "study", "STUDY", {"PatientID": "NOBODY", "StudyInstanceUID": ""}
    ),
    "series": Question(
        "study",
        "SERIES",
        {
            "StudyInstanceUID": STUDY,
            "SeriesInstanceUID": "",
            "SeriesNumber": "",
            "Modality": "MR",
            "SeriesDescription": "",
        },
    ),
    "images": Question(
        "study",
        "IMAGE",
        {
            "StudyInstanceUID": STUDY,
            "SeriesInstanceUID": SERIES,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
            "InstanceNumber": "",
        },
    ),
}

WORKLIST = {
    "all-steps": Question(
        "worklist",
        None,
        {
            "PatientName": "",
            "PatientID": "",
            "AccessionNumber": "",
            "StudyInstanceUID": "",
            "RequestedProcedureDescription": "",
            f"{STEP}Modality": "",
            f"{STEP}ScheduledStationAETitle": "",
            f"{STEP}ScheduledProcedureStepStartDate": "",
            f"{STEP}ScheduledProcedureStepStartTime": "",
            f"{STEP}ScheduledPerformingPhysicianName": "",
            f"{STEP}ScheduledProcedureStepID": "",
        },
    ),
    "modality": Question(
        "worklist",
        None,
        {
            "PatientName": "",
            f"{STEP}Modality": "MR",
            f"{STEP}ScheduledProcedureStepStartDate": "",
        },
    ),
    "period": Question(
        "worklist",
        None,
        {
            "PatientID": "",
            f"{STEP}Modality": "",
            f"{STEP}ScheduledProcedureStepStartDate": "19950101-19961231",
        },
    ),
}


@pytest.fixture(autouse=True)
def findscu() -> None:
    require(FINDSCU)


def compare(
    peer: RealPeer, questions: Mapping[str, Question], folder: Path, syntaxes: str
) -> None:
    """Asserts that every question gets the same answer from both tools."""
    answers = by_batchfind(peer, questions, folder, syntaxes)
    assert list(answers) == list(questions)
    for name, question in questions.items():
        reference = by_findscu(peer, question, folder, syntaxes)
        assert bool(reference) == (name != "nothing"), name
        assert answers[name] == reference, name


@pytest.mark.parametrize("syntaxes", ["local", "big", "deflated", "implicit"])
class TestDcmtk:
    """Whatever transfer syntax the peer picks of the same proposal (PS3.5 Annex A)."""

    def test_dcmqrscp(self, syntaxes: str, dcmqrscp: RealPeer, tmp_path: Path) -> None:
        compare(dcmqrscp, QUERY_RETRIEVE, tmp_path, syntaxes)

    def test_wlmscpfs(self, syntaxes: str, wlmscpfs: RealPeer, tmp_path: Path) -> None:
        compare(wlmscpfs, WORKLIST, tmp_path, syntaxes)


@pytest.mark.parametrize("syntaxes", ["local", "implicit"])
class TestOrthanc:
    def test_studies(self, syntaxes: str, orthanc: RealPeer, tmp_path: Path) -> None:
        compare(orthanc, QUERY_RETRIEVE, tmp_path, syntaxes)

    def test_worklist(self, syntaxes: str, orthanc: RealPeer, tmp_path: Path) -> None:
        compare(orthanc, WORKLIST, tmp_path, syntaxes)
