"""Who else on the machine can read what a run keeps, or turn where it writes.

Tested where they are made, too: run directories in tests/capture/test_run_directory.py
(modes, a lock that is a link), run.db in tests/capture/test_journal_durability.py,
published and withheld files in tests/outputs/test_staging.py, folders that are links
in tests/outputs/test_directories.py, outputs that meet through a link in
tests/execution/test_run.py.
"""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.peers import steps
from tests.peers.plugin import StartPeer
from tests.security.conftest import Batchfind

JOB = """\
version: 1
name: private
run: {{retry: {{attempts: 1}}}}
peers: {{p: {{host: 127.0.0.1, port: {port}}}}}
queries:
  q: {{model: study, level: STUDY, keys: {{PatientID: x, StudyInstanceUID: ""}}}}
outputs:
  - {{format: csv, path: out/q.csv}}
  - {{format: dicom, path: out/files/}}
"""


def modes(folder: Path) -> set[tuple[bool, int]]:
    """Whether it is a directory, and the mode, of everything below and itself."""
    every = (folder, *folder.rglob("*"))
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in every}


@pytest.fixture
def job(tmp_path: Path, scripted_peer: StartPeer) -> Path:
    """Its second answer, and all that follow, end in a failure after three matches."""
    script = steps.in_turn(
        [steps.matches(3), steps.final()], [steps.matches(3), steps.final(0xC001)]
    )
    peer = scripted_peer(script=script)
    path = tmp_path / "job.yaml"
    path.write_text(JOB.format(port=peer.port), "utf-8")
    return path


class TestARun:
    def test_is_for_its_user_alone_whatever_the_umask(
        self, job: Path, tmp_path: Path, batchfind: Batchfind
    ) -> None:
        assert batchfind("run", job.name, umask=0).returncode == 0
        assert batchfind("run", job.name, umask=0).returncode == 1
        assert list((tmp_path / "runs").glob("*/*/withheld/*"))
        assert modes(tmp_path / "runs" / "private") == {(True, 0o700), (False, 0o600)}

    def test_leaves_published_files_to_the_umask(
        self, job: Path, tmp_path: Path, batchfind: Batchfind
    ) -> None:
        assert batchfind("run", job.name, umask=0o027).returncode == 0
        assert modes(tmp_path / "out") == {(True, 0o750), (False, 0o640)}


class TestALink:
    def test_at_an_output_is_replaced_and_not_written_through(
        self, job: Path, tmp_path: Path, batchfind: Batchfind
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (tmp_path / "out").mkdir()
        (tmp_path / "out/q.csv").symlink_to(victim)
        assert batchfind("run", job.name).returncode == 0
        assert not (tmp_path / "out/q.csv").is_symlink()
        assert victim.read_text() == "mine"

    def test_in_a_directory_of_outputs_is_not_written_through(
        self, job: Path, tmp_path: Path, batchfind: Batchfind
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (tmp_path / "out/files").mkdir(parents=True)
        (tmp_path / "out/files/0.0-000000.dcm").symlink_to(victim)
        done = batchfind("run", job.name)
        assert done.returncode == 7
        assert b"is not one of batchfind's" in done.stdout
        assert victim.read_text() == "mine"
