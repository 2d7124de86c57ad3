"""Rate and hours as users meet them: job file in, screen and exit code out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from batchfind.job.hours import DAYS
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request as Seen
from tests.peers.scripted import ScriptedPeer, Step

Shell = Callable[..., subprocess.CompletedProcess[Any]]
ROOT = Path(__file__).parents[2]
JOB = """\
version: 1
name: guest
timezone: UTC
peers:
  pacs: {host: 127.0.0.1, port: PORT, limits: LIMITS}
queries:
  studies:
    model: study
    level: STUDY
    matrix: {id: [P1, P2, P3, P4, P5]}
    keys: {PatientID: "{{ id }}", StudyInstanceUID: ""}
run: RUN
"""
#: In three days it is no other day anywhere near.
THAT_DAY = DAYS[(datetime.now(UTC) + timedelta(days=3)).weekday()]
WORDS_OF_WAITING = f"pacs: waits until {THAT_DAY} 00:00 UTC (hours)"


@pytest.fixture
def answering(scripted_peer: StartPeer) -> ScriptedPeer:
    return scripted_peer(steps.final())


def write(
    folder: Path, peer: ScriptedPeer, limits: str = "{}", run: str = "{}"
) -> Path:
    path = folder / "job.yaml"
    text = JOB.replace("PORT", str(peer.port)).replace("LIMITS", limits)
    path.write_text(text.replace("RUN", run), "utf-8")
    return path


class TestARate:
    def test_sets_requests_apart_at_the_peer(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer
    ) -> None:
        times: list[float] = []

        def answer(_: Seen) -> Sequence[Step]:
            times.append(time.monotonic())
            return [steps.final()]

        peer = scripted_peer(script=answer)
        done = shell("run", write(tmp_path, peer, "{rate: 5/s}"), "--quiet")
        assert done.returncode == 0
        assert len(times) == 5
        assert times[-1] - times[0] >= 0.7
        assert min(later - earlier for earlier, later in pairwise(times)) >= 0.05

    def test_is_told_by_plan_with_the_least_time(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        job = write(tmp_path, answering, "{rate: 6/h}", "{deadline: 30m}")
        done = shell("plan", job)
        assert "  limits    pacs at 6/h at least 40 m" in done.stdout.splitlines()
        assert "5 requests at 6/h take at least 40 m" in done.stderr
        assert "job.yaml:5:3" in done.stderr


class TestHours:
    def test_that_are_over_end_with_1_and_are_worth_trying_again(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        job = write(tmp_path, answering, f"{{hours: {THAT_DAY}}}")
        done = shell("run", job, "--json", "--run-dir", tmp_path / "once")
        told = json.loads(done.stdout)
        assert (done.returncode, told["exit_code"], told["retryable"]) == (1, 1, True)
        (why,) = {one["cause"]["message"] for one in told["requests"]}
        assert why == (
            f"pacs: it may be asked {THAT_DAY} UTC only, and opens {THAT_DAY} 00:00"
        )
        assert {one["cause"]["code"] for one in told["requests"]} == {"hours"}
        assert {one["verdict"] for one in told["requests"]} == {"skipped"}
        assert answering.seen.connections == 0
        status = json.loads(shell("status", tmp_path / "once", "--json").stdout)
        assert {one["cause"]["code"] for one in status["requests"]} == {"hours"}

    def test_that_have_come_let_resume_ask(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        run = tmp_path / "once"
        job = write(tmp_path, answering, f"{{hours: {THAT_DAY}}}")
        assert shell("run", job, "--quiet", "--run-dir", run).returncode == 1
        plan = run / "plan.json"  # as if it was another day
        plan.write_text(plan.read_text("utf-8").replace(THAT_DAY, "Mon-Sun"), "utf-8")
        assert shell("resume", run, "--quiet").returncode == 0
        assert len(answering.seen.requests) == 5

    def test_that_are_now_change_nothing(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        job = write(tmp_path, answering, "{hours: [Mon-Sun]}")
        assert shell("run", job, "--quiet").returncode == 0

    def test_do_not_bind_ping(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        job = write(tmp_path, answering, f"{{hours: {THAT_DAY}, rate: 1/h}}")
        assert shell("ping", job).returncode == 0


class TestWaiting:
    LIMITS = f"{{hours: {THAT_DAY}}}"

    @pytest.fixture
    def begin(
        self, tmp_path: Path, answering: ScriptedPeer
    ) -> Iterator[Callable[[], subprocess.Popen[str]]]:
        """Starts a run, and waits until it waits."""
        running: list[subprocess.Popen[str]] = []

        def start() -> subprocess.Popen[str]:
            job = write(tmp_path, answering, self.LIMITS, "{outside_hours: wait}")
            process = subprocess.Popen(
                [sys.executable, "-m", "batchfind", "run", str(job), "--json"],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            assert process.stderr is not None
            assert any(line.rstrip() == WORDS_OF_WAITING for line in process.stderr)
            return process

        yield start
        for process in running:
            process.kill()
            process.communicate()

    def test_is_ended_by_an_interruption_at_once(
        self, begin: Callable[[], subprocess.Popen[str]], answering: ScriptedPeer
    ) -> None:
        running = begin()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130
        assert json.loads(out)["exit_code"] == 130
        assert "Traceback" not in err
        assert answering.seen.connections == 0

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_costs_nothing(self, begin: Callable[[], subprocess.Popen[str]]) -> None:
        """Its processor time stands still: nobody looks all the time."""
        running = begin()
        clock = Path(f"/proc/{running.pid}/stat")
        time.sleep(0.3)  # the run has come to rest
        before = _ticks(clock)
        time.sleep(1.0)
        assert _ticks(clock) - before <= 10
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
        assert running.returncode == 130

    def test_is_ended_by_the_deadline(
        self, tmp_path: Path, shell: Shell, answering: ScriptedPeer
    ) -> None:
        run = "{outside_hours: wait, deadline: 300ms}"
        done = shell("run", write(tmp_path, answering, self.LIMITS, run), "--json")
        told = json.loads(done.stdout)
        assert done.returncode == 1
        assert {one["cause"]["code"] for one in told["requests"]} == {"deadline"}
        assert WORDS_OF_WAITING in done.stderr


def _ticks(stat: Path) -> int:
    """Processor time of a process so far, in hundredths of a second."""
    fields = stat.read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
