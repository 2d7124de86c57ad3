"""Which runs of a job stay and which go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from batchfind.capture.job_folder import StoredRun
from batchfind.job.model import Keep

_DAY: Final = 24 * 3600 * 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)


def beyond(
    runs: Sequence[StoredRun], keep: Keep, now: datetime, spare: str = ""
) -> tuple[StoredRun, ...]:
    """Runs of one job that every given bound lets go.

    The newest run never goes, nor does a pinned one; pinned runs are not counted
    among the newest that stay. A run that began later than `now` is young.

    Args:
        runs: of one job, in any order.
        keep: the bounds; without any, nothing goes.
        now: aware.
        spare: name of a run that stays whatever its age.

    Returns:
        Those that go, the oldest first.
    """
    if keep.everything or not runs:
        return ()
    newest_first = sorted(runs, key=lambda run: (run.started, run.name), reverse=True)
    counted = [run for run in newest_first if not run.pinned]
    going = [
        run
        for rank, run in enumerate(counted)
        if run is not newest_first[0]
        and run.name != spare
        and (keep.runs is None or rank >= keep.runs)
        and (keep.days is None or _age(run, now) > keep.days * _DAY)
    ]
    return tuple(reversed(going))


def _age(run: StoredRun, now: datetime) -> int:
    """In microseconds, exactly."""
    return (now - run.started) // _MICROSECOND
