"""Heeds `run.keep` at the end of a run: older runs of its job go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from batchfind.capture.job_folder import JobFolder
from batchfind.capture.pruning import remove, sizes, survey
from batchfind.errors import StorageError
from batchfind.execution.kept import Kept
from batchfind.execution.results import ExitCode, RunResult
from batchfind.job.model import Keep
from batchfind.plan.model import Plan

TOLD_EVERY: Final = 25
"""So many runs of a job that keeps all of them, and the end of one says so."""


async def keep_runs(
    result: RunResult,
    plan: Plan,
    interrupt: asyncio.Event | None = None,
    now: datetime | None = None,
) -> RunResult:
    """Deletes the runs of a job that its `run.keep` lets go.

    Nothing is deleted after a run that was interrupted, or one that lies elsewhere
    than the job's runs. The exit code never changes.

    Args:
        result: of the run that has ended; it stays.
        plan: of that run.
        interrupt: once it is set, no further run is deleted.
        now: aware; None is the present moment.

    Returns:
        The result with what was deleted and what stays, and with a warning for each
        run that could not be deleted.
    """
    folder = Path(plan.policy.directory) / plan.job
    if result.exit_code is ExitCode.INTERRUPTED or not _same(
        result.run_dir.parent, folder
    ):
        return result
    now = now or datetime.now(UTC)
    stopped = interrupt.is_set if interrupt is not None else lambda: False
    kept = await asyncio.to_thread(
        _keep, folder, plan.policy.keep, result.run_id, now, stopped
    )
    if kept is None:
        return result
    return replace(result, kept=kept, warnings=(*result.warnings, *kept.failed))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _keep(
    folder: Path, keep: Keep, own: str, now: datetime, stopped: Callable[[], bool]
) -> Kept | None:
    """What there is to tell, if anything."""
    try:
        if keep.everything:
            return _counted(folder)
        return _pruned(folder, keep, own, now, stopped)
    except StorageError as error:
        failed = () if keep.everything else (str(error),)
        return Kept(runs=0, bytes=0, failed=failed) if failed else None


def _counted(folder: Path) -> Kept | None:
    """How much is kept, now and then; adding it all up would cost each run time."""
    with JobFolder.open(folder) as runs:
        names = runs.names()
        if len(names) % TOLD_EVERY:
            return None
        return Kept(runs=len(names), bytes=sum(map(runs.size, names)))


def _pruned(
    folder: Path, keep: Keep, own: str, now: datetime, stopped: Callable[[], bool]
) -> Kept | None:
    seen = survey(folder, keep, now, own)
    if not (seen.going or seen.leftovers or seen.failed):
        return None
    removal = remove(folder, seen.going, stopped)
    failed = (*seen.failed, *removal.failed)
    if not (removal.deleted or failed):
        return None
    left = [name for name in seen.runs if name not in removal.deleted]
    return Kept(
        runs=len(left),
        bytes=sum(sizes(folder, left).values()),
        deleted=len(removal.deleted),
        freed=sum(removal.deleted.values()),
        failed=failed,
    )
