"""Run directories: made exclusively, locked, found again.

<run.dir>/<job>/job.lock
<run.dir>/<job>/20260131T041500.000000Z-1a2b3c4d/{job.yaml,plan.json,run.db,run.lock}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from batchfind.capture.lock import Lock
from batchfind.errors import StorageError, UsageError

CAPTURE: Final = "run.db"
JOB_FILE: Final = "job.yaml"
PLAN_FILE: Final = "plan.json"
JOB_LOCK: Final = "job.lock"
RUN_LOCK: Final = "run.lock"
RUNS_VARIABLE: Final = "BATCHFIND_RUNS"
RUNS_DEFAULT: Final = "runs"
PRUNED: Final = ".pruned-"
"""What the name of a run begins with while it is being deleted."""

_LISTED: Final = 8


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A run directory that this process holds; use it in a `with` statement.

    Attributes:
        path: absolute.
    """

    path: Path
    _locks: tuple[Lock, ...]

    @property
    def run_id(self) -> str:
        """Its name: time and plan digest."""
        return self.path.name

    @property
    def capture(self) -> Path:
        """Where its run database stands."""
        return self.path / CAPTURE

    def release(self) -> None:
        """Releases its locks; doing it again does nothing."""
        for lock in self._locks:
            lock.release()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Releases its locks."""
        self.release()


def reopen_run_directory(
    path: Path, folder: Path | None = None, *, alone: bool = True
) -> RunDirectory:
    """Takes the locks of an existing run: its own, and its job's if it has one.

    Args:
        path: as `find_run` gives it.
        folder: of the runs of its job, where the run itself lies elsewhere.
        alone: no other execution of the job runs meanwhile; else only its own lock
            is taken.

    Returns:
        The directory, held.

    Raises:
        UsageError: it holds no capture.
        StateError: another process holds it or its job.
        StorageError: it cannot be locked.
    """
    path = path.absolute()
    if not holds_run(path):
        raise UsageError(f"{path}: this is no run directory: it holds no {CAPTURE}")
    locks: list[Lock] = []
    try:
        if alone and (lock := _job_lock(path, folder)) is not None:
            locks.append(Lock.acquire(lock, f"job {lock.parent.name}"))
        locks.append(Lock.acquire(path / RUN_LOCK, f"run {path.name}"))
    except BaseException:
        for one in locks:
            one.release()
        raise
    return RunDirectory(path, tuple(locks))


def _job_lock(path: Path, folder: Path | None) -> Path | None:
    """Where the lock of a run's job is; None for a run that was moved away."""
    if (path.parent / JOB_LOCK).is_file():
        return path.parent / JOB_LOCK
    return folder / JOB_LOCK if folder is not None and folder.is_dir() else None


def list_runs(base: Path) -> tuple[Path, ...]:
    """Every run below a folder of runs, the oldest first.

    Args:
        base: the folder; a missing one has no runs.

    Returns:
        Absolute paths of run directories; their names begin with the time.

    Raises:
        StorageError: the folder cannot be read.
    """
    try:
        found = [
            run
            for job in _folders(base.absolute())
            for run in _folders(job)
            if holds_run(run) and not run.name.startswith(PRUNED)
        ]
    except OSError as error:
        raise StorageError(
            f"{base}: it cannot be read ({error.strerror}): check owner and mode"
        ) from error
    return tuple(sorted(found, key=lambda run: (run.name, str(run))))


def find_run(argument: str, environment: Mapping[str, str]) -> Path:
    """The run directory that RUN on a command line means.

    Args:
        argument: a path, a run id or the beginning of one, or `latest`. Ids are
            looked for below $BATCHFIND_RUNS, else ./runs.
        environment: of the process.

    Returns:
        An absolute path that holds a capture.

    Raises:
        UsageError: there is no such run, and the message lists those that are
            there; or several begin so.
    """
    if os.sep in argument or argument in {".", ".."}:
        return _run_at(plain_path(argument))
    base = plain_path(environment.get(RUNS_VARIABLE) or RUNS_DEFAULT)
    runs = list_runs(base)
    if argument == "latest":
        if not runs:
            raise UsageError(_nothing(base))
        return runs[-1]
    exact = [run for run in runs if run.name == argument]
    found = exact or [run for run in runs if argument and run.name.startswith(argument)]
    if argument and not found and Path(argument).is_dir():
        return _run_at(plain_path(argument))
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} runs are called {argument!r}: name the path of one:"
            f"{_listing(tuple(found))}"
        )
    if not found:
        detail = f"below {base} there are:{_listing(runs)}" if runs else _nothing(base)
        raise UsageError(f"there is no run {argument!r}: {detail}")
    return found[0]


def plain_path(path: str | Path) -> Path:
    """The absolute path without `.` and `..`; links stay as they are named."""
    return Path(os.path.normpath(Path(path).absolute()))


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def holds_run(path: Path) -> bool:
    """Whether there is a run in a directory: one whose whole plan is stored."""
    return (path / CAPTURE).is_file()


def _run_at(path: Path) -> Path:
    """A run directory by its path; its run.db means the directory too."""
    if path.name == CAPTURE and path.is_file():
        return path.parent
    if holds_run(path):
        return path
    inside = list_runs(path) or list_runs(path.parent) if path.is_dir() else ()
    detail = f" Runs there are:{_listing(inside)}" if inside else ""
    raise UsageError(f"{path}: this is no run: it holds no {CAPTURE}.{detail}")


def _nothing(base: Path) -> str:
    """Where was looked, and the folders of runs beside it, as jobs make them."""
    nothing = f"there are no runs below {base}"
    near = _folders_of_runs(base.parent)
    if not near:
        return f"{nothing}: name the path of a run directory, or set {RUNS_VARIABLE}"
    shown = [f"\n  {folder}, the newest {newest}" for folder, newest in near[:_LISTED]]
    more = f"\n  and {len(near) - _LISTED} more" if len(near) > _LISTED else ""
    return (
        f"{nothing}; name the path of a run, or set {RUNS_VARIABLE} to one of these "
        f"folders:{''.join(shown)}{more}"
    )


def _folders_of_runs(place: Path) -> list[tuple[Path, Path]]:
    """Folders `*/runs` that hold runs, each with its newest; the newest first."""
    found = []
    with suppress(OSError):  # it is only advice
        for folder in _folders(place):
            with suppress(OSError, StorageError):
                runs = list_runs(folder / RUNS_DEFAULT)
                found += [(folder / RUNS_DEFAULT, run) for run in runs[-1:]]
    return sorted(found, key=lambda one: one[1].name, reverse=True)


def _listing(runs: tuple[Path, ...]) -> str:
    """The newest runs, one a line."""
    shown = [f"\n  {run.name}  {run}" for run in reversed(runs[-_LISTED:])]
    more = len(runs) - len(shown)
    return "".join(shown) + (f"\n  and {more} older" if more else "")
