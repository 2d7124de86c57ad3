"""One run of a job that is killed and resumed, and what must be true of it.

After each kill the capture is sound, what was reported or found ended before is still
so, and `status` reads it. At the end all outputs are, byte for byte, those of a run
that nobody interrupted, nothing is left over, and no request was asked again whose
ending had been kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchfind.capture.reader import open_capture
from batchfind.capture.records import Outcome
from batchfind.outputs.sidecars import read_sidecar
from tests.peers.slow_scp import responses_to

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
JOB = """\
version: 1
name: killed
peers:
  pacs: {{host: 127.0.0.1, port: {port}, called_ae: SLOW, limits: {{associations: 2}}}}
queries:
  studies:
    model: study
    level: STUDY
    rows: {{from: rows.csv, columns: {{patient: patient}}}}
    keys:
      PatientID: "{{{{ patient }}}}"
      PatientName: ""
      StudyInstanceUID: ""
      StudyDate: ""
      StudyDescription: ""
outputs:
  - {{format: csv, path: out/studies.csv}}
  - {{format: parquet, path: out/studies.parquet}}
  - {{format: jsonl, path: out/studies.jsonl}}
  - {{format: xml, path: out/studies.xml}}
  - {{format: dicom, path: out/studies.zip, layout: zip}}
  - format: csv
    path: out/months/
    partition_by: [{{key: StudyDate, by: month}}]
  - format: csv
    path: out/requests.csv
    table: requests
    columns: [patient, bf_verdict, bf_responses]
"""
TARGETS = (
    *(f"studies.{kind}" for kind in ("csv", "parquet", "jsonl", "xml", "zip")),
    "months",
    "requests.csv",
)
_EVENT = re.compile(r"^ *([0-9.]+) (RunStarted|FinishingStarted|OutputReady|RunEnded)")
_ENDED = re.compile(r"^ *[0-9.]+ RequestEnded .* (\S+) complete \d+$")
_PHASES = {
    "": "starting",
    "RunStarted": "asking",
    "FinishingStarted": "finishing",
    "OutputReady": "publishing",
    "RunEnded": "closing",
}


@dataclass(frozen=True, slots=True)
class Moment:
    """So many seconds after a process was started, or after its run had begun."""

    seconds: float
    begun: bool


@dataclass(slots=True)
class Kept:
    """What a run may not lose any more.

    Attributes:
        endings: number of the attempt that answered, by request.
        asked: requests the SCP had heard of by then.
    """

    endings: dict[str, int] = field(default_factory=dict)
    asked: int = 0


@contextmanager
def slow_scp(log: Path, seconds: float) -> Iterator[int]:
    """The SCP in its process; gives its port."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.peers.slow_scp", log, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


class Run:
    """One run of the job in a folder of its own."""

    def __init__(self, folder: Path, port: int, patients: Sequence[str]) -> None:
        folder.mkdir(parents=True)
        (folder / "tmp").mkdir()
        (folder / "job.yaml").write_text(JOB.format(port=port))
        (folder / "rows.csv").write_text("\n".join(("patient", *patients, "")))
        self.folder = folder
        self._patients = patients
        self._kept = Kept()
        self._reported: dict[int, list[str]] = {}

    @property
    def told(self) -> str:
        """What its last process wrote to stderr."""
        return (self.folder / "stderr.txt").read_text()

    @property
    def directory(self) -> Path | None:
        """Its run directory, once there is a capture to go on with."""
        found = sorted(self.folder.glob("runs/killed/*/run.db"))
        assert len(found) <= 1, found
        return found[0].parent if found else None

    def carry_on(self, moment: Moment | None) -> tuple[str, str] | None:
        """Runs or resumes; kills it at some moment. None when it came through.

        Returns:
            What stderr said, and the phase it was killed in.
        """
        directory = self.directory
        what = ["run", "job.yaml"] if directory is None else ["resume", str(directory)]
        log = self.folder / "stderr.txt"
        with (
            log.open("wb") as stderr,
            self._command(*what, "--debug", stderr=stderr) as process,
        ):
            try:
                if moment is not None and moment.begun:
                    _wait_for_run(process, log)
                code = process.wait(PATIENCE if moment is None else moment.seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                text = log.read_text()
                return text, _phase(text)
        text = log.read_text()
        assert code == 0, text[-3000:]
        assert "Traceback" not in text, text[-3000:]
        return None

    def disturbed(self, disturb: Callable[[Path], None]) -> tuple[int, str]:
        """Runs; does something to the run directory once something was answered.

        Returns:
            Exit code, and what was printed.
        """
        log = self.folder / "stderr.txt"
        with (
            log.open("wb") as stderr,
            self._command("run", "job.yaml", "--debug", stderr=stderr) as process,
        ):
            while process.poll() is None and "RequestEnded" not in log.read_text():
                time.sleep(0.005)
            directory = self.directory
            assert directory is not None
            disturb(directory)
            return process.wait(PATIENCE), log.read_text()

    def survives(self, told: str, asked: int) -> None:
        """Checks what a kill left behind.

        Args:
            told: what the process that was killed had said.
            asked: how many requests the SCP had heard of when it died.
        """
        directory = self.directory
        reported = [found[1] for found in map(_ENDED.match, told.splitlines()) if found]
        if directory is None:
            assert not reported
            return
        endings = self._endings(directory)
        assert endings.items() >= self._kept.endings.items()
        assert endings.keys() >= set(reported)
        done = self._status(directory)
        assert done["exit_code"] in {0, 130}, done
        if "requests" in done:
            told_complete = {
                one["id"] for one in done["requests"] if one["verdict"] == "complete"
            }
            assert told_complete == endings.keys()
        self._kept = Kept(endings, asked)
        self._reported[asked] = list(endings)

    def ends_like(self, whole: Run, heard: Sequence[str]) -> None:
        """Checks what is left when it came through.

        Args:
            whole: the run nobody interrupted.
            heard: PatientIDs in the order they were asked for.
        """
        assert contents(self.folder / "out") == contents(whole.folder / "out")
        self._sidecars()
        self._no_leftovers()
        directory = self.directory
        assert directory is not None
        endings = self._endings(directory)
        assert endings.items() >= self._kept.endings.items()
        assert len(endings) == len(self._patients)
        for asked, known in self._reported.items():
            ended = {self._patients[int(one.split(".")[1])] for one in known}
            again = ended.intersection(heard[asked:])
            assert not again, f"asked again after their endings were kept: {again}"

    @property
    def share_left(self) -> float:
        """Share of the requests that have no ending yet."""
        return 1 - len(self._kept.endings) / len(self._patients)

    def _command(self, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
        own = {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder / "tmp")}
        return subprocess.Popen(
            [sys.executable, "-m", "batchfind", *arguments],
            cwd=self.folder,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=streams.pop("stdout", subprocess.DEVNULL),
            **streams,
        )

    def _status(self, directory: Path) -> dict[str, Any]:
        with self._command(
            "status",
            str(directory),
            "--json",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            out, err = process.communicate(timeout=PATIENCE)
        assert b"Traceback" not in err, err
        found: dict[str, Any] = json.loads(out)
        assert found["exit_code"] == process.returncode
        return found

    def _endings(self, directory: Path) -> dict[str, int]:
        """The one attempt that answered each request; its capture must be sound."""
        with tempfile.TemporaryDirectory() as copies:
            for name in ("run.db", "run.db-wal"):
                if (directory / name).exists():
                    shutil.copy(directory / name, copies)
            path = Path(copies, "run.db")
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [
                    ("ok",)
                ]
            endings: dict[str, int] = {}
            with open_capture(path) as capture:
                assert capture.verify() == []
                for request in capture.requests():
                    number = self._answer(capture, request.id)
                    if number:
                        endings[request.id] = number
        return endings

    def _answer(self, capture: Any, request: str) -> int:
        """Number of the attempt with the whole answer, 0 without any."""
        good = [
            one
            for one in capture.attempts(request)
            if one.ending is not None and one.ending.outcome is Outcome.SUCCESS
        ]
        if not good:
            return 0
        (attempt,) = good
        patient = self._patients[int(request.split(".")[1])]
        stored = sum(len(part.ends) for part in capture.matches(attempt.number))
        assert stored == attempt.ending.responses == responses_to(patient)
        return int(attempt.number)

    def _sidecars(self) -> None:
        rows = sum(map(responses_to, self._patients))
        for name in TARGETS:
            sidecar = read_sidecar(self.folder / "out" / name)
            assert sidecar is not None, name
            expected = len(self._patients) if name == "requests.csv" else rows
            assert sidecar.rows == expected, name

    def _no_leftovers(self) -> None:
        assert list((self.folder / "tmp").iterdir()) == []
        out = {one.name for one in (self.folder / "out").iterdir()}
        sidecars = {f"{name}.batchfind.json" for name in TARGETS}
        assert out == {*TARGETS, *sidecars}
        hidden = [one for one in self.folder.rglob("*") if one.name.startswith(".")]
        assert hidden == []
        directory = self.directory
        assert directory is not None
        names = {one.name for one in directory.iterdir()}
        assert names == {"job.yaml", "plan.json", "run.db", "run.lock"}


def _wait_for_run(process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until a process has begun to ask, or has ended."""
    while process.poll() is None and b" RunStarted " not in log.read_bytes():
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of each file; of sidecars, which name their run, only the names."""
    return {
        str(path.relative_to(folder)): ""
        if path.name.endswith(".batchfind.json")
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _phase(told: str) -> str:
    events = [found[2] for found in map(_EVENT.match, told.splitlines()) if found]
    return _PHASES[events[-1] if events else ""]


def times_of(told: str) -> dict[str, float]:
    """When each kind of event was told last, in seconds."""
    found = map(_EVENT.match, told.splitlines())
    return {one[2]: float(one[1]) for one in found if one}
