"""One run that asks hostile peers and good ones at the same time."""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
_TO_END = 5.0
"""Seconds a thread may take to end that has nothing to do any more."""
UID = "1.2.826.0.1.3680043.10.1505.7.{}"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run ended.

    Attributes:
        addresses: port of each peer by its name.
        tasks: that were left.
        descriptors: that were left, by what they lead to.
        threads: that were left, by name.
        logged: warnings and errors of libraries, such as a task's that nobody awaited.
    """

    result: RunResult
    addresses: Mapping[str, int]
    tasks: Sequence[str]
    descriptors: Sequence[str]
    threads: Sequence[str]
    logged: Sequence[str]

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


def ask_all(
    behaviours: Sequence[Behaviour],
    folder: Path,
    *within: AbstractContextManager[object],
    **run: Any,
) -> Ran:
    """Asks a peer for each behaviour, and three good ones beside them.

    Args:
        behaviours: of the peers.
        folder: for the job and its run.
        within: surroundings they need.
        run: fields of `run` in the job.
    """
    everybody = [*behaviours, *GOOD_PEERS]
    with ExitStack() as running:
        for each in within:
            running.enter_context(each)

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
    before, threads = _descriptors(), set(threading.enumerate())
    with running, _listening() as logged:
        ports = start()
        job = folder / "job.yaml"
        job.write_text(json.dumps(job_of(behaviours, ports, **run)))
        result, tasks = asyncio.run(_run(job, folder / "run"))
    left = sorted(_descriptors().values())
    for each in before.values():
        if each in left:
            left.remove(each)
    return Ran(result, ports, tasks, left, _threads_beside(threads), logged)


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


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What is logged meanwhile, WARNING and above."""
    logged: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append(f"{record.name}: {record.getMessage()}")

    listener = Listener(logging.WARNING)
    logging.getLogger().addHandler(listener)
    try:
        yield logged
    finally:
        logging.getLogger().removeHandler(listener)


def _threads_beside(those: set[threading.Thread]) -> list[str]:
    """Names of the other threads, without those that are about to end."""
    others = [one for one in threading.enumerate() if one not in those]
    for one in others:
        one.join(_TO_END)
    return [one.name for one in others if one.is_alive()]


def _descriptors() -> dict[str, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except FileNotFoundError:  # the listing itself
            continue
    return found
