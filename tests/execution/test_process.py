"""The command as a process: signals, kills and collisions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.capture.reader import open_capture
from tests.peers import steps
from tests.peers.plugin import StartPeer

JOB = """\
version: 1
name: process
peers:
  pacs: {{host: 127.0.0.1, port: {port}, called_ae: PEER, limits: {{associations: 1}}}}
queries:
  studies:
    model: study
    level: STUDY
    peers: [pacs]
    rows: {{from: [{{id: A1}}, {{id: A2}}, {{id: A3}}]}}
    keys: {{PatientID: "{{{{ id }}}}", PatientName: "", StudyInstanceUID: ""}}
outputs:
  - {{format: csv, path: out/studies.csv}}
"""
ENDLESS = [steps.matches(2), steps.until_cancelled(), steps.final(0xFE00)]
STUBBORN = [steps.matches(5), steps.silence()]
GOOD = [steps.matches(2), steps.final()]
ROOT = Path(__file__).resolve().parents[2]

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command in the test's folder; ends what is left of it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as running:

        def command(*arguments: str) -> subprocess.Popen[str]:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "batchfind", *arguments],
                    cwd=tmp_path,
                    env=environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    stdin=subprocess.DEVNULL,
                    text=True,
                )
            )
            running.callback(process.kill)
            return process

        yield command


def write_job(folder: Path, port: int) -> None:
    (folder / "job.yaml").write_text(JOB.format(port=port))


def wait_for_line(process: subprocess.Popen[str], *texts: str) -> None:
    """Reads the plain progress lines until each text was in one of them."""
    missing = set(texts)
    assert process.stderr is not None
    for line in process.stderr:
        missing = {text for text in missing if text not in line}
        if not missing:
            return
    pytest.fail(f"the process ended without a line with {missing}")


def run_directory(folder: Path) -> Path:
    (found,) = (each.parent for each in folder.glob("runs/process/*/run.db"))
    return found


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


class TestInterruption:
    @pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
    def test_cancels_keeps_what_came_and_exits_130(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start, kind: int
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(ENDLESS, GOOD, GOOD, GOOD))
        write_job(tmp_path, peer.port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "ResponsesArrived")
        process.send_signal(kind)
        code, _, err = outcome(process)
        assert code == 130
        assert "Traceback" not in err
        assert len(peer.seen.cancels) == 1
        assert peer.seen.releases == 1
        assert not (tmp_path / "out").exists()
        with open_capture(run_directory(tmp_path) / "run.db") as capture:
            assert capture.verify() == []
            (attempt,) = capture.attempts("0.0")
            assert attempt.ending is not None
            assert attempt.ending.responses == 2
        code, out, _ = outcome(start("resume", str(run_directory(tmp_path)), "--json"))
        assert code == 0
        assert json.loads(out)["outputs"][0]["rows"] == 6

    def test_a_second_one_ends_at_once(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        write_job(tmp_path, scripted_peer(*STUBBORN).port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "ResponsesArrived")
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "Stopping")
        process.send_signal(signal.SIGINT)
        # Without the second one the drain would take timeouts.cancel, 10 s.
        assert outcome(process)[0] == 130


class TestKill:
    def test_what_was_reported_survives_and_resume_completes(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(GOOD, STUBBORN, GOOD, GOOD))
        write_job(tmp_path, peer.port)
        process = start("run", "job.yaml", "--debug")
        # The peer has begun the second script, and the first answer is reported.
        wait_for_line(process, "RequestEnded", "ResponsesArrived request=0.1")
        process.kill()
        process.wait()
        code, out, _ = outcome(start("status", str(run_directory(tmp_path)), "--json"))
        assert code == 130
        assert json.loads(out)["requests"][0]["verdict"] == "complete"
        code, out, _ = outcome(start("resume", str(run_directory(tmp_path)), "--json"))
        assert code == 0
        assert json.loads(out)["outputs"][0]["rows"] == 6
        assert len(peer.seen.requests) <= 4


class TestCollision:
    def test_the_same_job_twice_at_once_is_refused(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        write_job(tmp_path, scripted_peer(*ENDLESS).port)
        first = start("run", "job.yaml", "--debug")
        wait_for_line(first, "ResponsesArrived")
        code, out, _ = outcome(start("run", "job.yaml", "--json"))
        assert code == 6
        assert json.loads(out)["retryable"] is True
        code, _, _ = outcome(start("resume", str(run_directory(tmp_path))))
        assert code == 6
        code, out, _ = outcome(start("status", str(run_directory(tmp_path)), "--json"))
        assert code == 130
        assert f"still under way in process {first.pid}" in json.loads(out)["error"]
        first.send_signal(signal.SIGINT)
        assert outcome(first)[0] == 130
