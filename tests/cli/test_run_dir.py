"""`run --run-dir` given again and again, `resume --job`, and `run.overlap`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.reader import open_capture
from tests.cli.conftest import ROOT, Shell
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, ScriptedPeer, Step

JOB = """\
version: 1
name: again
timezone: Europe/Berlin
vars: {who: "*"}
peers:
  pacs: {host: 127.0.0.1, port: PORT, called_ae: PEER, limits: {associations: 1}}
queries:
  studies:
    model: study
    level: STUDY
    rows: {from: [{id: A1}, {id: A2}, {id: A3}]}
    keys:
      PatientID: "{{ id }}"
      PatientName: "{{ vars.who }}"
      StudyDate: "{{ today }}"
      StudyInstanceUID: ""
outputs:
  - {format: csv, path: out/studies.csv}
run: {retry: {attempts: 1}}
"""
GOOD = [steps.matches(2), steps.final()]
BROKEN = [steps.abort()]
STUBBORN = [steps.matches(2), steps.silence()]
TWO_QUERIES = JOB.replace(
    "outputs:",
    """\
  others:
    model: study
    level: STUDY
    keys: {PatientID: X, StudyInstanceUID: ""}
outputs:""",
).replace("out/studies.csv", "'out/{{ query }}.csv'")

Write = Callable[..., None]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the job; pairs of old and new text are the edits since."""

    def job(port: int, *edits: tuple[str, str], text: str = JOB) -> None:
        text = text.replace("PORT", str(port))
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "job.yaml").write_text(text, "utf-8")

    return job


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


def unused_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def held(gate: threading.Event) -> Step:
    """Waits until a test opens the gate."""

    async def step(_: Conversation) -> None:
        await asyncio.to_thread(gate.wait, 60)

    return step


def told(done: subprocess.CompletedProcess[Any]) -> dict[str, Any]:
    """The one object that --json prints."""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def again(shell: Shell, *arguments: str) -> subprocess.CompletedProcess[Any]:
    """The command of a scheduler, which is the same each time."""
    return shell("run", "job.yaml", "--run-dir", "mine", "--json", *arguments)


def asked(peer: ScriptedPeer) -> tuple[int, int]:
    """Connections and C-FINDs that a peer has seen."""
    return peer.seen.connections, len(peer.seen.requests)


def events(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    with open_capture(run_dir / "run.db") as capture:
        return [dict(one.data) for one in capture.events() if one.kind == kind]


def wait_for(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended without a line with {text}")


class TestACompleteRun:
    def test_is_published_again_without_any_network(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        first = again(shell)
        assert first.returncode == 0
        before = asked(peer)
        content = (tmp_path / "out/studies.csv").read_bytes()
        (tmp_path / "out/studies.csv").unlink()
        second = again(shell)
        assert second.returncode == 0
        assert asked(peer) == before
        assert (tmp_path / "out/studies.csv").read_bytes() == content
        assert told(second)["run_id"] == told(first)["run_id"] == "mine"
        assert [one["attempts"] for one in told(second)["requests"]] == [1, 1, 1]
        assert events(tmp_path / "mine", "transport") == []

    def test_needs_no_peer_at_all(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*GOOD).port)
        assert again(shell).returncode == 0
        write(unused_port())
        assert again(shell).returncode == 0

    def test_keeps_its_clock_unless_another_is_given(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell, "--now", "2026-01-31T18:00").returncode == 0
        before = asked(peer)
        assert again(shell).returncode == 0
        assert again(shell, "--now", "2026-01-31T20:00").returncode == 0
        done = again(shell, "--now", "2026-02-01")
        assert done.returncode == 6
        assert "3 of 3 requests differ: studies at pacs" in told(done)["error"]
        assert "key StudyDate" in told(done)["error"]
        assert "--now" in told(done)["error"]
        assert asked(peer) == before

    def test_publishes_the_outputs_of_the_job_as_it_is_now(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell).returncode == 0
        before = asked(peer)
        write(
            peer.port,
            (
                "{format: csv, path: out/studies.csv}",
                ("{format: jsonl, path: out/new.jsonl}"),
            ),
        )
        done = again(shell)
        assert done.returncode == 0
        (output,) = told(done)["outputs"]
        assert output["path"] == str(tmp_path / "out/new.jsonl")
        assert output["rows"] == 6
        assert asked(peer) == before

    def test_takes_a_stored_plan(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        planned = shell("plan", "job.yaml", "--now", "2026-01-31", "--json").stdout
        (tmp_path / "plan.json").write_text(planned, "utf-8")
        command = ("run", "--plan", "plan.json", "--run-dir", "mine", "--json")
        assert shell(*command).returncode == 0
        before = asked(peer)
        assert shell(*command).returncode == 0
        assert asked(peer) == before


class TestARunWithGaps:
    def test_is_asked_for_them_alone(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(GOOD, BROKEN, GOOD, GOOD))
        write(peer.port)
        assert again(shell).returncode == 1
        assert not (tmp_path / "out").exists()
        assert asked(peer)[1] == 3
        done = again(shell)
        assert done.returncode == 0
        assert asked(peer)[1] == 4
        assert told(done)["outputs"][0]["rows"] == 6

    def test_keeps_failing_while_its_peer_does(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(GOOD, BROKEN, GOOD, BROKEN, GOOD))
        write(peer.port)
        codes = [again(shell).returncode for _ in range(3)]
        assert codes == [1, 1, 0]

    def test_is_asked_where_the_job_says_now(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        down, peer = unused_port(), scripted_peer(*GOOD)
        write(down)
        assert again(shell).returncode == 5
        stored = (tmp_path / "mine/plan.json").read_bytes()
        write(peer.port, ("associations: 1", "associations: 2"))
        assert again(shell).returncode == 0
        assert (tmp_path / "mine/plan.json").read_bytes() == stored
        (event,) = events(tmp_path / "mine", "transport")
        assert event["peers"] == {"pacs": {"port": [down, peer.port], "limits": None}}

    def test_goes_on_after_a_kill(
        self,
        shell: Shell,
        start: Start,
        scripted_peer: StartPeer,
        write: Write,
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(GOOD, STUBBORN, GOOD, GOOD))
        write(peer.port)
        process = start("run", "job.yaml", "--run-dir", "mine", "--debug")
        wait_for(process, "ResponsesArrived request=0.1")
        refused = again(shell)
        assert refused.returncode == 6
        assert told(refused)["retryable"]
        assert f"process {process.pid} on " in told(refused)["error"]
        assert shell("resume", "mine").returncode == 6
        process.kill()
        process.communicate()
        done = again(shell)
        assert done.returncode == 0
        assert told(done)["outputs"][0]["rows"] == 6


class TestADirectory:
    @pytest.mark.parametrize(
        "left", [[], ["run.lock", "job.yaml"], ["run.lock", "job.yaml", "plan.json"]]
    )
    def test_that_a_killed_process_left_becomes_the_run(
        self,
        left: list[str],
        tmp_path: Path,
        shell: Shell,
        scripted_peer: StartPeer,
        write: Write,
    ) -> None:
        write(scripted_peer(*GOOD).port)
        (tmp_path / "mine").mkdir()
        for name in left:
            (tmp_path / "mine" / name).write_text('{"version": 1, "clo', "utf-8")
        assert again(shell).returncode == 0
        assert again(shell).returncode == 0

    def test_of_a_process_killed_before_its_capture_becomes_the_run(
        self,
        tmp_path: Path,
        shell: Shell,
        scripted_peer: StartPeer,
        write: Write,
    ) -> None:
        write(scripted_peer(*GOOD).port)
        code = (
            "import os, sys\n"
            "from batchfind.capture import creation\n"
            "creation.insert_requests = lambda *_: os.kill(os.getpid(), 9)\n"
            "from batchfind.cli.main import execute\n"
            "execute(['run', 'job.yaml', '--run-dir', 'mine'])\n"
        )
        killed = subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert killed.returncode == -signal.SIGKILL
        left = {entry.name for entry in (tmp_path / "mine").iterdir()}
        assert left >= {"run.lock", "job.yaml", "plan.json", "run.db.new"}
        assert "run.db" not in left
        assert again(shell).returncode == 0
        assert not (tmp_path / "mine/run.db.new").exists()

    def test_with_other_files_is_refused(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.txt").write_text("", "utf-8")
        done = again(shell)
        assert done.returncode == 6
        assert "thesis.txt" in told(done)["error"]
        assert peer.seen.connections == 0

    def test_of_another_job_is_refused(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell).returncode == 0
        write(peer.port, ("name: again", "name: other"), ("studies", "exams"))
        done = again(shell)
        assert done.returncode == 6
        assert not told(done)["retryable"]
        assert "job again -> other; query studies is no" in told(done)["error"]


class TestAnotherQuestion:
    @pytest.mark.parametrize(
        ("edit", "says"),
        [
            (('PatientName: "{{ vars.who }}"', "PatientName: MILLER"), "key PatientN"),
            (("Europe/Berlin", "Asia/Tokyo"), "time zone Europe/Berlin -> Asia/Tokyo"),
            (("called_ae: PEER", "called_ae: THERE"), "called AE title PEER -> THERE"),
            ((", {id: A3}", ""), "1 of 3 requests is gone: studies at pacs (0.2)"),
        ],
    )
    @pytest.mark.parametrize("command", ["run", "resume", "export"])
    def test_is_refused_with_the_difference(
        self,
        command: str,
        edit: tuple[str, str],
        says: str,
        shell: Shell,
        scripted_peer: StartPeer,
        write: Write,
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell, "--now", "2026-01-31T12:00").returncode == 0
        before = asked(peer)
        write(peer.port, edit)
        if command == "run":
            done = again(shell)
        else:
            done = shell(command, "./mine", "--job", "job.yaml", "--json")
        assert done.returncode == 6
        error = told(done)["error"]
        assert says in error
        assert "MILLER" not in error
        assert "run anew" in error or "run the job anew" in error or "--now" in error
        assert asked(peer) == before

    def test_may_come_from_a_forgotten_variable(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell, "--var", "who=ANNA").returncode == 0
        done = again(shell)
        assert done.returncode == 6
        assert "key PatientName" in told(done)["error"]
        assert "--var" in told(done)["error"]
        assert "ANNA" not in told(done)["error"]
        assert again(shell, "--var", "who=ANNA").returncode == 0
        resume = ("resume", "./mine", "--job", "job.yaml", "--json")
        assert shell(*resume).returncode == 6
        assert shell(*resume, "--var", "who=ANNA").returncode == 0

    def test_may_come_from_a_forgotten_selection(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port, text=TWO_QUERIES)
        assert again(shell, "--select", "studies").returncode == 0
        done = again(shell)
        assert done.returncode == 6
        assert "query others is new" in told(done)["error"]
        assert "--select" in told(done)["error"]
        done = shell("resume", "./mine", "--job", "job.yaml")
        assert done.returncode == 0


class TestResumeUnderAnEditedJob:
    def test_reaches_peers_as_it_says_and_keeps_the_rest(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        down, peer = unused_port(), scripted_peer(*GOOD)
        write(down)
        assert again(shell).returncode == 5
        stored = (tmp_path / "mine/plan.json").read_bytes()
        write(
            peer.port,
            ("out/studies.csv", "out/elsewhere.csv"),
            ("attempts: 1", "attempts: 2"),
            ("associations: 1", "associations: 1, response_cap: 2"),
        )
        done = shell("resume", "./mine", "--job", "job.yaml", "--json")
        assert done.returncode == 0  # a cap of 2 would make it suspect
        (output,) = told(done)["outputs"]
        assert output["path"] == str(tmp_path / "out/studies.csv")
        assert (tmp_path / "mine/plan.json").read_bytes() == stored
        (event,) = events(tmp_path / "mine", "transport")
        assert event == {
            "job": str(tmp_path / "job.yaml"),
            "peers": {"pacs": {"port": [down, peer.port]}},
            "run": {"retry": None},
        }

    def test_takes_its_secrets_and_stores_none(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        user = (
            "called_ae: PEER, user_identity: {type: username-password, username: u, "
            "password: s3cret-WORD, insecure_ok: true}"
        )
        down, peer = unused_port(), scripted_peer(*GOOD)
        write(down, ("called_ae: PEER", user))
        assert again(shell, "--allow-plain-secrets").returncode == 5
        assert shell("resume", "./mine").returncode == 2  # nothing holds the secret
        write(peer.port, ("called_ae: PEER", user))
        resume = ("resume", "./mine", "--job", "job.yaml", "--allow-plain-secrets")
        assert shell(*resume).returncode == 0
        for file in (tmp_path / "mine").iterdir():
            assert b"s3cret-WORD" not in file.read_bytes()

    def test_takes_variables_with_a_job_only(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*GOOD).port)
        assert again(shell).returncode == 0
        done = shell("resume", "./mine", "--var", "who=X", "--json")
        assert done.returncode == 2
        assert "add --job FILE" in told(done)["error"]


class TestANewerRun:
    def test_is_not_replaced_without_force(
        self, tmp_path: Path, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(*GOOD)
        write(peer.port)
        assert again(shell).returncode == 0
        newer = told(shell("run", "job.yaml", "--json"))
        done = again(shell)
        assert done.returncode == 7
        assert f"the newer run {newer['run_id']}" in told(done)["error"]
        assert not told(done)["retryable"]
        sidecar = tmp_path / "out/studies.csv.batchfind.json"
        assert json.loads(sidecar.read_text("utf-8"))["run_id"] == newer["run_id"]
        assert again(shell, "--force").returncode == 0
        assert json.loads(sidecar.read_text("utf-8"))["run_id"] == "mine"

    def test_of_the_same_name_is_not_replaced_either(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*GOOD).port)
        for day in ("1", "2"):
            done = shell("run", "job.yaml", "--run-dir", f"{day}/nightly")
            assert done.returncode == 0
        done = shell("run", "job.yaml", "--run-dir", "1/nightly", "--json")
        assert done.returncode == 7
        assert "the newer run nightly" in told(done)["error"]

    def test_is_a_matter_for_runs_that_go_on(
        self, shell: Shell, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*GOOD).port)
        done = shell("run", "job.yaml", "--force", "--json")
        assert done.returncode == 2
        assert "add --run-dir DIR" in told(done)["error"]


class TestOverlap:
    ALLOW = ("run: {", "run: {overlap: allow, ")

    def test_is_refused_unless_the_job_allows_it(
        self, shell: Shell, start: Start, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*STUBBORN).port)
        process = start("run", "job.yaml", "--debug")
        wait_for(process, "ResponsesArrived")
        write(scripted_peer(*GOOD).port)
        for arguments in ((), ("--run-dir", "mine")):
            done = shell("run", "job.yaml", "--json", *arguments)
            assert done.returncode == 6
            assert told(done)["retryable"]
            assert "job again is in use by process" in told(done)["error"]
        write(scripted_peer(*GOOD).port, self.ALLOW)
        assert shell("run", "job.yaml").returncode == 0

    def test_leaves_the_outputs_to_the_run_that_began_last(
        self,
        tmp_path: Path,
        shell: Shell,
        start: Start,
        scripted_peer: StartPeer,
        write: Write,
    ) -> None:
        gate = threading.Event()
        late = [steps.matches(1), held(gate), steps.final()]
        write(scripted_peer(*late).port, self.ALLOW)
        older = start("run", "job.yaml", "--json", "--debug")
        wait_for(older, "ResponsesArrived")
        write(scripted_peer(*GOOD).port, self.ALLOW)
        newer = told(shell("run", "job.yaml", "--json"))
        assert newer["exit_code"] == 0
        gate.set()
        out, _ = older.communicate(timeout=60)
        assert older.returncode == 7
        (output,) = json.loads(out)["outputs"]
        assert output["lasting"]
        assert not json.loads(out)["retryable"]
        sidecar = tmp_path / "out/studies.csv.batchfind.json"
        assert json.loads(sidecar.read_text("utf-8"))["run_id"] == newer["run_id"]
        assert len((tmp_path / "out/studies.csv").read_text().splitlines()) == 7

    def test_of_many_processes_leaves_one_whole_output(
        self, tmp_path: Path, start: Start, scripted_peer: StartPeer, write: Write
    ) -> None:
        write(scripted_peer(*GOOD).port, self.ALLOW)
        running = [start("run", "job.yaml", "--json") for _ in range(3)]
        ended = [json.loads(one.communicate(timeout=100)[0]) for one in running]
        assert len({one["run_id"] for one in ended}) == 3
        for one in ended:
            (output,) = one["outputs"]
            assert one["exit_code"] == (7 if output["lasting"] else 0)
        assert 0 in {one["exit_code"] for one in ended}
        found = sorted(entry.name for entry in (tmp_path / "out").iterdir())
        assert found == ["studies.csv", "studies.csv.batchfind.json"]
        assert len((tmp_path / "out/studies.csv").read_text().splitlines()) == 7

    def test_never_lets_two_processes_into_one_run(
        self, shell: Shell, start: Start, scripted_peer: StartPeer, write: Write
    ) -> None:
        peer = scripted_peer(script=steps.in_turn(STUBBORN, *[GOOD] * 9))
        write(peer.port, self.ALLOW)
        process = start("run", "job.yaml", "--run-dir", "mine", "--debug")
        wait_for(process, "ResponsesArrived")
        done = again(shell)
        assert done.returncode == 6
        assert "run mine is in use by process" in told(done)["error"]
        assert shell("resume", "./mine").returncode == 6
        process.kill()
        process.communicate()
        assert again(shell).returncode == 0
