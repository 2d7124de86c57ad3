"""Deletes runs of a job, so that being killed at any moment leaves no half run.

A run is locked, then renamed to a hidden name beside it, then deleted. What a killed
process leaves under a hidden name, the next prune deletes.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from batchfind.capture.job_folder import JobFolder, StoredRun
from batchfind.capture.lock import Lock, holder_of
from batchfind.capture.retention import beyond
from batchfind.capture.run_directory import PRUNED, RUN_LOCK
from batchfind.errors import StateError, StorageError
from batchfind.job.model import Keep

_TRIES: Final = 1000  # of which each but the last finds that another was faster


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The runs of a job, and what bounds mean for them.

    Attributes:
        folder: where they are.
        runs: names of all of them, the oldest first; pruned ones are not among them.
        pinned: names of those that are pinned.
        going: names of those that every bound lets go, the oldest first.
        locked: names of those that would go, were they not in use.
        leftovers: hidden names of what a killed prune left.
        failed: a sentence for each that cannot be looked into.
    """

    folder: Path
    runs: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    going: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def staying(self) -> tuple[str, ...]:
        """Names of the runs that do not go."""
        return tuple(name for name in self.runs if name not in set(self.going))


@dataclass(slots=True)
class Removal:
    """What became of runs that were to go.

    Attributes:
        deleted: names to bytes.
        locked: names of those in use.
        pinned: names of those that somebody has pinned meanwhile.
        failed: a sentence for each that could not be deleted.
    """

    deleted: dict[str, int] = field(default_factory=dict)
    locked: list[str] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


_Step: TypeAlias = Callable[[JobFolder, str, Removal], None]


def survey(path: Path, keep: Keep, now: datetime, spare: str = "") -> Survey:
    """Looks at the runs of a job; nothing is changed.

    Args:
        path: the folder of the job's runs.
        keep: bounds; without any, nothing goes.
        now: aware.
        spare: name of a run that stays in any case.

    Raises:
        StorageError: the folder cannot be read, or is a link.
    """
    runs: list[StoredRun] = []
    failed = []
    with JobFolder.open(path) as folder:
        for name in folder.names():
            try:
                run = folder.run(name)
            except StorageError as error:
                failed.append(str(error))
                continue
            if run is not None:
                runs.append(run)
        leftovers = folder.leftovers()
    names = [run.name for run in beyond(runs, keep, now, spare)]
    locked = {name for name in names if holder_of(path / name / RUN_LOCK)}
    return Survey(
        folder=path,
        runs=tuple(run.name for run in runs),
        pinned=tuple(run.name for run in runs if run.pinned),
        going=tuple(name for name in names if name not in locked),
        locked=tuple(name for name in names if name in locked),
        leftovers=leftovers,
        failed=tuple(failed),
    )


def sizes(path: Path, names: Iterable[str]) -> dict[str, int]:
    """Bytes of directories of a job's folder, by name.

    Raises:
        StorageError: the folder cannot be read, or is a link.
    """
    with JobFolder.open(path) as folder:
        return {name: folder.size(name) for name in names}


def remove(
    path: Path, names: Iterable[str], stopped: Callable[[], bool] = lambda: False
) -> Removal:
    """Deletes runs, and what a killed prune has left.

    Each is looked at again: one that is no run of ours any more, in use or pinned
    stays. Links in a run are deleted, never what they point to.

    Args:
        path: the folder of the job's runs.
        names: of runs in it.
        stopped: asked before each run; the others stay once it is true.

    Raises:
        StorageError: the folder cannot be read, or is a link.
    """
    removal = Removal()
    with JobFolder.open(path) as folder:
        steps: list[tuple[_Step, str]] = [
            *((_sweep, name) for name in folder.leftovers()),
            *((_remove, name) for name in names),
        ]
        for step, name in steps:
            if stopped():
                break
            try:
                step(folder, name, removal)
            except StorageError as error:
                removal.failed.append(str(error))
            except OSError as error:
                removal.failed.append(str(_undeletable(folder.path / name, error)))
    return removal


def _remove(folder: JobFolder, name: str, removal: Removal) -> None:
    if folder.run(name) is None:
        return
    weight = folder.size(name)
    try:
        lock = _locked(folder, name)
    except StateError:
        removal.locked.append(name)
        return
    except (OSError, StorageError):
        if folder.run(name) is None:  # another process was faster
            return
        raise
    try:
        _hide_and_delete(folder, name, weight, removal)
    finally:
        lock.release()


def _locked(folder: JobFolder, name: str) -> Lock:
    """The lock of a run that can be deleted, as far as its mode tells."""
    if not os.access(name, os.W_OK | os.X_OK, dir_fd=folder.descriptor):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return Lock.acquire(folder.path / name / RUN_LOCK, f"run {name}")


def _hide_and_delete(
    folder: JobFolder, name: str, weight: int, removal: Removal
) -> None:
    at, hidden = folder.descriptor, f"{PRUNED}{name}"
    if folder.run(name) is None:  # deleted just before the lock was ours
        return
    os.rename(name, hidden, src_dir_fd=at, dst_dir_fd=at)
    # Under the hidden name nobody can pin it any more: this look is the last word.
    if folder.pinned(hidden):
        os.rename(hidden, name, src_dir_fd=at, dst_dir_fd=at)
        removal.pinned.append(name)
        return
    os.fsync(at)  # a loss of power must not bring a half deleted run back
    _delete(folder, hidden)
    removal.deleted[name] = weight


def _sweep(folder: JobFolder, hidden: str, removal: Removal) -> None:
    """Ends what a killed prune began; one that is still at it goes on itself."""
    if holder_of(folder.path / hidden / RUN_LOCK):
        return
    name, at = hidden.removeprefix(PRUNED), folder.descriptor
    if folder.pinned(hidden):  # killed before the last look: the run is whole
        os.rename(hidden, name, src_dir_fd=at, dst_dir_fd=at)
        removal.pinned.append(name)
        return
    weight = folder.size(hidden)
    _delete(folder, hidden)
    removal.deleted[name] = weight


def _delete(folder: JobFolder, name: str) -> None:
    """Deletes a directory, perhaps beside another process that does the same."""
    at = folder.descriptor
    for left in reversed(range(_TRIES)):
        try:
            shutil.rmtree(name, dir_fd=at)
        except OSError as error:
            if not (left and isinstance(error, FileNotFoundError)):
                raise _undeletable(folder.path / name, error) from error
        if not os.path.lexists(folder.path / name):
            return


def _undeletable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: it cannot be deleted ({error.strerror}): check owner and mode, then "
        "prune again or delete it by hand"
    )
