"""What each command imports: a start costs what its modules cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]

NEVER: Final = {"pandas"}
NETWORK: Final = {"asyncio", "pynetdicom"}
ARRAYS: Final = {"numpy", "pyarrow"}
JOBS: Final = {"jinja2", "jsonschema", "yaml"}
FAULTS: Final = {"jsonschema", "referencing"}
"""What only a job or plan with a mistake needs."""
COMMON: Final = NEVER | NETWORK | {"pydicom", "pyarrow"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, and what it had loaded then."""

    directory: Path
    packages: set[str]


PLAIN: Final = """
version: 1
name: plain
peers:
  archive:
    demo: pacs
queries:
  studies:
    model: study
    level: STUDY
    peers: [archive]
    keys:
      PatientID: ""
      StudyInstanceUID: ""
outputs:
  - format: parquet
    path: out.parquet
"""

REPORT: Final = """
import json, sys
from batchfind.cli.main import execute
code = execute(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: object) -> set[str]:
    """The packages that a command has loaded at its end; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stderr.splitlines()[-1])
    return {name.partition(".")[0] for name in names}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of the demo with its outputs of every format."""
    folder = tmp_path_factory.mktemp("finished")
    job = ROOT / "jobs" / "demo.yaml"
    run = folder / "run"
    packages = loaded("run", job, "--quiet", "--out", folder / "out", "--run-dir", run)
    return Finished(run, packages)


class TestACommandLoadsOnlyWhatItNeeds:
    @pytest.mark.parametrize(
        ("arguments", "absent"),
        [
            (["--help"], COMMON | ARRAYS | JOBS | {"rich", "ssl"}),
            (["findscu", "--help"], COMMON | ARRAYS | JOBS | {"rich", "ssl"}),
            (["tls", "profiles"], COMMON | ARRAYS | JOBS),
            (["validate", "JOB"], COMMON | ARRAYS | FAULTS | {"rich", "ssl"}),
            (["plan", "JOB"], COMMON | ARRAYS | FAULTS | {"ssl"}),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_before_a_run(self, arguments: list[str], absent: set[str]) -> None:
        job = str(ROOT / "jobs" / "demo.yaml")
        named = [job if one == "JOB" else one for one in arguments]
        assert loaded(*named) & absent == set()

    def test_during_a_run(self, finished: Finished) -> None:
        absent = NEVER | FAULTS | {"pydicom", "pynetdicom", "rich"}
        assert finished.packages & absent == set()

    def test_during_a_run_without_templates(self, tmp_path: Path) -> None:
        job = tmp_path / "job.yaml"
        job.write_text(PLAIN)
        packages = loaded("run", job, "--quiet", "--run-dir", tmp_path / "run")
        assert (tmp_path / "out.parquet").is_file()
        absent = NEVER | FAULTS | {"jinja2", "pydicom", "pynetdicom", "rich"}
        assert packages & absent == set()

    def test_to_tell_how_a_run_ended(self, finished: Finished) -> None:
        packages = loaded("status", finished.directory, "--json")
        absent = COMMON | ARRAYS | FAULTS | {"jinja2", "rich", "ssl"}
        assert packages & absent == set()

    def test_to_write_outputs_again(self, finished: Finished) -> None:
        packages = loaded("export", finished.directory, "--json")
        assert packages & (NEVER | NETWORK | {"pydicom"}) == set()
