"""One question asked twice, with findscu and with batchfind, and both answers."""

from __future__ import annotations

import itertools
import json
import subprocess
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_file_meta_info

from batchfind.capture.reader import open_capture
from batchfind.cli.main import execute
from tests.interop.streams import Streams
from tests.peers.processes import AT_ONCE, LOOPBACK
from tests.peers.real import RealPeer

FINDSCU = "/usr/bin/findscu"
ROOT = Path(__file__).parents[2]
SWITCHES = {"local": "-x=", "big": "-xb", "deflated": "-xd", "implicit": "-xi"}
MODELS = {"worklist": "-W", "patient": "-P", "study": "-S", "patient-study": "-O"}
DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
IMPLICIT = "1.2.840.10008.1.2"
PREAMBLE_AND_GROUP_LENGTH = 128 + 4 + 12

Answer: TypeAlias = "list[Elements]"
Elements: TypeAlias = "list[tuple[str, str, Any]]"


@dataclass(frozen=True, slots=True)
class Question:
    """Keys for one information model; paths as both tools understand them."""

    model: str
    level: str | None
    keys: Mapping[str, str]


def by_findscu(
    peer: RealPeer, question: Question, folder: Path, syntaxes: str = "local"
) -> Answer:
    """What `findscu -X` writes, file by file."""
    target = findscu(peer, question, folder, syntaxes, "-X")
    return [
        elements(_data_set(*of_file(path))) for path in sorted(target.glob("rsp*.dcm"))
    ]


def findscu(
    peer: RealPeer, question: Question, folder: Path, syntaxes: str, *output: str
) -> Path:
    """The folder that findscu wrote to, as its switches for output say."""
    target = folder / f"findscu-{len(list(folder.iterdir()))}"
    target.mkdir()
    level = [f"QueryRetrieveLevel={question.level}"] if question.level else []
    keys = [f"{path}={value}" for path, value in question.keys.items()]
    command = [FINDSCU, MODELS[question.model], SWITCHES[syntaxes], "-q", *output]
    command += ["-od", str(target), "-aet", "BATCHFIND", "-aec", peer.called_ae]
    command += [part for key in level + keys for part in ("-k", key)]
    subprocess.run(
        [*command, LOOPBACK, str(peer.port)],
        check=True,
        env=AT_ONCE,
        stderr=subprocess.DEVNULL,
    )
    return target


def by_batchfind(
    peer: RealPeer,
    questions: Mapping[str, Question],
    folder: Path,
    syntaxes: str = "local",
) -> dict[str, Answer]:
    """What one `batchfind run` captures of all questions, response by response."""
    return captured(batchfind(peer, questions, folder, syntaxes) / "run.db")


def batchfind(
    peer: RealPeer,
    questions: Mapping[str, Question],
    folder: Path,
    syntaxes: str = "local",
    outputs: Sequence[Mapping[str, str]] = (),
) -> Path:
    """The run directory of one `batchfind run` of all questions, in this process."""
    job = folder / "job.yaml"
    text = _job(peer, questions, syntaxes)
    if outputs:
        text["outputs"] = list(outputs)
    job.write_text(json.dumps(text))
    run_dir = folder / "run"
    with Streams() as streams:
        code = execute(["run", str(job), "--json", "--run-dir", str(run_dir)])
    assert code == 0, streams.stdout + streams.stderr
    return run_dir


def captured(path: Path) -> dict[str, Answer]:
    """Every response of a capture, by query and in plan order."""
    return {
        query: [elements(_data_set(*one)) for one in answer]
        for query, answer in received(path).items()
    }


def received(path: Path) -> dict[str, list[tuple[bytes, str]]]:
    """Bytes and transfer syntax of every response of a capture, by query."""
    found: dict[str, list[tuple[bytes, str]]] = {}
    with open_capture(path) as capture:
        for request in capture.requests():
            answer = found.setdefault(request.query, [])
            for attempt in capture.attempts(request.id):
                assert attempt.facts is not None
                syntax = attempt.facts.transfer_syntax
                for matches in capture.matches(attempt.number):
                    begins = [0, *matches.ends]
                    for begin, end in itertools.pairwise(begins):
                        payload = bytes(matches.payload[begin:end])
                        answer.append((payload, syntax))
    return found


def elements(data_set: Dataset) -> Elements:
    """Tag, VR and undecoded value of each element, items in their sequences."""
    found: Elements = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values of real peers are not always valid
        for tag in data_set.keys():  # noqa: SIM118 - iterating converts the values
            raw = data_set.get_item(tag)
            vr = raw.VR or data_set[tag].VR
            value: Any = raw.value or b""
            if vr == "SQ":
                value = [elements(item) for item in data_set[tag].value]
            found.append((str(tag), vr, value))
    return found


def of_file(path: Path) -> tuple[bytes, str]:
    """Bytes and transfer syntax of a file's data set."""
    meta = read_file_meta_info(path)
    begin = PREAMBLE_AND_GROUP_LENGTH + meta.FileMetaInformationGroupLength
    return path.read_bytes()[begin:], str(meta.TransferSyntaxUID)


def _data_set(payload: bytes, transfer_syntax: str) -> Dataset:
    if transfer_syntax == DEFLATED:
        payload = zlib.decompress(payload, -zlib.MAX_WBITS)
    return read_dataset(
        BytesIO(payload), transfer_syntax == IMPLICIT, transfer_syntax != BIG
    )


def _job(
    peer: RealPeer, questions: Mapping[str, Question], syntaxes: str
) -> dict[str, Any]:
    return {
        "version": 1,
        "name": "interop",
        "peers": {
            peer.name: {
                "host": LOOPBACK,
                "port": peer.port,
                "called_ae": peer.called_ae,
                "calling_ae": "BATCHFIND",
                "transfer_syntaxes": syntaxes,
            }
        },
        "queries": {name: _query(question) for name, question in questions.items()},
    }


def _query(question: Question) -> dict[str, Any]:
    level = {"level": question.level} if question.level else {}
    return {"model": question.model, "keys": dict(question.keys), **level}
