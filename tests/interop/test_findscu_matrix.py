"""The real findscu and `batchfind findscu`, given the same command lines.

Both meet the same peers through relays that keep every byte. What the peer hears,
the responses, the files, what is printed and the exit code must be the same; where
they differ on purpose, `findscu_cases` says in what. Every command line is then saved
as a job, which must ask and bring the same once more.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom.filereader import read_file_meta_info

from batchfind.cli.main import execute
from tests.interop.answers import DEFLATED, FINDSCU, of_file, received
from tests.interop.findscu_cases import CASES, Case, Differs, Saved
from tests.interop.findscu_material import PASSWORD, write_material
from tests.interop.findscu_peers import Peers, Seats
from tests.interop.side_by_side import (
    Outcome,
    Place,
    Streams,
    findscu,
    ours,
    written,
)
from tests.interop.test_same_documents import (
    attributes_in_order,
    document,
    in_its_own,
)
from tests.outputs.documents import parsed
from tests.peers import pdu
from tests.peers.pki import Pki
from tests.peers.processes import LOOPBACK, require

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]

APART = {Differs.REFUSED, Differs.EARLY, Differs.TRUST}
"""Differences that leave nothing to compare; each has a test of its own."""

OWN_META = {0x00020000, 0x00020003, 0x00020012, 0x00020013}
"""Group length, instance UID, and who wrote the file."""


@dataclass(frozen=True, slots=True)
class Run:
    """A case, and what came of it.

    Attributes:
        job: folder for a job.
    """

    case: Case
    seats: Seats
    theirs: Outcome
    ours: Outcome
    job: Path

    def differs(self, how: Differs) -> bool:
        return how in self.case.differs


@pytest.fixture(scope="module")
def peers(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki, request: pytest.FixtureRequest
) -> Iterator[Peers]:
    with ExitStack() as running:
        folder = tmp_path_factory.mktemp("peers")
        yield Peers(running, folder, pki, request.getfixturevalue)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Path:
    require(FINDSCU)
    folder = tmp_path_factory.mktemp("material")
    write_material(folder, pki)
    return folder


def run_both(case: Case, peers: Peers, material: Path, base: Path) -> Run:
    """Both programs at the same time, each in a folder and at a seat of its own."""
    seats = peers.seats(case.peer)
    places = []
    environment = {"DCMDICTPATH": dictionary_path()} if case.dictionary else {}
    for name, seat in zip(("theirs", "ours"), seats, strict=True):
        folder = _folder(base / name, material)
        places.append(Place(folder, seat.relay, environment))
        if seat.relay is not None:
            seat.relay.taken()  # of a job that failed
            seat.relay.held = case.held
    lines = [command_line(case, seats, number) for number in range(2)]
    with findscu(lines[0], places[0]) as outcomes:
        mine = ours(lines[1], places[1])
    return Run(case, seats, outcomes[0], mine, _folder(base / "job", material))


def dictionary_path() -> str:
    """DCMDICTPATH for the dictionary files that DCMTK brings."""
    (folder,) = Path("/usr/share").glob("libdcmtk*")
    return f"{folder}/dicom.dic:{folder}/private.dic"


def _folder(folder: Path, material: Path) -> Path:
    (folder / "out").mkdir(parents=True)
    (folder / "in").symlink_to(material)
    return folder


def command_line(case: Case, seats: Seats, number: int) -> list[str]:
    """The words of a case behind those that name the peer."""
    seat = seats[number]
    called = [] if case.uses("-aec") else ["-aec", seat.called_ae]
    return [*called, LOOPBACK, str(seat.port), *case.words]


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
                assert _data_set(mine) == _data_set(other)
                assert _meta(mine) == _meta(other)

    def test_writes_the_same_documents(self, run: Run) -> None:
        pairs = [
            (run.ours.files[name], content)
            for name, content in run.theirs.files.items()
            if name.endswith(".xml")
        ]
        if run.differs(Differs.CHARACTERS):
            assert _count(mine for mine, _ in pairs) == len(run.ours.matches)
            assert not all(_same_documents(*pair) for pair in pairs)
            assert all(_is_more(*pair) for pair in pairs)
        else:
            assert all(_same_documents(*pair) for pair in pairs)

    def test_prints_the_same(self, run: Run) -> None:
        mine = run.ours.said(run.seats[1].port)
        theirs = run.theirs.said(run.seats[0].port)
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


def check_job(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saves the command line as a job, validates it and runs it.

    A command line that got no answer is not asked again: a job tries more often.
    """
    monkeypatch.chdir(run.job)
    monkeypatch.setenv("FINDSCU_KEY_PASSWORD", PASSWORD)
    words = [*command_line(run.case, run.seats, 1), "--save-job", "job.yaml"]
    saved = run.case.saved
    with Streams():
        assert execute(["findscu", *words]) == (1 if saved is Saved.REFUSED else 0)
    assert Path("job.yaml").exists() == (saved not in {Saved.REFUSED, Saved.ENDING})
    if saved in {Saved.REFUSED, Saved.ENDING}:
        return
    with Streams():
        assert execute(["validate", "job.yaml"]) == 0
    if run.ours.code == 0:
        check_answer(run, *answer_of_job(run))


def answer_of_job(run: Run) -> tuple[int, list[bytes]]:
    """How many responses the run says it keeps, and all that it captured."""
    relay = run.seats[1].relay
    if relay is not None:
        # A job counts the responses of each request, so cancels the first or none.
        relay.held = run.case.held if run.case.held == 1 else 0
    with Streams() as streams:
        code = execute(["run", "job.yaml", "--json", "--run-dir", "run"])
    assert code == 0, streams.stderr
    kept = [one["responses"] for one in json.loads(streams.stdout)["requests"]]
    captured = received(Path("run/run.db")).values()
    return sum(kept), [data for answer in captured for data, _ in answer]


def check_answer(run: Run, kept: int, captured: list[bytes]) -> None:
    expected = run.ours.matches
    if run.seats[1].relay is None:
        expected = data_sets_of(run)
    if run.case.held == 1:
        number = int(run.case.words[run.case.words.index("--cancel") + 1])
        assert kept == number
        assert captured[:number] == expected[:number]
    else:
        assert kept == len(captured)
        assert captured == expected
    if run.case.saved is Saved.SAME:
        check_wire(run)
        for name, content in run.ours.files.items():
            if name.endswith(".xml") and Path(name).exists():
                assert document(Path(name).read_bytes()) == document(content)


def data_sets_of(run: Run) -> list[bytes]:
    """The data sets that `-X` has written, for want of a relay."""
    path = run.job / "response"
    found = []
    for name, content in run.ours.files.items():
        path.write_bytes(content)
        found.append(of_file(path)[0])
        assert name.endswith(".dcm")
    return found


def check_wire(run: Run) -> None:
    """That the peer was asked the same by the job, if somebody listened."""
    relay = run.seats[1].relay
    if relay is None:
        return
    heard = relay.taken()
    assert [one.association for one in heard] == [
        one.association for one in run.ours.exchanges
    ]
    asked = [[one.requests for one in each] for each in (heard, run.ours.exchanges)]
    assert asked[0] == asked[1]
    assert [one.endings for one in heard] == [one.endings for one in run.ours.exchanges]


_ABOUT_TEXT = re.compile(r"[WE]: (?:\w*SpecificCharacterSet|Writing XML file)")


def _unnamed(lines: list[str]) -> list[str]:
    """Without the names of attributes at the end."""
    return [re.sub(r"(, \d+ )[A-Z][\w &]*$", r"\1", line) for line in lines]


def _unmeasured(lines: list[str]) -> list[str]:
    """Without the lengths of sequences and items."""
    return [re.sub(r"(length #=\d+\) +#) +\d+", r"\1", line) for line in lines]


def _data_set(path: Path) -> bytes:
    """Its bytes, inflated: findscu leaves a deflated stream of odd length as it is.

    Ours ends with a NUL then. Source: PS3.5 Section A.5.
    """
    data, syntax = of_file(path)
    return (
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)
        if syntax == DEFLATED
        else data
    )


def _meta(path: Path) -> list[tuple[int, object]]:
    meta = read_file_meta_info(path)
    return [(one.tag, one.value) for one in meta if one.tag not in OWN_META]


def _same_documents(mine: bytes, other: bytes) -> bool:
    if not _read(other):
        return not _read(mine) and b"</responses>" in other
    if b"<responses" not in mine:
        return in_its_own(mine) == in_its_own(other)
    return document(mine) == document(other) and (
        attributes_in_order(mine) == attributes_in_order(other)
    )


def _is_more(mine: bytes, other: bytes) -> bool:
    """Whether ours holds whatever can be read of the other.

    In a document of one response findscu quotes bytes as if they were characters
    where it does not know the character set.
    """
    if b"<responses" not in mine:
        return b";&#" in other or not _read(other) or _same_documents(mine, other)
    found = iter(_read(mine))
    return all(one in found for one in _read(other))


def _count(documents: Iterable[bytes]) -> int:
    return sum(len(_read(content)) for content in documents)


def _read(content: bytes) -> list[list[object]]:
    """The data sets of a document; none if nobody can read it."""
    try:
        root = parsed(content)
    except ET.ParseError:
        return []
    found = [root] if root.tag == "data-set" else list(root)
    return [document(ET.tostring(one, "utf-8")) for one in found]


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
        folder = _folder(tmp_path / "process", material)
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
