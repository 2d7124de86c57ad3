"""Hostile peers, 95: very many matches cost no memory, for they are legal.

What is held does not depend on how many there are: it goes to the capture as it comes,
and from there to the outputs piece by piece.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dimse.peer import match
from tests.interop.hostile.identifiers import EXPLICIT, PATIENT, STUDY
from tests.interop.hostile.neighbourhood import PATIENCE, QUERY
from tests.peers.plugin import StartPeer
from tests.peers.scripted import LOOPBACK, Conversation, Step
from tests.peers.steps import final, flood

ROOT = Path(__file__).parents[2]
FEW, MANY = 10_000, 60_000
AT_ONCE = 50
TEXT = EXPLICIT.element(0x00081190, b"x" * 1000, "UT")
MOST = 24 << 10
"""KiB more for 50 000 more matches, which are 50 MiB on the wire."""
MEASURED = """
import sys
from pathlib import Path
from batchfind.cli.main import execute
code = execute(sys.argv[1:])
status = dict(
    line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
)
print("peak", status["VmHWM"].split()[0], file=sys.stderr)
sys.exit(code)
"""


def many(count: int) -> Step:
    async def step(talk: Conversation) -> None:
        block = match(talk.request.message_id, PATIENT + TEXT + STUDY) * AT_ONCE
        await flood(block, count // AT_ONCE)(talk)

    return step


def peak(folder: Path, port: int, count: int) -> int:
    """Of a whole run, in KiB."""
    folder.mkdir()
    job = {
        "version": 1,
        "name": "many",
        "peers": {"p": {"host": LOOPBACK, "port": port, "timeouts": PATIENCE}},
        "queries": {"studies": QUERY},
        "outputs": [{"format": "csv", "path": "studies.csv"}],
    }
    (folder / "job.yaml").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "run", str(folder / "job.yaml"), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    (request,) = json.loads(done.stdout)["requests"]
    assert (request["verdict"], request["responses"]) == ("complete", count)
    with (folder / "studies.csv").open("rb") as file:
        assert sum(1 for _ in file) == count + 1
    return int(done.stderr.rsplit("peak ", 1)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_of_very_many_is_that_of_a_few(
    scripted_peer: StartPeer, tmp_path: Path
) -> None:
    few = scripted_peer(many(FEW), final())
    least = peak(tmp_path / "few", few.port, FEW)
    lots = scripted_peer(many(MANY), final())
    most = peak(tmp_path / "many", lots.port, MANY)
    assert most - least <= MOST, (least, most)
