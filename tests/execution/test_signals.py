"""Signals, closed terminals and closed pipes, sent to real processes."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from batchfind.capture.reader import open_capture
from batchfind.execution.results import ExitCode
from batchfind.execution.run import resume_run
from batchfind.execution.status import run_status
from tests.peers import steps
from tests.peers.plugin import StartPeer

ROOT = Path(__file__).resolve().parents[2]
JOB = """\
version: 1
name: signals
peers:
  pacs:
    host: 127.0.0.1
    port: {port}
    called_ae: PEER
    limits: {{associations: 1, response_cap: none}}
    timeouts: {{cancel: {cancel}}}
queries:
  studies:
    model: study
    level: STUDY
    rows: {{from: [{{id: A1}}, {{id: A2}}, {{id: A3}}]}}
    keys: {{PatientID: "{{{{ id }}}}", PatientName: "", StudyInstanceUID: ""}}
outputs:
  - {{format: csv, path: out/studies.csv}}
  - {{format: jsonl, path: out/studies.jsonl}}
"""
GOOD = [steps.matches(2), steps.final()]
MANY = [steps.matches(6000, per_pdu=40), steps.final()]
ENDLESS = [steps.matches(2), steps.until_cancelled(), steps.final(0xFE00)]
STUBBORN = [steps.matches(2), steps.silence()]
#: A signal while Python itself starts or ends finishes it as any program; shells say
#: 130 for it, too.
INTERRUPTED = {130, -signal.SIGINT}

pytestmark = pytest.mark.usefixtures("hang_up")

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a command in the test's folder; ends what is left of it."""
    with ExitStack() as running:

        def command(*arguments: str, **options: Any) -> subprocess.Popen[str]:
            streams = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "batchfind", *arguments],
                    cwd=tmp_path,
                    env=os.environ | {"PYTHONPATH": str(ROOT)},
                    stdin=subprocess.DEVNULL,
                    text=True,
                    **(streams | options),
                )
            )
            running.callback(process.kill)
            return process

        yield command


def write_job(folder: Path, port: int, cancel: str = "1h") -> None:
    (folder / "job.yaml").write_text(JOB.format(port=port, cancel=cancel))


def wait_for_line(process: subprocess.Popen[str], *texts: str) -> None:
    """Reads stderr until each text was in one of its lines."""
    missing = set(texts)
    assert process.stderr is not None
    for line in process.stderr:
        missing = {text for text in missing if text not in line}
        if not missing:
            return
    pytest.fail(f"the process ended without a line with {missing}")


def outcome(
    process: subprocess.Popen[str], *, traced: bool = False
) -> tuple[int, str, str]:
    """How it ended; `--debug` asks for the traceback of an interruption, too."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err or traced
    assert "Task was" not in err
    assert "Task exception" not in err
    assert "Exception ignored" not in err
    return process.returncode, out or "", err


def run_directory(folder: Path) -> Path:
    (found,) = (each.parent for each in folder.glob("runs/signals/*/run.db"))
    return found


def resumed_rows(folder: Path) -> int:
    result = asyncio.run(resume_run(run_directory(folder)))
    assert result.exit_code is ExitCode.OK
    return result.outputs[0].rows


class TestOneSignal:
    def test_to_a_run_whose_peer_is_deaf_aborts_after_timeouts_cancel(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(STUBBORN, GOOD))
        write_job(tmp_path, peer.port, cancel="300ms")
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "ResponsesArrived")
        process.send_signal(signal.SIGTERM)
        assert outcome(process)[0] == 130
        assert (len(peer.seen.cancels), peer.seen.aborts) == (1, 1)
        assert resumed_rows(tmp_path) == 6

    def test_while_outputs_are_rendered_publishes_nothing(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        write_job(tmp_path, scripted_peer(*MANY).port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "FinishingStarted")
        process.send_signal(signal.SIGINT)
        assert outcome(process)[0] == 130
        assert not list(tmp_path.glob("out/*"))
        assert not list(tmp_path.glob("out/.*"))
        assert resumed_rows(tmp_path) == 18000

    def test_while_outputs_are_published_comes_too_late(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        write_job(tmp_path, scripted_peer(*GOOD).port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "OutputReady")
        process.send_signal(signal.SIGINT)
        assert outcome(process, traced=True)[0] in {0, *INTERRUPTED}
        assert len(list(tmp_path.glob("out/*"))) == 4
        assert run_status(run_directory(tmp_path)).exit_code is ExitCode.OK


class TestTwoSignals:
    def test_abort_at_once_and_keep_what_came(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(GOOD, STUBBORN, GOOD))
        write_job(tmp_path, peer.port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "RequestEnded", "ResponsesArrived request=0.1")
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "Stopping")
        process.send_signal(signal.SIGINT)
        code, _, err = outcome(process, traced=True)
        assert code == 130
        assert err.strip().splitlines()[-1] == "batchfind: interrupted"
        assert peer.seen.aborts == 1
        with open_capture(run_directory(tmp_path) / "run.db") as capture:
            assert capture.verify() == []
            (first,) = capture.attempts("0.0")
            assert first.ending is not None
            (second,) = capture.attempts("0.1")
            assert sum(len(part.ends) for part in capture.matches(second.number)) == 2
        assert resumed_rows(tmp_path) == 6


class TestHangUp:
    def test_ends_a_run_like_sigterm(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(ENDLESS, GOOD))
        write_job(tmp_path, peer.port)
        process = start("run", "job.yaml", "--debug")
        wait_for_line(process, "ResponsesArrived")
        process.send_signal(signal.SIGHUP)
        assert outcome(process)[0] == 130
        assert (len(peer.seen.cancels), peer.seen.releases) == (1, 1)
        assert resumed_rows(tmp_path) == 6

    def test_is_ignored_under_nohup(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        gate = threading.Event()

        async def wait(_: Any) -> None:
            while not gate.is_set():
                await steps.delay(0.01)(_)

        peer = scripted_peer(steps.matches(2), wait, steps.final())
        write_job(tmp_path, peer.port)

        def ignore() -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

        process = start("run", "job.yaml", "--debug", preexec_fn=ignore)
        wait_for_line(process, "ResponsesArrived")
        process.send_signal(signal.SIGHUP)
        gate.set()
        assert outcome(process)[0] == 0
        assert peer.seen.cancels == []

    def test_comes_with_a_closed_terminal_and_leaves_a_sound_capture(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(ENDLESS, GOOD))
        write_job(tmp_path, peer.port)
        controller, terminal = pty.openpty()

        def own() -> None:
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        process = start(
            "run", "job.yaml", stdout=terminal, stderr=terminal, preexec_fn=own
        )
        os.close(terminal)
        shown = b""
        while b"2 rec" not in shown and b"studies" not in shown:
            shown += os.read(controller, 4096)
        while not peer.seen.requests:
            os.read(controller, 4096)
        os.close(controller)
        assert process.wait(60) == 130
        assert peer.seen.releases == 1
        assert resumed_rows(tmp_path) == 6


class TestOtherCommands:
    @pytest.mark.parametrize(
        "command",
        [
            ("ping", "job.yaml"),
            ("findscu", "-S", "-k", "PatientID=A1", "127.0.0.1"),
            ("run", "job.yaml"),
        ],
        ids=lambda command: command[0],
    )
    def test_end_amid_an_association_that_is_not_answered(
        self, tmp_path: Path, start: Start, command: tuple[str, ...]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            port = mute.getsockname()[1]
            write_job(tmp_path, port)
            more = [str(port)] if command[0] == "findscu" else []
            process = start(*command, *more)
            connection, _ = mute.accept()
            with connection:
                assert connection.recv(6)
                process.send_signal(signal.SIGINT)
                assert outcome(process)[0] == 130

    @pytest.mark.parametrize(
        ("command", "number"),
        [
            ("plan", signal.SIGINT),
            ("plan", signal.SIGHUP),
            ("validate", signal.SIGINT),
            ("run", signal.SIGTERM),
        ],
    )
    def test_end_amid_planning(
        self, tmp_path: Path, start: Start, command: str, number: int
    ) -> None:
        """The rows are a pipe, which holds a command up just there."""
        write_job(tmp_path, 104)
        text = (tmp_path / "job.yaml").read_text()
        inline = "[{id: A1}, {id: A2}, {id: A3}]"
        assert inline in text
        (tmp_path / "job.yaml").write_text(text.replace(inline, "rows.csv"))
        os.mkfifo(tmp_path / "rows.csv")
        process = start(command, "job.yaml")
        with (tmp_path / "rows.csv").open("wb"):  # once the command opens it, too
            process.send_signal(number)
            code, _, err = outcome(process)
        assert code == 130
        assert err.strip() == "batchfind: interrupted"
        assert not (tmp_path / "runs").exists()


class TestClosedPipes:
    @pytest.mark.parametrize(
        "line",
        [
            "run job.yaml --show | head -1",
            "run job.yaml --json | head -c1",
            "run job.yaml --debug 2>&1 | head -1",
            "run job.yaml --show >&- 2>&-",
        ],
    )
    def test_change_neither_the_run_nor_its_exit_code(
        self, tmp_path: Path, scripted_peer: StartPeer, line: str
    ) -> None:
        write_job(tmp_path, scripted_peer(*GOOD).port)
        done = self._shell(tmp_path, line)
        assert done.returncode == 0
        assert "Traceback" not in done.stderr
        assert "Exception" not in done.stderr
        with open_capture(run_directory(tmp_path) / "run.db") as capture:
            assert capture.verify() == []
        told = run_status(run_directory(tmp_path))
        assert told.exit_code is ExitCode.OK
        assert told.outputs[0].rows == 6

    @pytest.mark.parametrize("line", ["plan job.yaml | head -1", "schema | head -1"])
    def test_end_a_command_that_only_prints_quietly(
        self, tmp_path: Path, line: str
    ) -> None:
        write_job(tmp_path, 104)
        done = self._shell(tmp_path, line)
        assert done.returncode == 0
        assert done.stderr == ""

    def _shell(self, folder: Path, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                "/bin/bash",
                "-o",
                "pipefail",
                "-c",
                f"{sys.executable} -m batchfind {line}",
            ],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
