"""A mistake of ours costs the one request it was made at, and is told as ours.

As torture: every place where the executor or the recorder waits raises once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import CoroutineType
from typing import Any

import pytest

from batchfind.capture.reader import open_capture
from batchfind.capture.records import Verdict
from batchfind.execution.local import LocalExecutor
from batchfind.execution.mishaps import MISHAPS, Mishaps
from batchfind.execution.results import ExitCode, RunResult
from batchfind.execution.run import RunOptions, resume_run, run_plan
from batchfind.execution.status import run_status
from batchfind.execution.wiring import Wiring
from batchfind.job.model import PeerLimits
from batchfind.plan.model import Plan
from tests.execution.plans import peer, plan, request, with_real_keys
from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer

VALUE = "Doe^Jane"
NAMES = ("0.0", "0.1", "0.2", "0.3")
ROOMS = ("/batchfind/net/", "/batchfind/execution/")
FILES = ("asker", "local", "pool", "recording", "attempt", "audience", "connecting")
#: Places a small run waits at; it must not end for want of places.
MANY = 200


class Oops(Exception):
    """What nobody foresaw, with a value that must not be told."""

    def __init__(self) -> None:
        super().__init__(VALUE)


class Torture:
    """Raises at one place where the executor or the recorder waits.

    Attributes:
        raised: it came to that.
    """

    def __init__(self, place: int) -> None:
        self.raised = False
        self._left = place

    def task(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any],
        **options: Any,
    ) -> asyncio.Task[Any]:
        return asyncio.Task(_Driven(work, self), loop=loop, **options)

    def strikes(self, work: Coroutine[Any, Any, Any]) -> bool:
        """Whether to raise where `work` just waits."""
        if self.raised or not any(map(_is_ours, _stack(work))):
            return False
        self._left -= 1
        self.raised = self._left < 0
        return self.raised


class _Driven(Coroutine[Any, Any, Any]):
    """A coroutine that may be struck wherever it waits."""

    def __init__(self, work: Coroutine[Any, Any, Any], torture: Torture) -> None:
        self._work = work
        self._torture = torture
        self._struck = False

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError

    def send(self, value: Any) -> Any:
        if self._struck:
            return self.throw(asyncio.CancelledError())
        return self._waiting(self._work.send(value))

    def throw(self, *error: Any) -> Any:
        if self._struck:
            self._struck, error = False, (Oops(),)
        return self._waiting(self._work.throw(*error))

    def close(self) -> None:
        self._work.close()

    def _waiting(self, awaited: Any) -> Any:
        self._struck = self._torture.strikes(self._work)
        if self._struck and awaited is not None:
            awaited.cancel()  # nobody waits for it any more
        return awaited


def _stack(work: Any) -> list[str]:
    """Files of the coroutines that wait for each other, as far as they show it."""
    files = []
    while isinstance(work, CoroutineType):
        files.append(work.cr_code.co_filename)
        work = work.cr_await
    return files


def _is_ours(file: str) -> bool:
    if ROOMS[0] in file:
        return True
    return ROOMS[1] in file and Path(file).stem in FILES


def small_plan(folder: Path, scripted: ScriptedPeer) -> Plan:
    pacs = peer("pacs", scripted.port, limits=PeerLimits(associations=2))
    return with_real_keys(plan(folder, [pacs], [request(one, "pacs") for one in NAMES]))


def run(given: Plan, torture: Torture | None = None) -> RunResult:
    """Runs a plan; nothing may be left of it in the loop."""

    async def execute() -> RunResult:
        loop = asyncio.get_running_loop()
        complaints: list[Any] = []
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        if torture is not None:
            loop.set_task_factory(torture.task)  # type: ignore[arg-type]
        result = await run_plan(given, RunOptions(job_text="version: 1\n"))
        loop.set_task_factory(None)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert complaints == []
        return result

    return asyncio.run(execute())


def verdicts(result: RunResult) -> dict[str, Verdict]:
    return {one.id: one.verdict for one in result.requests}


def open_files() -> int:
    """Files and sockets of this process; those of the peer's ended talks are gone."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def all_gone(scripted: ScriptedPeer) -> bool:
    """Whether the peer has no association any more; it hears of it a little later."""
    until = time.monotonic() + 10
    while scripted.seen.open and time.monotonic() < until:
        time.sleep(0.001)
    return not scripted.seen.open


class TestAMistakeInOneRequest:
    @pytest.fixture
    def scripted(self, scripted_peer: StartPeer) -> ScriptedPeer:
        return scripted_peer(steps.matches(2), steps.final())

    @pytest.fixture
    def spoilt(
        self, tmp_path: Path, scripted: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
    ) -> RunResult:
        whole = Wiring.order

        def order(wiring: Wiring, asked: Any, **options: Any) -> Any:
            if asked.id == NAMES[1]:
                raise Oops
            return whole(wiring, asked, **options)

        with monkeypatch.context() as changed:
            changed.setattr(Wiring, "order", order)
            return run(small_plan(tmp_path, scripted))

    def test_fails_it_alone_and_is_exit_8(self, spoilt: RunResult) -> None:
        failed = {NAMES[1]: Verdict.FAILED}
        assert verdicts(spoilt) == dict.fromkeys(NAMES, Verdict.COMPLETE) | failed
        assert spoilt.exit_code is ExitCode.INTERNAL
        assert run_status(spoilt.run_dir).exit_code is ExitCode.INTERNAL

    def test_says_what_where_and_what_to_do(self, spoilt: RunResult) -> None:
        cause = spoilt.requests[1].cause
        assert cause is not None
        assert cause.code == "internal"
        assert "Oops at asker.py:" in cause.message
        assert str(spoilt.run_dir / MISHAPS) in cause.message
        assert "batchfind resume" in cause.hint

    def test_keeps_a_traceback_without_values(self, spoilt: RunResult) -> None:
        file = spoilt.run_dir / MISHAPS
        text = file.read_text()
        assert file.stat().st_mode & 0o777 == 0o600
        assert "asker.py" in text
        assert "raise Oops" in text
        assert VALUE not in text
        with open_capture(spoilt.run_dir / "run.db") as capture:
            (attempt,) = capture.attempts(NAMES[1])
            assert attempt.ending is not None
            assert VALUE not in str(attempt.ending)

    def test_is_forgotten_once_resume_has_the_answer(self, spoilt: RunResult) -> None:
        resumed = asyncio.run(resume_run(spoilt.run_dir))
        assert resumed.exit_code is ExitCode.OK
        assert set(verdicts(resumed).values()) == {Verdict.COMPLETE}


class TestAMistakeBesideRequests:
    def test_of_releasing_is_exit_8_with_every_answer(
        self,
        tmp_path: Path,
        scripted_peer: StartPeer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def settle(*_: Any, **__: Any) -> None:
            raise Oops

        scripted = scripted_peer(steps.matches(2), steps.final())
        with monkeypatch.context() as changed:
            changed.setattr(LocalExecutor, "settle", settle)
            result = run(small_plan(tmp_path, scripted))
        assert result.exit_code is ExitCode.INTERNAL
        assert set(verdicts(result).values()) == {Verdict.COMPLETE}
        assert any("ending associations" in one for one in result.warnings)
        assert all_gone(scripted)

    def test_that_nobody_waits_for_is_noted_and_not_printed(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        async def fail() -> None:
            raise Oops

        async def watched() -> Mishaps:
            mishaps = Mishaps(tmp_path)
            with mishaps.watching(asyncio.get_running_loop()):
                task = asyncio.create_task(fail())
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                del task
            return mishaps

        (problem,) = asyncio.run(watched()).problems
        assert "Oops" in problem
        assert capfd.readouterr() == ("", "")

    def test_is_told_once_however_often_it_is_made(self, tmp_path: Path) -> None:
        mishaps = Mishaps(tmp_path)
        for _ in range(3):
            with mishaps.beside_while("trying"):
                raise Oops
        assert len(mishaps.problems) == 1
        assert (tmp_path / MISHAPS).read_text().count("internal error while") == 1


class TestTorture:
    def test_a_raise_at_any_wait_costs_one_request_and_leaks_nothing(
        self, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.matches(2), steps.final())
        run(small_plan(tmp_path / "whole", scripted))
        before = open_files()
        spoilt = []
        for place in range(MANY):
            torture = Torture(place)
            folder = tmp_path / str(place)
            result = run(small_plan(folder, scripted), torture)
            if not torture.raised:
                break
            found = list(verdicts(result).values())
            whole = found.count(Verdict.COMPLETE)
            assert whole >= len(NAMES) - 1, (place, found)
            assert result.exit_code is ExitCode.INTERNAL, place
            assert VALUE not in (result.run_dir / MISHAPS).read_text()
            assert all_gone(scripted), place
            spoilt.append(len(NAMES) - whole)
        assert place < MANY - 1
        assert set(spoilt) == {0, 1}
        assert len(spoilt) > 12
        assert open_files() == before
