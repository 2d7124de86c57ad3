from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from batchfind import api
from batchfind.cli.main import execute
from batchfind.errors import (
    InputError,
    JobError,
    Mark,
    Problem,
    Severity,
    StateError,
    StorageError,
)

PROBLEMS = (
    Problem(
        Mark("job.yaml", 3, 5), "peers.ris.prot", "unknown field, did you mean port?"
    ),
    Problem(Mark("job.yaml"), "", "looks odd", Severity.WARNING),
)

FAILURES = [
    (JobError(PROBLEMS), 2, False),
    (InputError("there is no run latest"), 2, False),
    (StateError("locked by another run", locked=True), 6, True),
    (StateError("belongs to another plan"), 6, False),
    (StorageError("disk full"), 7, True),
    (StorageError("a newer run has published it", lasting=True), 7, False),
    (KeyboardInterrupt(), 130, False),
    (click.Abort(), 130, False),
    (ValueError("Secret^Patient"), 8, False),
    (RecursionError(), 8, False),
]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    def arrange(error: BaseException) -> None:
        def load_job(_: Path, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(api, "load_job", load_job)

    return arrange


@pytest.mark.parametrize(("error", "code", "retryable"), FAILURES)
class TestEveryFailure:
    def test_is_one_line_of_json(
        self,
        error: BaseException,
        code: int,
        retryable: bool,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(error)
        assert execute(["plan", "job.yaml", "--json"]) == code
        out = capsys.readouterr().out
        assert out.endswith("\n")
        assert out.count("\n") == 1
        told = json.loads(out)
        assert list(told) == ["exit_code", "retryable", "error", "problems"]
        assert (told["exit_code"], told["retryable"]) == (code, retryable)

    def test_is_a_message_without_a_traceback(
        self,
        error: BaseException,
        code: int,
        retryable: bool,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        del retryable
        failing(error)
        assert execute(["plan", "job.yaml"]) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "Traceback" not in captured.err
        assert captured.err.strip()

    def test_shows_its_traceback_under_debug(
        self,
        error: BaseException,
        code: int,
        retryable: bool,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        del retryable
        failing(error)
        assert execute(["plan", "job.yaml", "--debug"]) == code
        assert "Traceback" in capsys.readouterr().err


class TestProblems:
    def test_are_summed_up_in_one_sentence(
        self,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(JobError(PROBLEMS))
        execute(["validate", "job.yaml", "--json"])
        assert json.loads(capsys.readouterr().out)["error"] == (
            f"{PROBLEMS[0]} (and one more in 'problems')"
        )

    def test_stand_in_json_with_their_places(
        self,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(JobError(PROBLEMS))
        execute(["validate", "job.yaml", "--json"])
        assert json.loads(capsys.readouterr().out)["problems"] == [
            {
                "file": "job.yaml",
                "line": 3,
                "column": 5,
                "path": "peers.ris.prot",
                "message": "unknown field, did you mean port?",
                "severity": "error",
            },
            {
                "file": "job.yaml",
                "line": 0,
                "column": 0,
                "path": "",
                "message": "looks odd",
                "severity": "warning",
            },
        ]

    def test_stand_on_a_line_each(
        self,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(JobError(PROBLEMS))
        execute(["plan", "job.yaml"])
        assert capsys.readouterr().err == (
            "job.yaml:3:5: peers.ris.prot: unknown field, did you mean port?\n"
            "job.yaml: warning: looks odd\n"
        )


class TestABug:
    def test_shows_no_value_a_message_may_hold(
        self,
        failing: Callable[[BaseException], None],
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        failing(ValueError("Secret^Patient"))
        execute(["plan", "job.yaml"])
        told = capsys.readouterr().err
        assert "Secret" not in told
        assert "internal error: ValueError" in told
        assert "--debug" in told


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["nonsense"], "no command 'nonsense' (see 'batchfind --help')\n"),
            (["valdate"], "did you mean 'validate'?"),
            (["run"], "run takes either JOB or --plan FILE"),
            (["run", "job.yaml", "--plan", "p.json"], "run takes either JOB"),
            (["run", "--plan", "p.json", "--now", "2026-01-01"], "--now"),
            (["run", "--plan", "missing.json"], "missing.json cannot be read: No such"),
            (["run", "job.yaml", "--nwo", "x"], "--now"),
            (["plan"], "Missing argument 'JOB'"),
            (["plan", "job.yaml", "--var", "novalue"], "is not name=value"),
            (["plan", "job.yaml", "--var", "a=1", "--var", "a=2"], "is given twice"),
            (["export", "latest", "--publish", "maybe"], "'maybe' is not one of"),
            (["schema", "dog"], "no schema 'dog': there are job and plan"),
            (["demo", "--pacs-port", "70000"], "70000 is not in the range"),
            (
                ["demo", "--pacs-port", "7", "--worklist-port", "7"],
                "port 7 is given twice; choose two",
            ),
            (["demo", "--now", "soon"], "'soon' is no ISO 8601"),
        ],
    )
    def test_mistakes_are_exit_2_with_one_sentence(
        self,
        arguments: list[str],
        says: str,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert execute(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert says in captured.err
        assert len(captured.err.splitlines()) == 1
        assert captured.err.count("(see ") <= 1

    @pytest.mark.parametrize("arguments", [["nonsense"], ["run"], ["plan", "--what"]])
    def test_mistakes_are_json_when_asked(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute([*arguments, "--json"]) == 2
        captured = capsys.readouterr()
        assert json.loads(captured.out)["exit_code"] == 2
        assert captured.err == ""

    def test_json_behind_the_double_dash_is_a_file_name(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute(["run", "--", "--json", "more"]) == 2
        assert capsys.readouterr().out == ""

    def test_no_command_shows_the_help(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute([]) == 2
        assert "Usage: batchfind" in capsys.readouterr().err
