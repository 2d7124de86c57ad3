from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchfind.cli import console
from batchfind.errors import StorageError

fcntl = pytest.importorskip("fcntl")
pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

Shell = Callable[..., subprocess.CompletedProcess[Any]]


class Failing(io.StringIO):
    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        del text
        raise self.error


class TestResults:
    def test_json_is_one_line_of_ascii(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        console.result_json({"name": "Müller\n山\u2028\ud800"})
        out = capsys.readouterr().out
        assert out.isascii()
        assert out.count("\n") == 1

    def test_a_reader_that_went_away_is_no_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdout", Failing(BrokenPipeError()))
        console.result("text")

    def test_a_full_disk_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdout", Failing(OSError(28, "No space left")))
        with pytest.raises(StorageError, match="No space left"):
            console.result("text")

    def test_a_stderr_nobody_reads_is_no_error(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stderr", Failing(BrokenPipeError()))
        console.note("text")


class TestATerminal:
    def test_gets_sentences_broken_between_words(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 20, 0, 0))
        with open(terminal, "w", encoding="utf-8") as screen:  # noqa: PTH123
            monkeypatch.setattr(sys, "stderr", screen)
            monkeypatch.setattr(sys, "stdout", screen)
            console.note("run directory: /a/very/long/path/of/a/run")
            console.prose("a sentence that is a little too long")
            console.result("a result that is as it is")
            shown = ""
            while shown.count("\n") < 5:  # what is written may come in pieces
                shown += os.read(controller, 1000).decode()
        os.close(controller)
        assert shown.splitlines() == [
            "run directory:",
            "  /a/very/long/path/of/a/run",
            "a sentence that is a",
            "  little too long",
            "a result that is as it is",
        ]


class TestTheProcess:
    def test_ends_quietly_when_the_pipe_breaks(self, process: Shell) -> None:
        command = f"{sys.executable} -m batchfind schema job | head -c 1"
        done = process(command, program=("bash", "-o", "pipefail", "-c"))
        assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")

    def test_a_full_stdout_is_exit_7(self, process: Shell) -> None:
        with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
            done = process("schema", stdout=full, capture_output=False)
        assert done.returncode == 7

    def test_shows_names_its_terminal_cannot(self, process: Shell) -> None:
        done = process(
            "init", "dämon-山.yaml", env={"PYTHONIOENCODING": "latin-1"}, text=False
        )
        assert done.returncode == 0
        assert b"d\xe4mon-\\u5c71.yaml" in done.stdout

    @pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
    def test_does_its_work_with_closed_streams(
        self, closed: str, process: Shell, tmp_path: Path
    ) -> None:
        command = f"{sys.executable} -m batchfind init job.yaml {closed}"
        done = process(command, program=("bash", "-c"))
        assert (done.returncode, done.stderr) == (0, "")
        assert (tmp_path / "job.yaml").read_text("utf-8").startswith("# A starter job")
