"""A run that is killed while requests are born loses none and asks none twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from batchfind.capture.records import Verdict
from batchfind.plan.rewriting import text_at
from tests.execution.growing_killed import CHILDREN, growing_plan
from tests.execution.growing_run import run
from tests.execution.simulation import UID
from tests.peers import steps
from tests.peers.capped import CappedArchive, Study, Style
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request, Step

ROOT = Path(__file__).parents[2]
STUDIES = [
    Study(f"1.2.{n + 1}", f"2024010{1 + n % 9}", f"{n % 24:02d}{n % 60:02d}00")
    for n in range(70)
]


@pytest.fixture(scope="module")
def program() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("growing_killed.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill(
    program: subprocess.Popen[str], folder: Path, port: int, seconds: float
) -> None:
    """Lets the plan be asked for so long."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{folder} {port} {seconds}\n")
    assert program.stdout.readline() == "end\n"


def slow(asked: Request) -> Sequence[Step]:
    """An archive that caps at 12, and takes its time."""
    archive = CappedArchive(studies=STUDIES, cap=12, style=Style.OUT_OF_RESOURCES)
    return [steps.delay(0.004), *archive.answer(asked)]


class TestKilled:
    @pytest.mark.parametrize("seed", range(4))
    def test_every_request_is_there_once_in_the_end(
        self,
        program: subprocess.Popen[str],
        tmp_path: Path,
        scripted_peer: StartPeer,
        seed: int,
    ) -> None:
        scripted = scripted_peer(script=slow)
        chance = random.Random(seed)  # noqa: S311 - any moment will do
        for _ in range(3):
            seconds = 0.05 + 0.4 * chance.random()
            kill(program, tmp_path, scripted.port, seconds)
        found = run(growing_plan(tmp_path, scripted.port), tmp_path / "run.db")
        pieces = [one for one in found.requests.values() if one.query == "studies"]
        made = [one for one in found.requests.values() if one.query in CHILDREN]
        for name in CHILDREN:
            own = [one for one in made if one.query == name]
            asked = Counter(text_at(one.identifier, UID) for one in own)
            assert asked == Counter(study.uid for study in STUDIES)
        assert len({one.key for one in pieces}) == len(pieces)
        assert {found.tries[one.id] for one in (*pieces, *made)} == {1}
        assert found.uids == {study.uid for study in STUDIES}
        assert found.judged["0.0"].verdict is Verdict.COMPLETE
        number = len(scripted.seen.requests)
        run(growing_plan(tmp_path, scripted.port), tmp_path / "run.db")
        assert len(scripted.seen.requests) == number
