"""Command lines of the programs compared, for the same question to the same SCP."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Command, Prepare

FINDSCU = "/usr/bin/findscu"
#: DCMTK's findscu leaves Nagle's algorithm on unless this is 1.
NODELAY = {"TCP_NODELAY": "1"}
NAGLE = {"TCP_NODELAY": "0"}

STUDY_KEYS = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy"),
    *("ReferringPhysicianName", "StudyDescription", "PatientName", "PatientID"),
    *("PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyID"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
)
WORKLIST_KEYS = (
    *("AccessionNumber", "InstitutionName", "ReferringPhysicianName", "PatientName"),
    *("PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("PatientWeight", "Allergies", "StudyInstanceUID", "RequestingPhysician"),
    *("RequestedProcedureDescription", "AdmissionID", "RequestedProcedureID"),
)
STEP_KEYS = (
    *("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"),
    *("ScheduledProcedureStepStartTime", "ScheduledPerformingPhysicianName"),
    *("ScheduledProcedureStepDescription", "ScheduledProcedureStepID"),
    "ScheduledStationName",
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        model: `study` or `worklist`.
        ports: of the SCPs on the loopback.
        title: called AE title.
        queries: C-FINDs, each with a Patient ID of its own; 1 asks for everything.
        associations: at one SCP at once.
    """

    model: str
    ports: Sequence[int]
    title: str = "REPLAY"
    queries: int = 1
    associations: int = 1


def batchfind(question: Question, *outputs: Mapping[str, Any]) -> Prepare:
    """`batchfind run` with a job written as JSON, which is YAML."""

    def prepare(folder: Path) -> Command:
        path = folder / "job.yaml"
        path.write_text(json.dumps(_job(question, outputs)))
        argv = (sys.executable, "-m", "batchfind", "run", str(path), "--quiet")
        root = str(Path(__file__).resolve().parent.parent)
        return Command(argv, {"PYTHONPATH": root})

    return prepare


def _job(question: Question, outputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = [f"peer{number}" for number in range(len(question.ports))]
    peer = {
        "host": "127.0.0.1",
        "called_ae": question.title,
        "limits": {
            "associations": question.associations,
            "queries_per_association": 100_000,
            "response_cap": "none",
        },
    }
    query: dict[str, Any] = {"model": question.model, "peers": names}
    if question.model == "study":
        query |= {"level": "STUDY", "keys": dict.fromkeys(STUDY_KEYS, "")}
    else:
        steps = {"ScheduledProcedureStepSequence": dict.fromkeys(STEP_KEYS, "")}
        query["keys"] = dict.fromkeys(WORKLIST_KEYS, "") | steps
    if question.queries > 1:
        query["matrix"] = {"id": [_patient(n) for n in range(question.queries)]}
        query["keys"]["PatientID"] = "{{ id }}"
    return {
        "version": 1,
        "name": "benchmark",
        "peers": {
            name: {**peer, "port": port}
            for name, port in zip(names, question.ports, strict=True)
        },
        "queries": {"all": query},
        "run": {
            "dir": "runs",
            "concurrency": 10_000,
            "max_requests": 1_000_000,
            "per_request": {"responses": 10_000_000, "bytes": "16GiB"},
        },
        "outputs": list(outputs),
    }


def _patient(number: int) -> str:
    return f"P{number:07d}"


def findscu(
    question: Question, *options: str, environment: Mapping[str, str] = NAGLE
) -> Prepare:
    """DCMTK's findscu with all keys on its command line; one query."""

    def prepare(folder: Path) -> Command:
        del folder
        return Command((*_findscu(question), *options, *_keys(question)), environment)

    return prepare


def findscu_files(
    question: Question, environment: Mapping[str, str], *, part: int
) -> Prepare:
    """DCMTK's findscu with a query file for each C-FIND, on its one association.

    Args:
        question: with more than one query.
        environment: `NAGLE` or `NODELAY`.
        part: so many of the queries are asked, and the time is scaled up.
    """

    def prepare(folder: Path) -> Command:
        files = []
        for number in range(min(part, question.queries)):
            path = folder / f"{number:06d}.dcm"
            path.write_bytes(_query_file(_patient(number)))
            files.append(str(path))
        argv = (*_findscu(question), "-sr", *_keys(question, without="PatientID"))
        factor = question.queries / len(files)
        return Command((*argv, *files), environment, factor)

    return prepare


def _query_file(patient: str) -> bytes:
    """A raw Implicit VR Little Endian data set with one matching key."""
    value = patient.encode()
    return b"\x10\x00\x20\x00" + len(value).to_bytes(4, "little") + value


def _findscu(question: Question) -> tuple[str, ...]:
    model = "-W" if question.model == "worklist" else "-S"
    port = str(question.ports[0])
    return (FINDSCU, model, "-aec", question.title, "127.0.0.1", port)


def _keys(question: Question, without: str = "") -> tuple[str, ...]:
    keys: tuple[str, ...]
    if question.model == "study":
        keys = ("QueryRetrieveLevel=STUDY", *STUDY_KEYS)
    else:
        step = "ScheduledProcedureStepSequence[0]"
        keys = (*WORKLIST_KEYS, *(f"{step}.{key}" for key in STEP_KEYS))
    return tuple(part for key in keys if key != without for part in ("-k", key))


def pynetdicom(question: Question, *, factor: float = 1.0) -> Prepare:
    """A script with pynetdicom that keeps every response."""

    def prepare(folder: Path) -> Command:
        del folder
        argv = (
            *(sys.executable, "-m", "benchmarks.with_pynetdicom"),
            *(question.model, str(question.ports[0]), question.title),
        )
        root = str(Path(__file__).resolve().parent.parent)
        return Command(argv, {"PYTHONPATH": root}, factor)

    return prepare
