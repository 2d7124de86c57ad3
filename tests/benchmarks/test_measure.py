"""How processes are timed: the figures, and those that cannot take part."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from benchmarks import measure
from benchmarks.measure import Command, Figure, Missing, Prepare, compare, timed
from benchmarks.watching import Watcher


def python(code: str) -> Prepare:
    return lambda folder: Command((sys.executable, "-c", code, str(folder)))


class TestTimed:
    def test_peak_is_that_of_the_process_and_not_ours(self, tmp_path: Path) -> None:
        ours = bytearray(200_000_000)
        sample = timed(python("import time; time.sleep(.5)")(tmp_path), tmp_path)
        assert 0 < sample.peak < len(ours) / 1e6

    def test_threads_are_counted_at_their_peak(self, tmp_path: Path) -> None:
        code = (
            "import threading, time\n"
            "for _ in range(4): threading.Thread(target=time.sleep, args=[1]).start()"
        )
        assert timed(python(code)(tmp_path), tmp_path).threads == 5

    def test_what_is_done_once_is_not_multiplied(self, tmp_path: Path) -> None:
        (tmp_path / "once").write_text("1000.0")
        command = Command(
            (sys.executable, "-c", ""), factor=0.0, once=tmp_path / "once"
        )
        assert timed(command, tmp_path).wall == 1000.0

    def test_a_process_tells_its_own_figures(self, tmp_path: Path) -> None:
        (tmp_path / "told").write_text('{"LAG_NETWORK": 1.5}')
        sample = timed(
            Command((sys.executable, "-c", ""), told=tmp_path / "told"), tmp_path
        )
        assert sample.figures[Figure.LAG_NETWORK] == 1.5

    def test_another_exit_code_is_an_error_with_what_was_said(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(RuntimeError, match=r"ended with 1\nno such study"):
            timed(python("raise SystemExit('no such study')")(tmp_path), tmp_path)

    def test_what_takes_too_long_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(measure, "_LIMIT", 0.1)
        with pytest.raises(RuntimeError, match=r"was given up after 0\.1 s"):
            timed(python("import time; time.sleep(60)")(tmp_path), tmp_path)

    def test_the_watcher_bears_a_process_that_is_gone(self) -> None:
        with Watcher(2**30, 0.0) as watcher:
            while not watcher.stopped:
                time.sleep(0.01)
        assert watcher.threads == 0


class TestCompare:
    def test_contenders_take_turns(self) -> None:
        turns: list[str] = []

        def contender(name: str) -> Prepare:
            def prepare(folder: Path) -> Command:
                turns.append(name)
                return python("")(folder)

            return prepare

        compare({"one": contender("one"), "other": contender("other")}, 2)
        assert turns == ["one", "other", "one", "other"]

    def test_a_missing_program_costs_its_rows_only(self) -> None:
        def missing(_: Path) -> Command:
            raise Missing("/nowhere/findscu is not on this machine")

        found = compare({"batchfind": python(""), "findscu": missing}, 2)
        assert list(found.medians) == ["batchfind"]
        assert found.absent == (
            "Without findscu: /nowhere/findscu is not on this machine.",
        )

    def test_folders_are_removed(self) -> None:
        folders: list[Path] = []

        def prepare(folder: Path) -> Command:
            folders.append(folder)
            return python("raise SystemExit(3)")(folder)

        with pytest.raises(RuntimeError):
            compare({"one": prepare}, 1)
        assert not folders[0].exists()
