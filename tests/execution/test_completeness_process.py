"""The command as a process behind a cap: killed, judged again, and what it costs."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from batchfind.capture.reader import open_capture
from batchfind.dicom.paths import parse_path
from batchfind.plan.codec import request_from_json
from batchfind.plan.rewriting import text_at
from tests.execution.two_months import two_months, write_job
from tests.peers.capped import DATE, TIME, CappedArchive, Empty, Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request, Step

ROOT = Path(__file__).resolve().parents[2]
STUDY_DATE, STUDY_TIME = parse_path("StudyDate"), parse_path("StudyTime")
DECLARED = {"response_cap": 37}

# The peak of its own memory: getrusage would count that of whoever started it.
COMMAND = """\
import atexit
from pathlib import Path

from batchfind.__main__ import main

status = Path("/proc/self/status")
atexit.register(lambda: Path("memory.txt").write_text(status.read_text()))
main()
"""

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command in the test's folder; ends what is left of it."""
    with ExitStack() as running:

        def command(*arguments: str) -> subprocess.Popen[str]:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", COMMAND, *arguments],
                    cwd=tmp_path,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    stdin=subprocess.DEVNULL,
                    text=True,
                )
            )
            running.callback(process.kill)
            return process

        yield command


def told(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    """Exit code and the object that `--json` prints."""
    out, err = process.communicate(timeout=100)
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out)


def run_directory(folder: Path) -> Path:
    (found,) = (each.parent for each in folder.glob("runs/two-months/*/run.db"))
    return found


def uids_in(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as file:
        return [row["StudyInstanceUID"] for row in csv.DictReader(file)]


def judged(answer: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What a run says of its requests; times and tries left out."""
    said = "id", "verdict", "responses", "cause", "pieces", "assumptions", "merged"
    return [tuple(one[name] for name in said) for one in answer["requests"]]


class TestAJournalOfARunThatWasKilled:
    """Wherever it happens amid a split."""

    @pytest.mark.parametrize("number", [1, 25])
    def test_holds_every_piece_asked_once_and_resume_finishes(
        self, number: int, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        studies = two_months(400, busy=160)
        archive = CappedArchive(studies=studies, cap=37, style=Style.OUT_OF_RESOURCES)
        processes: list[subprocess.Popen[str]] = []

        def script(request: Request) -> Sequence[Step]:
            if request.number == number:
                os.kill(processes[0].pid, signal.SIGKILL)
                return ()
            return archive.answer(request)

        peer = scripted_peer(script=script)
        write_job(tmp_path, peer.port)
        processes.append(start("run", "job.yaml"))
        processes[0].wait()
        assert processes[0].returncode == -signal.SIGKILL
        run = run_directory(tmp_path)
        asked = [date_and_time(one) for one in peer.seen.requests]
        stored, ended = stored_in(run), set(stored_in(run, ended=True))
        assert set(asked) <= set(stored)
        assert max(Counter(stored).values()) == 1

        code, answer = told(start("resume", str(run), "--json"))
        assert code == 0
        assert answer["requests"][0]["verdict"] == "complete"
        uids = uids_in(tmp_path / "studies.csv")
        assert sorted(uids) == sorted(study.uid for study in studies)
        # What had ended, as far as the journal knows, is not asked again.
        later = [date_and_time(one) for one in peer.seen.requests[len(asked) :]]
        assert not ended & set(later)
        assert set(stored_in(run)) == {*asked, *later}
        assert max(Counter(stored_in(run)).values()) == 1


def date_and_time(request: Request) -> tuple[str, str]:
    values = {one.tag: one.value.decode().strip() for one in request.elements}
    return values[DATE], values[TIME]


def stored_in(run: Path, *, ended: bool = False) -> list[tuple[str, str]]:
    """Date and time of the requests in the journal, or of those that have ended."""
    with open_capture(run / "run.db") as capture:
        requests = [
            request_from_json(one.spec)
            for one in capture.requests()
            if not ended or any(each.ending for each in capture.attempts(one.id))
        ]
    return [
        (text_at(one.identifier, STUDY_DATE), text_at(one.identifier, STUDY_TIME))
        for one in requests
    ]


class TestARunThatIsJudgedAgain:
    @pytest.mark.parametrize(
        ("style", "empty", "code"),
        [
            (Style.CANCELLED, Empty.NONE, 3),
            (Style.ABORT, Empty.EVERY, 0),
        ],
    )
    def test_has_the_same_verdicts(
        self,
        style: Style,
        empty: Empty,
        code: int,
        tmp_path: Path,
        scripted_peer: StartPeer,
        start: Start,
    ) -> None:
        studies = two_months(400, busy=160)
        archive = CappedArchive(studies=studies, cap=37, style=style, empty=empty)
        peer = scripted_peer(script=archive.answer)
        write_job(tmp_path, peer.port, limits=DECLARED)
        first = told(start("run", "job.yaml", "--json"))
        assert first[0] == code
        written = uids_in(Path(first[1]["outputs"][0]["written"]))
        (tmp_path / "studies.csv").unlink(missing_ok=True)
        status = told(start("status", "latest", "--json"))
        always = ("--publish", "always", "--to-paths")
        export = told(start("export", "latest", *always, "--json"))
        assert status[0] == code
        assert judged(first[1]) == judged(status[1]) == judged(export[1])
        assert uids_in(tmp_path / "studies.csv") == written
        assert len(peer.seen.requests) == archive.answers


class TestTheCostOfACap:
    """Many studies behind a cap of 37."""

    def test_in_requests_and_memory(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        start: Start,
        record_property: Callable[[str, object], None],
    ) -> None:
        studies = two_months(2500, busy=600)
        archive = CappedArchive(studies=studies, cap=37, empty=Empty.LOWER_OPEN)
        peer = scripted_peer(script=archive.answer)
        write_job(tmp_path, peer.port, limits=DECLARED)
        code, answer = told(start("run", "job.yaml", "--json"))
        assert code == 0
        status = (tmp_path / "memory.txt").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        peak = int(found[1]) / 1024
        cut = sum(bool(one["pieces"]) for one in answer["requests"])
        figures = {
            "requests": archive.answers,
            "cut": cut,
            "responses": archive.sent,
            "peak MiB": round(peak),
        }
        for name, value in figures.items():
            record_property(name, value)
        sys.stdout.write(f"{figures}\n")
        assert peak < 400
        assert len(answer["requests"]) == archive.answers
        # A tree in which each inner node has two pieces; a piece is at least half full.
        assert archive.answers == 2 * cut + 1
        assert archive.answers < 4 * len(studies) / 37
