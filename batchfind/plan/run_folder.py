"""Where the runs of a job are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from batchfind.job.model import Job

RUNS_VARIABLE: Final = "BATCHFIND_RUNS"


def runs_folder(
    job: Job, environment: Mapping[str, str], asked: Path | None = None
) -> Path:
    """The folder of run directories: as asked, as the job says, as the machine says.

    Args:
        job: whose `run.dir` counts.
        environment: of the process.
        asked: counts before both.

    Returns:
        An absolute path; links in it stay as they are named. Runs are made below it
        in a folder with the name of the job.
    """
    named = environment.get(RUNS_VARIABLE)
    folder = asked or job.run.directory or (Path(named) if named else None)
    return Path(os.path.normpath((folder or job.path.parent / "runs").absolute()))
