"""batchfind captures the data sets that `findscu -X` writes: elements, bytes, order."""

from __future__ import annotations

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
    "studies of a patient": Question(
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
    "no study": Question(
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
    "all steps": Question(
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
    "steps of a modality": Question(
        "worklist",
        None,
        {
            "PatientName": "",
            f"{STEP}Modality": "MR",
            f"{STEP}ScheduledProcedureStepStartDate": "",
        },
    ),
    "steps of a period": Question(
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
    peer: RealPeer, question: Question, folder: Path, syntaxes: str = "local"
) -> int:
    """Asserts that both answers are the same; how many responses they have."""
    reference = by_findscu(peer, question, folder, syntaxes)
    assert by_batchfind(peer, question, folder, syntaxes) == reference
    return len(reference)


@pytest.mark.parametrize("name", QUERY_RETRIEVE)
class TestQueryRetrieve:
    def test_dcmqrscp(self, name: str, dcmqrscp: RealPeer, tmp_path: Path) -> None:
        count = compare(dcmqrscp, QUERY_RETRIEVE[name], tmp_path)
        assert bool(count) == (name != "no study")

    def test_orthanc(self, name: str, orthanc: RealPeer, tmp_path: Path) -> None:
        count = compare(orthanc, QUERY_RETRIEVE[name], tmp_path)
        assert bool(count) == (name != "no study")


@pytest.mark.parametrize("name", WORKLIST)
class TestWorklist:
    def test_wlmscpfs(self, name: str, wlmscpfs: RealPeer, tmp_path: Path) -> None:
        assert compare(wlmscpfs, WORKLIST[name], tmp_path)

    def test_orthanc(self, name: str, orthanc: RealPeer, tmp_path: Path) -> None:
        assert compare(orthanc, WORKLIST[name], tmp_path)


@pytest.mark.parametrize("syntaxes", ["big", "deflated", "implicit"])
class TestTransferSyntaxes:
    """PS3.5 Annex A: whatever the peer picks of the same proposal."""

    def test_dcmqrscp(self, syntaxes: str, dcmqrscp: RealPeer, tmp_path: Path) -> None:
        assert compare(dcmqrscp, QUERY_RETRIEVE["studies"], tmp_path, syntaxes)

    def test_wlmscpfs(self, syntaxes: str, wlmscpfs: RealPeer, tmp_path: Path) -> None:
        assert compare(wlmscpfs, WORKLIST["all steps"], tmp_path, syntaxes)

    def test_orthanc(self, syntaxes: str, orthanc: RealPeer, tmp_path: Path) -> None:
        assert compare(orthanc, QUERY_RETRIEVE["studies"], tmp_path, syntaxes)
