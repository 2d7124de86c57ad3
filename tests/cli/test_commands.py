"""Commands as users run them: a process of its own, the embedded peers behind it."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer

fcntl = pytest.importorskip("fcntl")
pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

Done = subprocess.CompletedProcess[Any]
Shell = Callable[..., Done]

ROOT = Path(__file__).parents[2]

TWO_PEERS = """\
version: 1
name: two-peers
timezone: Europe/Berlin
run: {{retry: {{backoff: 50ms}}}}
peers:
  up: {{demo: worklist}}
  down: {{host: 127.0.0.1, port: {port}}}
queries:
  worklist:
    model: worklist
    peers: [up, down]
    keys:
      PatientName: ""
      ScheduledProcedureStepSequence: {{Modality: ""}}
outputs:
  - {{format: csv, path: "out/worklist.csv"}}
"""


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port of loopback on which nothing listens while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def starter(shell: Shell, tmp_path: Path) -> Path:
    assert shell("init", "job.yaml").returncode == 0
    return tmp_path / "job.yaml"


@pytest.fixture
def two_peers(tmp_path: Path, free_port: int) -> Path:
    job = tmp_path / "two.yaml"
    job.write_text(TWO_PEERS.format(port=free_port), "utf-8")
    return job


def one_line(done: Done) -> dict[str, Any]:
    assert done.stdout.endswith("\n")
    assert done.stdout.count("\n") == 1
    told: dict[str, Any] = json.loads(done.stdout)
    return told


class TestInit:
    def test_writes_a_job_that_is_valid(self, shell: Shell, starter: Path) -> None:
        done = shell("validate", starter)
        assert (done.returncode, done.stderr) == (0, "")
        assert "valid, 2 requests at 1 peer, 2 outputs" in done.stdout

    def test_names_the_job_after_its_file(self, shell: Shell, tmp_path: Path) -> None:
        assert one_line(shell("init", "My Job.yaml", "--json"))["exit_code"] == 0
        assert "\nname: my-job\n" in (tmp_path / "My Job.yaml").read_text("utf-8")

    def test_never_overwrites(self, shell: Shell, starter: Path) -> None:
        before = starter.read_bytes()
        done = shell("init", "job.yaml")
        assert done.returncode == 2
        assert "never overwrites" in done.stderr
        assert starter.read_bytes() == before

    def test_says_when_it_cannot_write(self, shell: Shell) -> None:
        done = shell("init", "missing/job.yaml", "--json")
        assert done.returncode == 7
        assert "cannot be written" in one_line(done)["error"]


class TestSchema:
    @pytest.mark.parametrize("which", [[], ["job"], ["plan"]])
    def test_is_json(self, which: list[str], shell: Shell) -> None:
        done = shell("schema", *which)
        assert done.returncode == 0
        assert json.loads(done.stdout)["$schema"].startswith("https://json-schema.org")


class TestValidate:
    def test_shows_every_problem_with_its_place(
        self, shell: Shell, tmp_path: Path
    ) -> None:
        job = tmp_path / "bad.yaml"
        job.write_text("version: 1\nname: Bad Name\nqueris: {}\n", "utf-8")
        done = shell("validate", "bad.yaml")
        assert done.returncode == 2
        assert done.stdout == ""
        assert "bad.yaml:2:7: name: " in done.stderr
        assert "bad.yaml:3:1: queris: " in done.stderr
        assert "queries" in done.stderr

    def test_collects_the_problems_of_all_jobs(
        self, shell: Shell, starter: Path, tmp_path: Path
    ) -> None:
        for name in ("a.yaml", "b.yaml"):
            (tmp_path / name).write_text("version: 2\n", "utf-8")
        done = shell("validate", "a.yaml", starter, "b.yaml", "missing.yaml", "--json")
        told = one_line(done)
        assert (done.returncode, told["exit_code"]) == (2, 2)
        files = {Path(problem["file"]).name for problem in told["problems"]}
        assert files == {"a.yaml", "b.yaml", "missing.yaml"}

    def test_tells_what_a_valid_job_means(self, shell: Shell, starter: Path) -> None:
        told = one_line(shell("validate", starter, "--json"))
        (job,) = told["jobs"]
        assert (told["exit_code"], job["job"], job["requests"]) == (0, "job", 2)
        assert len(job["outputs"]) == 2
        assert len(job["plan_digest"]) == 64

    def test_is_silent_about_valid_jobs_when_asked(
        self, shell: Shell, starter: Path
    ) -> None:
        done = shell("validate", starter, "--quiet")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestPlan:
    def test_shows_every_request(self, shell: Shell, starter: Path) -> None:
        done = shell("plan", starter, "--now", "2026-01-31T18:00")
        assert done.returncode == 0
        assert "20260131" in done.stdout
        assert "MR" in done.stdout

    def test_runs_exactly_as_printed(
        self, shell: Shell, starter: Path, tmp_path: Path
    ) -> None:
        done = shell("plan", starter, "--now", "2026-01-31T18:00", "--json")
        plan = one_line(done)
        (tmp_path / "plan.json").write_text(done.stdout, "utf-8")
        ran = one_line(shell("run", "--plan", "plan.json", "--json"))
        assert ran["exit_code"] == 0
        assert ran["plan_digest"] == plan["digest"]

    def test_of_a_damaged_file_is_refused(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "plan.json").write_text('{"version": 1', "utf-8")
        done = shell("run", "--plan", "plan.json", "--json")
        assert done.returncode == 2
        assert "plan" in one_line(done)["error"]


class TestPing:
    def test_shows_what_was_agreed(self, shell: Shell, starter: Path) -> None:
        done = shell("ping", starter)
        assert (done.returncode, done.stderr) == (0, "")
        assert "ris: BATCHFIND -> DEMORIS at 127.0.0.1:" in done.stdout
        assert "accepted: " in done.stdout
        assert "Little Endian" in done.stdout

    def test_of_one_deaf_peer_is_exit_1(self, shell: Shell, two_peers: Path) -> None:
        done = shell("ping", two_peers, "--json")
        told = one_line(done)
        assert (done.returncode, told["exit_code"], told["retryable"]) == (1, 1, True)
        assert {peer["peer"]: peer["ok"] for peer in told["peers"]} == {
            "up": True,
            "down": False,
        }

    def test_of_none_is_exit_5(self, shell: Shell, two_peers: Path) -> None:
        text = two_peers.read_text("utf-8").replace("[up, down]", "[down]")
        two_peers.write_text(text, "utf-8")
        done = shell("ping", two_peers, "--quiet")
        assert done.returncode == 5
        assert "down: " in done.stdout
        assert "refused: " in done.stdout


class TestRun:
    def test_of_a_whole_answer_is_exit_0(
        self, process: Shell, starter: Path, tmp_path: Path
    ) -> None:
        done = process("run", starter)
        assert done.returncode == 0
        assert "complete: 2 requests" in done.stdout
        assert f"  {tmp_path / 'worklist.csv'}\n" in done.stdout
        lines = done.stderr.splitlines()
        assert lines[0] == lines[-1]
        place = lines[0].removeprefix("run directory: ")
        assert Path(place).is_absolute()
        assert (Path(place) / "run.db").is_file()

    def test_prints_one_line_of_json_and_tells_every_step_under_debug(
        self, shell: Shell, starter: Path
    ) -> None:
        done = shell("run", starter, "--json", "--debug")
        told = one_line(done)
        assert told["exit_code"] == done.returncode == 0
        assert [request["verdict"] for request in told["requests"]] == ["complete"] * 2
        assert all(output["published"] for output in told["outputs"])
        assert "RequestEnded query=worklist peer=ris" in done.stderr

    def test_takes_variables_clock_selection_and_folders(
        self, shell: Shell, starter: Path, tmp_path: Path
    ) -> None:
        text = starter.read_text("utf-8").replace(
            "peers:\n  ris:", "vars: {day: today}\npeers:\n  ris:"
        )
        starter.write_text(text.replace("{{ today }}", "{{ vars.day }}"), "utf-8")
        done = shell(
            *("run", starter, "--json", "--var", "day=20260131"),
            *("--now", "2026-01-31", "--select", "worklist", "--out", "elsewhere"),
            *("--run-dir", "other/../runs/mine"),
        )
        told = one_line(done)
        assert told["run_dir"] == str(tmp_path / "runs/mine")
        assert (tmp_path / "elsewhere/worklist.csv").is_file()
        assert not (tmp_path / "other").exists()

    def test_is_silent_when_quiet_also_when_given_again(
        self, shell: Shell, starter: Path, tmp_path: Path
    ) -> None:
        arguments = ("run", starter, "--run-dir", "runs/mine", "--quiet")
        done = shell(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        done = shell(*arguments, "--json")
        assert done.returncode == 0
        assert one_line(done)["run_dir"] == str(tmp_path / "runs" / "mine")

    def test_that_cannot_write_its_output_asks_nobody(
        self, shell: Shell, starter: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "taken").write_text("a file, no folder", "utf-8")
        done = shell("run", starter, "--out", "taken", "--json")
        assert done.returncode == 2
        assert one_line(done)["problems"]
        assert not (tmp_path / "runs").exists()


class TestARunWithAPeerDown:
    def test_says_all_in_twenty_lines_and_can_be_read_and_released_later(
        self, shell: Shell, two_peers: Path, tmp_path: Path
    ) -> None:
        done = shell("run", two_peers, "--quiet")
        assert (done.returncode, done.stdout) == (1, "")
        lines = done.stderr.splitlines()
        assert len(lines) <= 20
        assert (
            lines[0] == "two-peers: incomplete: 1 of 2 requests without a whole answer"
        )
        assert any(line.startswith("refused: down (") for line in lines)
        assert any("hint: " in line for line in lines)
        assert any(line.startswith("withheld ") for line in lines)
        again = lines[-1].removeprefix("ask again: batchfind ")
        assert shell(*shlex.split(again), "--quiet").returncode == 1

        status = shell("status")
        assert status.returncode == 1
        assert "batchfind export " in status.stdout
        told = one_line(shell("status", "latest", "--json"))
        assert [request["verdict"] for request in told["requests"]] == [
            "complete",
            "failed",
        ]
        (output,) = one_line(shell("export", "latest", "--json"))["outputs"]
        assert Path(output["path"]).parent.name == "exports"
        assert not (tmp_path / "out/worklist.csv").exists()
        released = shell("export", "latest", "--to-paths", "--publish", "always")
        assert released.returncode == 1  # the answer is as incomplete as before
        assert "incomplete: 1 of 2 requests" in released.stdout
        assert (tmp_path / "out/worklist.csv").is_file()


class TestARunThatIsNotThere:
    @pytest.mark.parametrize("command", ["status", "resume", "export"])
    def test_is_exit_2(self, command: str, shell: Shell) -> None:
        done = shell(command, "latest", "--json")
        assert done.returncode == 2
        assert one_line(done)["retryable"] is False

    @pytest.mark.parametrize("command", ["status", "resume", "export"])
    def test_below_another_folder_is_named(
        self, command: str, shell: Shell, tmp_path: Path
    ) -> None:
        run = tmp_path / "jobs/runs/demo/20260131T180000.000000Z-1a2b3c4d"
        run.mkdir(parents=True)
        (run / "run.db").touch()
        done = shell(command, "latest")
        assert done.returncode == 2
        assert f"{tmp_path / 'jobs/runs'}, the newest {run}" in done.stderr


class TestInterruption:
    @pytest.fixture
    def silent(self, scripted_peer: StartPeer) -> ScriptedPeer:
        """It sends three responses, then nothing, and is deaf to C-CANCEL."""
        return scripted_peer(steps.matches(3), steps.silence())

    @pytest.fixture
    def begin(
        self, tmp_path: Path, silent: ScriptedPeer
    ) -> Iterator[Callable[..., subprocess.Popen[str]]]:
        running: list[subprocess.Popen[str]] = []

        def start(cancel: str) -> subprocess.Popen[str]:
            timeouts = f"down: {{timeouts: {{cancel: {cancel}}}, "
            text = TWO_PEERS.format(port=silent.port).replace("[up, down]", "[down]")
            job = tmp_path / "silent.yaml"
            job.write_text(text.replace("down: {", timeouts), "utf-8")
            process = subprocess.Popen(
                [sys.executable, "-m", "batchfind", "run", job, "--json"],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            running.append(process)
            wait_for(lambda: len(silent.seen.requests) == 1)
            return process

        yield start
        for process in running:
            process.kill()
            process.communicate()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_keeps_what_came_and_exits_130(
        self,
        number: signal.Signals,
        begin: Callable[..., subprocess.Popen[str]],
        shell: Shell,
    ) -> None:
        running = begin(cancel="500ms")
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130
        assert json.loads(out)["exit_code"] == 130
        assert "Traceback" not in err
        assert err.startswith("run directory: ")
        status = one_line(shell("status", "latest", "--json"))
        assert status["exit_code"] == 130
        assert status["requests"][0]["verdict"] == "partial"
        assert status["requests"][0]["responses"] == 3
        assert status["outputs"] == []

    def test_twice_ends_at_once_and_what_came_is_still_kept(
        self,
        begin: Callable[..., subprocess.Popen[str]],
        silent: ScriptedPeer,
        shell: Shell,
    ) -> None:
        running = begin(cancel="1h")
        running.send_signal(signal.SIGINT)
        wait_for(lambda: len(silent.seen.cancels) == 1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        assert running.returncode == 130
        assert json.loads(out)["error"] == "interrupted"
        assert "Traceback" not in err
        assert one_line(shell("status", "latest", "--json"))["exit_code"] == 130


def wait_for(happened: Callable[[], bool]) -> None:
    """Look until something happened; a minute is far more than it takes."""
    until = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


class TestATerminal:
    def test_shows_the_live_screen_in_80_columns(
        self, starter: Path, tmp_path: Path
    ) -> None:
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        with subprocess.Popen(
            [sys.executable, "-m", "batchfind", "run", starter],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm"},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        ) as process:
            os.close(terminal)
            screen = b"".join(_read(controller)).decode()
        os.close(controller)
        assert process.returncode == 0
        assert "worklist @ ris" in screen
        assert "complete: 2 requests" in screen
        assert "run directory:" in screen
        assert "Traceback" not in screen


def _read(controller: int) -> Iterator[bytes]:
    """Everything a terminal shows until its last process is gone."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([controller], [], [], 1)[0]:
            continue
        try:
            found = os.read(controller, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            return
        if not found:
            return
        yield found


class TestDemo:
    def test_serves_until_it_is_told_to_stop(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-m", "batchfind", "demo", "--json"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            served = json.loads(process.stdout.readline())
            for name in ("pacs", "worklist"):
                address = ("127.0.0.1", served[name]["port"])
                with socket.create_connection(address, timeout=10):
                    pass
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0

    def test_says_when_a_port_is_taken(self, shell: Shell, mute_port: int) -> None:
        done = shell("demo", "--pacs-port", mute_port)
        assert done.returncode == 2
        assert f"port {mute_port} of 127.0.0.1: " in done.stderr
        assert "choose another" in done.stderr

    def test_wants_to_know_where_an_answer_ends(self, shell: Shell) -> None:
        done = shell("demo", "--cap-style", "a700")
        assert done.returncode == 2
        assert "give --cap N as well" in done.stderr


class TestExportOfAnEditedJob:
    JOB = """\
version: 1
name: edited
peers: {{pacs: {{demo: pacs}}}}
queries:
  patients:
    {{model: patient, level: PATIENT, keys: {{PatientID: "{key}", PatientName: ""}}}}
outputs:
  - {{format: {form}, path: out/patients.{form}}}
"""

    def test_writes_its_outputs_without_asking_again(
        self, tmp_path: Path, shell: Shell
    ) -> None:
        job = tmp_path / "job.yaml"
        job.write_text(self.JOB.format(key="", form="csv"), "utf-8")
        run = one_line(shell("run", "job.yaml", "--json"))
        job.write_text(self.JOB.format(key="", form="jsonl"), "utf-8")
        done = shell(
            "export", run["run_dir"], "--job", "job.yaml", "--to-paths", "--json"
        )
        assert done.returncode == 0
        assert (tmp_path / "out" / "patients.jsonl").is_file()

    def test_that_asks_something_else_is_exit_6(
        self, tmp_path: Path, shell: Shell
    ) -> None:
        job = tmp_path / "job.yaml"
        job.write_text(self.JOB.format(key="", form="csv"), "utf-8")
        run = one_line(shell("run", "job.yaml", "--json"))
        job.write_text(self.JOB.format(key="9*", form="csv"), "utf-8")
        done = shell("export", run["run_dir"], "--job", "job.yaml", "--json")
        assert done.returncode == 6
        error = one_line(done)["error"]
        assert "1 of 1 request differs: patients at pacs (0.0): key PatientID" in error
        assert "9*" not in error
