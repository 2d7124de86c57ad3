from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.records import Cause, RequestVerdict, Verdict
from batchfind.cli.main import execute
from batchfind.execution.results import (
    ExitCode,
    OutputReport,
    RequestReport,
    RunResult,
)

ROOT = Path(__file__).parents[2]

Shell = Callable[..., subprocess.CompletedProcess[Any]]
MakeRequest = Callable[..., RequestReport]
MakeOutput = Callable[..., OutputReport]
MakeResult = Callable[..., RunResult]

REFUSED = Cause(
    code="refused",
    message="south (BATCHFIND -> RIS at 127.0.0.1:1): connection refused",
    hint="check the port",
    phase="connect",
)


@pytest.fixture
def refused() -> Cause:
    return REFUSED


@pytest.fixture
def request_report() -> MakeRequest:
    def make(identifier: str = "0", **changes: Any) -> RequestReport:
        fields: dict[str, Any] = {
            "id": identifier,
            "query": "worklist",
            "peer": "ris",
            "verdict": Verdict.COMPLETE,
            "responses": 3,
            "defects": 0,
            "attempts": 1,
            "cause": None,
            "warnings": (),
            "seconds": 0.5,
        }
        return RequestReport(**(fields | changes))

    return make


@pytest.fixture
def output_report() -> MakeOutput:
    def make(path: str = "/data/out.csv", **changes: Any) -> OutputReport:
        fields: dict[str, Any] = {
            "path": path,
            "format": "csv",
            "query": "worklist",
            "published": True,
            "written": path,
            "rows": 3,
            "bytes": 5222,
            "sha256": "0" * 64,
        }
        return OutputReport(**(fields | changes))

    return make


@pytest.fixture
def run_result(request_report: MakeRequest) -> MakeResult:
    def make(**changes: Any) -> RunResult:
        fields: dict[str, Any] = {
            "run_dir": Path("/runs/nightly/one"),
            "run_id": "one",
            "job": "nightly",
            "plan_digest": "d" * 64,
            "exit_code": ExitCode.OK,
            "retryable": False,
            "requests": (request_report(),),
            "outputs": (),
        }
        return RunResult(**(fields | changes))

    return make


@pytest.fixture
def verdict() -> Callable[..., RequestVerdict]:
    def make(request: str, kind: Verdict, responses: int = 0) -> RequestVerdict:
        return RequestVerdict(request=request, verdict=kind, responses=responses)

    return make


@pytest.fixture
def shell(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    """Run a command line in an empty folder, within this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the demo peers' process

    def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        words = [str(argument) for argument in arguments]
        code = execute(words)
        told = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, told.out, told.err)

    return call


@pytest.fixture
def process(tmp_path: Path) -> Shell:
    """Run batchfind as users do, in a process of its own and an empty folder."""

    def call(
        *arguments: str | Path, **changes: Any
    ) -> subprocess.CompletedProcess[Any]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        environment |= changes.pop("env", {})
        options: dict[str, Any] = {
            "cwd": tmp_path,
            "env": environment,
            "capture_output": True,
            "text": True,
            "timeout": 60,
        }
        program = changes.pop("program", (sys.executable, "-m", "batchfind"))
        command = [*program, *map(str, arguments)]
        return subprocess.run(command, check=False, **(options | changes))

    return call
