"""`python -m benchmarks` itself, with cases that need no SCP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.cases import CASES, Case
from benchmarks.measure import Missing, Prepare

Run = Callable[..., object]
"""Takes words of the command line, and gives the exit code."""

NOTED = "before\n<!-- measured: begin -->\nold\n<!-- measured: end -->\nafter\n"


@contextmanager
def missing(_: int) -> Iterator[dict[str, Prepare]]:
    raise Missing("/nowhere/Orthanc is not on this machine")
    yield {}


@contextmanager
def failing(_: int) -> Iterator[dict[str, Prepare]]:
    raise RuntimeError("the SCP does not answer\nand a long story")
    yield {}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    cases = {
        "missing": Case(title="M", serve=missing, aims=()),
        "failing": Case(title="F", serve=failing, aims=()),
    }
    monkeypatch.setattr(command, "CASES", cases)
    monkeypatch.setattr(command, "compile_package", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)

    def main(*words: str) -> object:
        monkeypatch.setattr("sys.argv", ["benchmarks", *words])
        with pytest.raises(SystemExit) as ended:
            command.main()
        return ended.value.code

    return main


def test_list_names_every_case_and_its_aims(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "--list"])
    command.main()
    said = capsys.readouterr().out
    for name, case in CASES.items():
        assert f"{name} " in said
        assert all(aim.wording in said for aim in case.aims)


def test_what_is_missing_is_said_in_a_sentence(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("missing") == 0
    said = capsys.readouterr().out
    assert "### M\n\nNot measured: /nowhere/Orthanc is not on this machine." in said


def test_a_case_that_fails_does_not_keep_the_others_from_running(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("failing", "missing") == 1
    said = capsys.readouterr()
    assert "Not measured: the SCP does not answer.\n" in said.out
    assert "### M" in said.out
    assert "a long story" in said.err


def test_write_replaces_what_stands_between_the_marks(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(NOTED)
    run("missing", "--rounds", "1", "--write", str(page))
    text = page.read_text()
    assert text.startswith("before\n<!-- measured: begin -->\n20")
    assert "One round." in text
    assert "old" not in text
    assert text.endswith("this machine.\n<!-- measured: end -->\nafter\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "no case is named nonsense; --list names them"),
        (["--rounds", "0"], "argument --rounds: 0 is no number from 1 on"),
        (["--divide", "x"], "argument --divide: x is no number from 1 on"),
        (["--write", "/nowhere/p.md"], "/nowhere/p.md"),
        (["--write", "p.md", "--divide", "2"], "--write takes no figures of divided"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    run: Run, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert said in capsys.readouterr().err
