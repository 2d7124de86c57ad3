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
COMMON: Final = NEVER | NETWORK | {"pydicom", "pyarrow"}


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, and what it had loaded then."""

    directory: Path
    packages: set[str]


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
            (["validate", "JOB"], COMMON | ARRAYS | {"rich", "ssl"}),
            (["plan", "JOB"], COMMON | ARRAYS | {"ssl"}),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_before_a_run(self, arguments: list[str], absent: set[str]) -> None:
        job = str(ROOT / "jobs" / "demo.yaml")
        named = [job if one == "JOB" else one for one in arguments]
        assert loaded(*named) & absent == set()

    def test_during_a_run(self, finished: Finished) -> None:
        assert finished.packages & NEVER == set()

    def test_to_tell_how_a_run_ended(self, finished: Finished) -> None:
        packages = loaded("status", finished.directory, "--json")
        assert packages & (COMMON | ARRAYS | {"jinja2", "rich", "ssl"}) == set()

    def test_to_write_outputs_again(self, finished: Finished) -> None:
        packages = loaded("export", finished.directory, "--json")
        assert packages & (NEVER | NETWORK | {"pydicom"}) == set()
