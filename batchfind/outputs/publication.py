"""Whether a run may replace what stands at an output's path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from batchfind.errors import StorageError
from batchfind.job.output_model import Overwrite
from batchfind.outputs.sidecars import Sidecar, read_sidecar
from batchfind.plan.model import PlannedOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is known of an output besides its bytes when it is published.

    Attributes:
        started: when the run began: UTC, ISO 8601 with microseconds.
        verdict: the worst of the requests behind the output.
        verdicts: number of requests by verdict.
        guarded: what a newer run has published is not replaced.
    """

    run_id: str
    started: str
    job: str
    plan_digest: str
    verdict: str
    verdicts: Mapping[str, int]
    guarded: bool = False


def check_replaceable(
    planned: PlannedOutput, old: Sidecar | None, publication: Publication
) -> None:
    """Make sure that this run may replace what stands at its path.

    Args:
        planned: the output.
        old: the sidecar that stands there.
        publication: of this run.

    Raises:
        StorageError: it may not.
    """
    if publication.guarded:
        check_newer(Path(planned.path), publication.run_id, publication.started)
    own = old is not None and is_own(old, publication.run_id, publication.started)
    if planned.overwrite is Overwrite.FAIL and not own and stands_at(planned):
        raise StorageError(
            f"{planned.path}: something stands there and the output says overwrite: "
            f"fail; move it away, then run batchfind export --to-paths",
            lasting=True,
        )


def check_newer(path: Path, run_id: str, started: str) -> None:
    """Make sure that no newer run has published at a path.

    Args:
        path: of the output.
        run_id: the run that wants to publish.
        started: when that began: UTC, ISO 8601 with microseconds.

    Raises:
        StorageError: one has.
    """
    old = read_sidecar(path)
    if old is not None and old.started > started:
        raise StorageError(
            f"{path}: the newer run {old.run_id}, started {old.started}, has published "
            f"it; add --force to replace it by the answers of {run_id}",
            lasting=True,
        )


def is_own(old: Sidecar, run_id: str, started: str) -> bool:
    """Whether a run published what stands at a path.

    Run directories that were named exactly may share their names.
    """
    return old.run_id == run_id and old.started == started


def stands_at(planned: PlannedOutput) -> bool:
    """Whether anything is at an output's path; an empty directory is nothing."""
    path = Path(planned.path)
    if planned.is_directory and path.is_dir():
        return any(path.iterdir()) or read_sidecar(path) is not None
    return os.path.lexists(path)
