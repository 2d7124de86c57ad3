"""Command lines of the programs compared, for the same question to the same SCP."""

from __future__ import annotations

import itertools
import json
import math
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.measure import Command, Prepare, require

STUDY = "1.2.840.10008.5.1.4.1.2.2.1"
WORKLIST = "1.2.840.10008.5.1.4.31"
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
#: Of the keys that query files hold.
_TAGS = {"StudyDate": 0x00080020, "PatientID": 0x00100020}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        model: `study` or `worklist`.
        ports: of the SCPs on the loopback.
        title: called AE title.
        asked: values of matching keys; each combination is one C-FIND, and without
            any one C-FIND asks for everything.
        associations: at one SCP at once.
    """

    model: str
    ports: Sequence[int]
    title: str = "REPLAY"
    asked: Mapping[str, Sequence[str]] = field(default_factory=dict)
    associations: int = 1

    @property
    def queries(self) -> int:
        """C-FINDs to each SCP."""
        return math.prod(map(len, self.asked.values()))


def patients(count: int) -> dict[str, Sequence[str]]:
    """Asks for so many patients, one after another."""
    return {"PatientID": [f"P{number:07d}" for number in range(count)]}


def batchfind(
    question: Question, *outputs: Mapping[str, Any], command: str = "run"
) -> Prepare:
    """`batchfind run` with a job written as JSON, which is YAML.

    Args:
        question: what the job asks.
        outputs: of the job.
        command: another one that takes a job and `--quiet`.
    """

    def prepare(folder: Path) -> Command:
        path = write_job(folder, question, *outputs)
        return _module("batchfind", command, str(path), "--quiet")

    return prepare


def batchfind_help(folder: Path) -> Command:
    """`batchfind --help`."""
    del folder
    return _module("batchfind", "--help")


def loop_lag(question: Question, *outputs: Mapping[str, Any]) -> Prepare:
    """`python -m benchmarks.lag` with such a job; it tells its percentiles."""

    def prepare(folder: Path) -> Command:
        path, told = write_job(folder, question, *outputs), folder / "told.json"
        command = _module("benchmarks.lag", "--job", str(path), "--tell", str(told))
        return replace(command, told=told)

    return prepare


def _module(name: str, *arguments: str) -> Command:
    """A module of this work tree, started anywhere."""
    root = str(Path(__file__).resolve().parent.parent)
    return Command((sys.executable, "-m", name, *arguments), {"PYTHONPATH": root})


def write_job(folder: Path, question: Question, *outputs: Mapping[str, Any]) -> Path:
    """A job that asks this, in a folder."""
    path = folder / "job.yaml"
    path.write_text(json.dumps(_job(question, outputs)))
    return path


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
    if question.asked:
        query["matrix"] = question.asked
        query["keys"] |= {key: f"{{{{ {key} }}}}" for key in question.asked}
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


def findscu(
    question: Question, *options: str, environment: Mapping[str, str] = NAGLE
) -> Prepare:
    """DCMTK's findscu with all keys on its command line; one query."""

    def prepare(folder: Path) -> Command:
        del folder
        require(FINDSCU)
        return Command((*_findscu(question), *options, *_keys(question)), environment)

    return prepare


def findscu_files(
    question: Question, environment: Mapping[str, str], *, part: int
) -> Prepare:
    """DCMTK's findscu with a query file for each C-FIND, on its one association.

    Args:
        question: with keys that are asked.
        environment: `NAGLE` or `NODELAY`.
        part: so many of the queries are asked, and the time is scaled up.
    """

    def prepare(folder: Path) -> Command:
        require(FINDSCU)
        combinations = itertools.product(*question.asked.values())
        files: list[str] = []
        for values in itertools.islice(combinations, part):
            files.append(str(folder / f"{len(files):06d}.dcm"))
            Path(files[-1]).write_bytes(
                _query(dict(zip(question.asked, values, strict=True)))
            )
        argv = (*_findscu(question), "-sr", *_keys(question))
        factor = question.queries / len(files)
        return Command((*argv, *files), environment, factor)

    return prepare


def _query(keys: Mapping[str, str]) -> bytes:
    """A raw Implicit VR Little Endian data set with matching keys."""
    elements = []
    for key, value in keys.items():
        content = value.encode() + b" " * (len(value) % 2)
        tag = _TAGS[key]
        head = struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(content))
        elements.append((tag, head + content))
    return b"".join(element for _, element in sorted(elements))


def _findscu(question: Question) -> tuple[str, ...]:
    model = "-W" if question.model == "worklist" else "-S"
    port = str(question.ports[0])
    return (FINDSCU, model, "-aec", question.title, "127.0.0.1", port)


def _keys(question: Question) -> tuple[str, ...]:
    keys: tuple[str, ...]
    if question.model == "study":
        keys = ("QueryRetrieveLevel=STUDY", *STUDY_KEYS)
    else:
        step = "ScheduledProcedureStepSequence[0]"
        keys = (*WORKLIST_KEYS, *(f"{step}.{key}" for key in STEP_KEYS))
    return tuple(
        part for key in keys if key not in question.asked for part in ("-k", key)
    )


def pynetdicom(question: Question, *, factor: float = 1.0) -> Prepare:
    """A script with pynetdicom that keeps every response.

    Args:
        question: what is asked, with one C-FIND.
        factor: its time is multiplied by this, but for what it takes to start.
    """

    def prepare(folder: Path) -> Command:
        once = folder / "once.json"
        address = (str(question.ports[0]), question.title)
        command = _module(
            "benchmarks.with_pynetdicom", question.model, *address, str(once)
        )
        return replace(command, factor=factor, once=once)

    return prepare
