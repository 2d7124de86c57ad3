"""The real findscu and `batchfind findscu`, given the same command lines.

Both meet the same peers through relays that keep every byte. What the peer hears,
the responses, the files, what is printed and the exit code must be the same; where
they differ on purpose, `findscu_cases` says in what. Every command line is then saved
as a job, which must ask and bring the same once more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from batchfind.findscu.options import read_table
from tests.interop.answers import FINDSCU
from tests.interop.findscu_cases import CASES, Case, Differs
from tests.interop.findscu_files import (
    count_data_sets,
    file_meta,
    inflated,
    is_more,
    same_documents,
)
from tests.interop.findscu_jobs import check_job
from tests.interop.findscu_material import write_material
from tests.interop.findscu_peers import Peers
from tests.interop.findscu_runs import Run, command_line, new_folder, run_both
from tests.interop.side_by_side import written
from tests.peers import pdu
from tests.peers.pki import Pki
from tests.peers.processes import require

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]

APART = {Differs.REFUSED, Differs.EARLY, Differs.TRUST}
"""Differences that leave nothing to compare; each has a test of its own."""


@pytest.fixture(scope="module")
def peers(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki, request: pytest.FixtureRequest
) -> Iterator[Peers]:
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("peers")
        yield Peers(running, folder, pki, request.getfixturevalue)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """The options, read once: a process that runs one command reads them itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("batchfind.findscu.main.read_table", cache(read_table))
        yield


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Path:
    require(FINDSCU)
    folder = tmp_path_factory.mktemp("material")
    write_material(folder, pki)
    return folder


ALIKE = [case for case in CASES if not APART & case.differs]


@pytest.fixture(scope="class", params=ALIKE, ids=lambda case: case.name)
def run(
    request: pytest.FixtureRequest,
    peers: Peers,
    material: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    case: Case = request.param
    return run_both(case, peers, material, tmp_path_factory.mktemp(case.name))


class TestEachCommandLine:
    def test_ends_alike(self, run: Run) -> None:
        expected = run.theirs.code
        if run.differs(Differs.EXIT_CODE):
            assert expected == 0
            expected = 1
        assert run.ours.code == expected

    def test_is_heard_alike_by_the_peer(self, run: Run) -> None:
        assert len(run.ours.exchanges) == len(run.theirs.exchanges)
        pairs = zip(run.ours.exchanges, run.theirs.exchanges, strict=True)
        for mine, other in pairs:
            assert mine.association == other.association
            assert mine.requests == other.requests
            if run.differs(Differs.RELEASE):
                assert (mine.endings, other.endings) == ((pdu.RELEASE_RQ,), ())
            else:
                assert mine.endings == other.endings

    def test_is_answered_alike(self, run: Run) -> None:
        assert [one.responses for one in run.ours.exchanges] == [
            one.responses for one in run.theirs.exchanges
        ]

    def test_writes_the_same_files(self, run: Run) -> None:
        names = list(run.theirs.files)
        if run.differs(Differs.LOG_FILE):
            names.remove("findscu.log")
        assert list(run.ours.files) == names

    def test_writes_the_same_data_sets(self, run: Run, tmp_path: Path) -> None:
        for name in run.theirs.files:
            if name.endswith(".dcm"):
                mine, other = tmp_path / "mine", tmp_path / "other"
                mine.write_bytes(run.ours.files[name])
                other.write_bytes(run.theirs.files[name])
                assert inflated(mine) == inflated(other)
                assert file_meta(mine) == file_meta(other)

    def test_writes_thesame_documents(self, run: Run) -> None:
        pairs = [
            (run.ours.files[name], content)
            for name, content in run.theirs.files.items()
            if name.endswith(".xml")
        ]
        if run.differs(Differs.CHARACTERS):
            assert count_data_sets(mine for mine, _ in pairs) == len(run.ours.matches)
            assert not all(same_documents(*pair) for pair in pairs)
            assert all(is_more(*pair) for pair in pairs)
        else:
            assert all(same_documents(*pair) for pair in pairs)

    def test_prints_the_same(self, run: Run) -> None:
        mine = run.ours.said(run.seats[1].port)
        theirs = run.theirs.said(run.seats[0].port)
        if run.differs(Differs.EXIT_CODE):
            mine = [line for line in mine if not _WHY.match(line)]
        if run.differs(Differs.WORDS):
            assert mine != theirs
            assert mine[-1][:3] == theirs[-1][:3]
        elif run.differs(Differs.CHARACTERS):
            assert mine == [line for line in theirs if not _ABOUT_TEXT.match(line)]
        elif run.differs(Differs.NAMES):
            assert mine != theirs
            assert _unnamed(mine) == _unnamed(theirs)
        elif run.differs(Differs.LENGTHS):
            assert mine != theirs
            assert _unmeasured(mine) == _unmeasured(theirs)
        elif not run.differs(Differs.LOG_FILE):
            assert mine == theirs

    def test_can_be_a_job(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        check_job(run, monkeypatch)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case not in ALIKE],
    ids=lambda case: case.name,
)
def test_what_differs_differs_as_told(
    case: Case,
    peers: Peers,
    material: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = run_both(case, peers, material, tmp_path)
    if run.differs(Differs.REFUSED):
        assert (run.ours.code, run.theirs.code) == (1, 0)
        assert [one.requests for one in run.ours.exchanges] == [()]
        assert run.ours.stderr.startswith(b"E: Bad override key/path: ")
        assert run.theirs.matches
    elif run.differs(Differs.EARLY):
        assert (run.ours.code, run.theirs.code) == (1, 2)
        assert run.ours.exchanges == []
        assert re.fullmatch(rb"F: .+\n", run.ours.stderr)
    else:
        assert run.differs(Differs.TRUST)
        assert (run.ours.code, run.theirs.code) == (0, 2)
        assert run.ours.matches
    check_job(run, monkeypatch)


_WHY = re.compile("E: The answer is not complete: final status ")
"""What findscu tells at level info alone."""

_ABOUT_TEXT = re.compile(r"[WE]: (?:\w*SpecificCharacterSet|Writing XML file)")


def _unnamed(lines: list[str]) -> list[str]:
    """Without the names of attributes at the end."""
    return [re.sub(r"(, \d+ )[A-Z][\w &]*$", r"\1", line) for line in lines]


def _unmeasured(lines: list[str]) -> list[str]:
    """Without the lengths of sequences and items."""
    return [re.sub(r"(length #=\d+\) +#) +\d+", r"\1", line) for line in lines]


class TestTheMatrix:
    def test_has_enough_command_lines(self) -> None:
        names = [case.name for case in CASES]
        assert len(names) == len(set(names)) > 200

    def test_uses_every_option_of_the_installed_findscu(self) -> None:
        require(FINDSCU)
        done = subprocess.run(
            [FINDSCU, "--help"], capture_output=True, text=True, check=True
        )
        options = re.findall(r"^ +([-+]\S+)? +(--\S+)", done.stdout, re.MULTILINE)
        assert len(options) > 60
        unused = [
            names
            for names in options
            if not any(case.uses(*filter(None, names)) for case in CASES)
        ]
        assert unused == []

    def test_is_the_same_for_a_process_of_its_own(
        self, peers: Peers, material: Path, tmp_path: Path
    ) -> None:
        (case,) = (case for case in CASES if case.name == "extract-and-show")
        run = run_both(case, peers, material, tmp_path)
        folder = new_folder(tmp_path / "process", material)
        command = [sys.executable, "-m", "batchfind", "findscu"]
        done = subprocess.run(
            [*command, *command_line(case, run.seats, 1)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (run.theirs.code, b"")
        assert done.stderr == run.theirs.stderr
        assert written(folder) == run.ours.files
