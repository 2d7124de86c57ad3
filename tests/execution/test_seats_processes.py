"""What a peer sees of several runs on one host: never more than it bears."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind import arun
from batchfind.execution.lock_place import VARIABLE
from batchfind.execution.results import ExitCode
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Conversation, ScriptedPeer, Step
from tests.peers.turnstile import Turnstile

ROOT = Path(__file__).resolve().parents[2]
JOB = """\
version: 1
name: {low}
peers:
  ris:
    host: 127.0.0.1
    port: {port}
    called_ae: RIS
    calling_ae: {name}
    timeouts: {{connect: 300ms, acse: 300ms, idle: {idle}}}
    limits: {{{limits}}}
queries:
  studies:
    model: study
    level: STUDY
    peers: [ris]
    rows: {{from: [{rows}]}}
    {more}
    keys: {{PatientID: "{{{{ id }}}}", PatientName: "", StudyInstanceUID: ""}}
outputs:
  - {{format: csv, path: out/{name}.csv}}
"""
MANY_KINDS = """{times: 2, association: new}
    matrix: {ae: [X, Y]}
    called_ae: "{{ ae }}"
"""
WAITS = "ris: waits for a place, other batchfind processes have them all"

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the runs of one test meet."""
    found = tmp_path / "locks"
    found.mkdir()
    return found


@pytest.fixture
def start(tmp_path: Path, place: Path) -> Iterator[Start]:
    """Starts `batchfind run` with a job; ends what is left of it."""
    with ExitStack() as running:

        def command(job: Path, *arguments: str, locks: Path = place) -> object:
            process = running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "batchfind", "run", str(job), *arguments],
                    cwd=tmp_path,
                    env={**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: str(locks)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    stdin=subprocess.DEVNULL,
                    text=True,
                )
            )
            running.callback(process.kill)
            return process

        yield command  # type: ignore[misc]  # one Popen or another


def job(
    folder: Path,
    name: str,
    port: int,
    rows: int,
    limits: str = "associations: 2",
    idle: str = "30s",
    more: str = "repeat: {times: 1}",
) -> Path:
    path = folder / f"{name}.yaml"
    listed = ", ".join(f"{{id: {name}{number}}}" for number in range(rows))
    path.write_text(
        JOB.format(
            low=name.lower(),
            name=name,
            port=port,
            rows=listed,
            limits=limits,
            idle=idle,
            more=more,
        )
    )
    return path


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    pytest.fail(f"the process ended without a line with {text}")


def outcome(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def await_requests(scp: ScriptedPeer, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(scp.seen.requests) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def rows_of(folder: Path, name: str) -> int:
    return len((folder / "out" / f"{name}.csv").read_text().splitlines()) - 1


def answering(seconds: float) -> list[Step]:
    return [steps.delay(seconds), steps.matches(1), steps.final()]


def once(event: threading.Event) -> Step:
    """Says nothing before the event."""

    async def step(talk: Conversation) -> None:
        while not event.is_set() and not talk.gone.is_set():
            await talk.pause(0.02)

    return step


class TestTwoProcesses:
    def test_together_open_no_more_than_one_may(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        scp = scripted_peer(*answering(0.05))
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            few = "associations: 2, queries_per_association: 3"
            processes = [
                start(job(tmp_path, "DAY", port, 30)),
                start(job(tmp_path, "NIGHT", port, 30, few)),
            ]
            assert [outcome(each)[0] for each in processes] == [0, 0]
        assert turnstile.seen.most == 2
        assert set(turnstile.seen.callers) == {"DAY", "NIGHT"}
        assert (rows_of(tmp_path, "DAY"), rows_of(tmp_path, "NIGHT")) == (30, 30)

    def test_a_killed_one_leaves_its_places(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        """Deadlines do not run while another waits, and it fails nothing."""
        stuck = [steps.silence()]
        scp = scripted_peer(script=steps.in_turn(stuck, stuck, *[answering(0)] * 5))
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            killed = start(job(tmp_path, "KILLED", port, 2), "--debug")
            wait_for_line(killed, "RequestStarted")
            wait_for_line(killed, "RequestStarted")
            await_requests(scp, 2)
            other = start(job(tmp_path, "OTHER", port, 5), "--json")
            wait_for_line(other, WAITS)
            killed.send_signal(signal.SIGKILL)
            code, out, err = outcome(other)
        assert code == 0
        assert WAITS not in err
        assert [one["attempts"] for one in json.loads(out)["requests"]] == [1] * 5
        assert turnstile.seen.most == 2

    def test_one_that_rests_makes_way(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        """An association is kept for a repetition, unless somebody needs its place."""
        scp = scripted_peer(*answering(0))
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            again = "repeat: {times: 2, every: 4s}"
            one = "associations: 1"
            resting = job(tmp_path, "RESTS", port, 1, one, more=again)
            process = start(resting, "--debug")
            wait_for_line(process, "ResponsesArrived")
            assert outcome(start(job(tmp_path, "OTHER", port, 3, one)))[0] == 0
            assert process.poll() is None
            assert outcome(process)[0] == 0
        assert turnstile.seen.most == 1
        assert turnstile.seen.callers == ["RESTS", "OTHER", "RESTS"]

    def test_one_that_waits_can_be_interrupted(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        scp = scripted_peer(steps.silence())
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            one = "associations: 1"
            start(job(tmp_path, "HOLDS", port, 1, one))
            await_requests(scp, 1)
            waiting = start(job(tmp_path, "WAITS", port, 3, one), "--json")
            wait_for_line(waiting, WAITS)
            waiting.send_signal(signal.SIGINT)
            code, out, _ = outcome(waiting)
            assert code == 130
            assert turnstile.seen.callers == ["HOLDS"]
        requests = json.loads(out)["requests"]
        assert {one["verdict"] for one in requests} == {"skipped"}
        assert {one["attempts"] for one in requests} == {0}

    def test_peers_of_one_group_are_one(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        scps = [scripted_peer(*answering(0.05)) for _ in range(2)]
        with Turnstile(*(each.port for each in scps)) as turnstile:
            limits = "associations: 1, group: ris-box"
            processes = [
                start(job(tmp_path, f"JOB{number}", port, 8, limits))
                for number, port in enumerate(turnstile.ports)
            ]
            assert [outcome(each)[0] for each in processes] == [0, 0]
        assert turnstile.seen.most == 1

    def test_without_a_place_to_meet_each_goes_on_and_says_so(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        scp = scripted_peer(*answering(0))
        path = job(tmp_path, "ALONE", scp.port, 3)
        code, out, err = outcome(start(path, "--json", locks=tmp_path / "none"))
        assert code == 0
        (warning,) = json.loads(out)["warnings"]
        assert warning == (
            "limits.associations is kept within this run only: BATCHFIND_LOCKS="
            f"{tmp_path}/none cannot be opened (No such file or directory): name a "
            "directory that you may write to"
        )
        assert "Traceback" not in err


class TestThreeProcesses:
    def test_take_turns_at_one_association(
        self, tmp_path: Path, scripted_peer: StartPeer, start: Start
    ) -> None:
        all_here = threading.Event()
        scp = scripted_peer(once(all_here), *answering(0.1))
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            jobs = [job(tmp_path, name, port, 24, "associations: 1") for name in "ABC"]
            processes = [start(jobs[0])]
            await_requests(scp, 1)
            processes += [start(each) for each in jobs[1:]]
            for each in processes[1:]:
                wait_for_line(each, WAITS)
            all_here.set()
            assert [outcome(each)[0] for each in processes] == [0, 0, 0]
        callers = turnstile.seen.callers
        assert turnstile.seen.most == 1
        # Each had more than one turn, and a turn is far more than one request.
        assert min(callers.count(name) for name in "ABC") >= 2
        assert len(callers) <= 48
        assert sum(one != other for one, other in pairwise(callers)) >= 5


class TestOneProcess:
    def test_two_runs_in_it_exclude_each_other(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        place: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv(VARIABLE, str(place))
        scp = scripted_peer(*answering(0.02))
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            jobs = [job(tmp_path, name, port, 15) for name in ("ONE", "TWO")]

            async def both() -> list[ExitCode]:
                results = await asyncio.gather(*map(arun, jobs))
                return [each.exit_code for each in results]

            assert asyncio.run(both()) == [ExitCode.OK, ExitCode.OK]
        assert turnstile.seen.most == 2
        assert set(turnstile.seen.callers) == {"ONE", "TWO"}

    @pytest.mark.parametrize("window", [1, 4])
    def test_whatever_kinds_of_associations_they_need(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        place: Path,
        monkeypatch: pytest.MonkeyPatch,
        window: int,
    ) -> None:
        """Other AE titles, associations of their own, several requests on one."""
        monkeypatch.setenv(VARIABLE, str(place))
        accept = steps.accept(user=pdu.window(window))
        scp = scripted_peer(*answering(0.01), on_connect=[accept])
        with Turnstile(scp.port) as turnstile:
            (port,) = turnstile.ports
            paths = []
            for name in ("ONE", "TWO", "SIX"):
                path = job(tmp_path, name, port, 4, f"associations: {window}")
                text = path.read_text().replace("{times: 1}", MANY_KINDS)
                asked = f"negotiation: {{async_operations: {window}}}\n    limits"
                path.write_text(text.replace("limits", asked))
                paths.append(path)

            async def all_of_them() -> list[ExitCode]:
                results = await asyncio.gather(*map(arun, paths))
                return [each.exit_code for each in results]

            assert asyncio.run(all_of_them()) == [ExitCode.OK] * 3
        assert turnstile.seen.most <= window

    def test_a_demo_peer_takes_no_places(
        self, tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(VARIABLE, str(place))
        path = job(tmp_path, "DEMO", 104, 1)
        text = path.read_text().replace("host: 127.0.0.1\n    port: 104", "demo: pacs")
        path.write_text(text.replace("    called_ae: RIS\n", ""))
        result = asyncio.run(arun(path))
        assert result.exit_code is ExitCode.OK
        assert not list(place.iterdir())
