"""One run that asks hostile peers and good ones at the same time."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import batchfind
from batchfind import RunResult
from batchfind.capture.records import RequestVerdict
from batchfind.execution.exit_codes import exit_code_of
from batchfind.execution.results import ExitCode, RequestReport
from tests.interop.hostile.behaviour import Behaviour, complete
from tests.peers.scripted import LOOPBACK

GOOD_PEERS = tuple(
    Behaviour(name, complete()) for name in ("good-1", "good-2", "good-3")
)
PATIENCE = dict.fromkeys(("connect", "acse", "response", "cancel", "release"), "60s")
QUERY = {
    "model": "study",
    "level": "STUDY",
    "allow_universal": True,
    "return": ["PatientID", "PatientName", "StudyInstanceUID"],
}
OUTPUTS = {
    "csv": "studies.csv",
    "jsonl": "studies.jsonl",
    "parquet": "studies.parquet",
    "xml": "studies.xml",
    "dicom": "dicom/",
}
UID = "1.2.826.0.1.3680043.10.1505.7.{}"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended.

    Attributes:
        addresses: port of each peer by its name.
        tasks: that were left.
        descriptors: that were left, by what they lead to.
    """

    result: RunResult
    addresses: Mapping[str, int]
    tasks: Sequence[str]
    descriptors: Sequence[str]

    def report(self, name: str) -> RequestReport:
        """Of the request at one peer."""
        (found,) = (one for one in self.result.requests if one.peer == name)
        return found

    def rows(self) -> dict[str, list[str]]:
        """Study Instance UIDs in the output, by peer."""
        (output,) = (one for one in self.result.outputs if one.format == "csv")
        found: dict[str, list[str]] = {}
        with Path(output.written).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.setdefault(row["bf_peer"], []).append(row["StudyInstanceUID"])
        return found


def ask_all(behaviours: Sequence[Behaviour], folder: Path, **run: Any) -> Ran:
    """Asks a peer for each behaviour, and three good ones beside them."""
    everybody = [*behaviours, *GOOD_PEERS]
    with ExitStack() as running:

        def start() -> dict[str, int]:
            return {
                one.name: running.enter_context(one.start()).port for one in everybody
            }

        return run_job(everybody, start, running, folder, **run)


def run_job(
    behaviours: Sequence[Behaviour],
    start: Callable[[], Mapping[str, int]],
    running: ExitStack,
    folder: Path,
    **run: Any,
) -> Ran:
    """Starts peers, runs the job that asks them, and counts what is left after both.

    Args:
        behaviours: of the peers.
        start: starts them; their ports by name.
        running: ends them.
        folder: for the job and its run.
        run: fields of `run` in the job.
    """
    before = _descriptors()
    with running:
        ports = start()
        job = folder / "job.yaml"
        job.write_text(json.dumps(job_of(behaviours, ports, **run)))
        result, tasks = asyncio.run(_run(job, folder / "run"))
    left = sorted(_descriptors().values())
    for each in before.values():
        if each in left:
            left.remove(each)
    return Ran(result, ports, tasks, left)


def job_of(
    behaviours: Iterable[Behaviour], ports: Mapping[str, int], **run: Any
) -> dict[str, Any]:
    """A job that asks one peer for each behaviour."""
    peers, queries, usual = {}, {}, []
    for one in behaviours:
        fields = dict(one.peer)
        timeouts = PATIENCE | fields.pop("timeouts", {})
        where = {"host": LOOPBACK, "port": ports[one.name], "timeouts": timeouts}
        peers[one.name] = where | fields
        if one.query:
            queries[one.name] = QUERY | {"peers": [one.name]} | dict(one.query)
        else:
            usual.append(one.name)
    queries["studies"] = QUERY | {"peers": usual}
    return {
        "version": 1,
        "name": "hostile",
        "peers": peers,
        "queries": queries,
        "run": {"concurrency": 64, "retry": {"attempts": 1}, **run},
        "outputs": [
            {"format": name, "path": path, "queries": ["studies"], "publish": "always"}
            | ({"provenance": True} if name in {"csv", "parquet"} else {})
            for name, path in OUTPUTS.items()
        ],
    }


def exit_code_alone(report: RequestReport) -> ExitCode:
    """The exit code of a run with this request and no other."""
    return exit_code_of(
        [
            RequestVerdict(
                request=report.id,
                verdict=report.verdict,
                cause=report.cause,
                attempts=report.attempts,
            )
        ]
    )


async def _run(job: Path, run_dir: Path) -> tuple[RunResult, list[str]]:
    result = await batchfind.arun(job, run_dir=run_dir)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return result, [repr(task) for task in tasks]


def _descriptors() -> dict[str, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except FileNotFoundError:  # the listing itself
            continue
    return found
