"""New run directories, made exclusively and locked from their first moment.

<run.dir>/<job>/job.lock
<run.dir>/<job>/20260131T041500.000000Z-1a2b3c4d/
    job.yaml plan.json run.db run.lock
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from batchfind.capture.lock import Lock
from batchfind.capture.run_directory import (
    CAPTURE,
    JOB_FILE,
    JOB_LOCK,
    PLAN_FILE,
    RUN_LOCK,
    RunDirectory,
    holds_run,
)
from batchfind.errors import InputError, StateError, StorageError

_JOB_NAME: Final = re.compile(r"[^\x00-\x1f/\\.][^\x00-\x1f/\\]{0,127}\Z")
_SAME_MICROSECOND: Final = 100
_BEGUN: Final = frozenset(
    {RUN_LOCK, JOB_FILE, PLAN_FILE}
    | {f"{CAPTURE}.new{ending}" for ending in ("", "-journal", "-wal", "-shm")}
)
"""What a process may leave that was killed before its run.db stood."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a new run directory is made of.

    Attributes:
        base: folder of all runs, the job's `run.dir`; made when missing.
        job: name of the job.
        plan_digest: 64 hexadecimal digits.
        started: aware time.
        job_yaml: text of the job, secrets replaced.
        plan_json: the plan as `run --plan` reads it.
        exactly: this directory instead of a new one below `base`, or None; it may
            be there, empty or as a process left it that was killed while making it.
        alone: no other execution of the job runs below `base` meanwhile.
    """

    base: Path
    job: str
    plan_digest: str
    started: datetime
    job_yaml: str
    plan_json: bytes
    exactly: Path | None = None
    alone: bool = True


def create_run_directory(new: NewRun) -> RunDirectory:
    """Makes a run directory of mode 0700 and takes its locks.

    Args:
        new: names and contents.

    Returns:
        The directory with job.yaml and plan.json, mode 0600, on disk.

    Raises:
        StateError: the same job is running here, or the directory holds something.
        InputError: the base is no directory, or the job's name cannot be one.
        StorageError: nothing can be written there.
    """
    if not _JOB_NAME.match(new.job):
        raise InputError(
            f"job name {new.job!r} cannot name a directory: use letters,"
            " digits, - and _"
        )
    folder = new.base.absolute() / new.job
    _make_folder(folder)
    locks = []
    if new.alone:
        locks.append(Lock.acquire(folder / JOB_LOCK, f"job {new.job}"))
    try:
        locks.append(_make_run(new, folder))
    except BaseException:
        for lock in locks:
            lock.release()
        raise
    return RunDirectory(locks[-1].path.parent, tuple(locks))


def withdraw(directory: RunDirectory) -> None:
    """Removes a new run directory in which no capture could be made.

    One that holds a capture stays: it can be resumed.

    Args:
        directory: held by this process; its locks are released as ever.
    """
    if directory.capture.exists():
        return
    _forget(directory.path)
    _remove(directory.path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{folder}: runs cannot be kept here, for a file is in the way: "
            "name another run.dir"
        ) from error
    except OSError as error:
        raise _unwritable(folder, error) from error


def _make_run(new: NewRun, folder: Path) -> Lock:
    """Makes the directory with its files, and locks it; two runs never share one."""
    if new.exactly is None:
        path = _make_named(new, folder)
    else:
        path = new.exactly.absolute()
        _refuse_misplaced(path)
        _make_folder(path.parent)
        if not _make_exclusively(path):
            return _make_again(path, new)
    lock = None
    try:
        lock = Lock.acquire(path / RUN_LOCK, f"run {path.name}")
        _fill(path, new)
    except BaseException:
        _remove(path)
        if lock is not None:
            lock.release()
        raise
    return lock


def _make_again(path: Path, new: NewRun) -> Lock:
    """Makes a run where an empty directory stands, or one that was never finished."""
    _refuse_used(path)
    lock = Lock.acquire(path / RUN_LOCK, f"run {path.name}")
    try:
        _refuse_used(path)  # another process may have made a run meanwhile
        _make_private(path)
        _forget(path)
        _fill(path, new)
    except BaseException:
        lock.release()
        raise
    return lock


def _refuse_misplaced(path: Path) -> None:
    """Refuses a link to nothing, and a place inside another run."""
    if path.is_symlink() and not path.exists():
        raise StateError(
            f"{path}: this is a symbolic link to {path.readlink()}, which is not "
            "there: remove the link, or make the directory it names"
        )
    for parent in path.parents:
        if holds_run(parent):
            raise StateError(
                f"{path}: this is inside run {parent}, and would be deleted with it: "
                "name a directory outside of every run"
            )


def _make_private(path: Path) -> None:
    try:
        path.chmod(0o700)
    except OSError as error:
        raise _unwritable(path, error) from error


def _refuse_used(path: Path) -> None:
    """Refuses a directory with anything in it that no killed process left."""
    try:
        names = {entry.name for entry in path.iterdir()}
    except NotADirectoryError:
        raise StateError(
            f"{path}: this is no directory: name another directory"
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    if CAPTURE in names:
        raise StateError(
            f"{path}: a run exists already: `batchfind resume` continues it, or name "
            "another directory"
        )
    if strange := sorted(names - _BEGUN):
        raise StateError(
            f"{path}: it holds files that are no run's, such as {strange[0]}: name a "
            "directory that is empty, or that does not exist"
        )


def _remove(path: Path) -> None:
    """Removes a directory that holds nothing but its lock."""
    with contextlib.suppress(OSError):
        (path / RUN_LOCK).unlink(missing_ok=True)
        path.rmdir()


def _forget(path: Path) -> None:
    """Removes what was left: nothing had been asked before it was whole."""
    for name in _BEGUN - {RUN_LOCK}:
        with contextlib.suppress(OSError):
            (path / name).unlink(missing_ok=True)


def _make_named(new: NewRun, folder: Path) -> Path:
    """Makes a directory named by time and plan digest."""
    started = new.started.astimezone(UTC)
    for microseconds in range(_SAME_MICROSECOND):
        moment = started + timedelta(microseconds=microseconds)
        name = f"{moment:%Y%m%dT%H%M%S.%fZ}-{new.plan_digest[:8]}"
        if _make_exclusively(folder / name):
            return folder / name
    raise StateError(f"{folder}: other runs of this moment are here: try again")


def _make_exclusively(path: Path) -> bool:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return False
    except OSError as error:
        raise _unwritable(path, error) from error
    return True


def _fill(path: Path, new: NewRun) -> None:
    """Writes the files of a locked directory, or leaves none of them behind."""
    try:
        _write(path / JOB_FILE, new.job_yaml.encode())
        _write(path / PLAN_FILE, new.plan_json)
    except BaseException:
        _forget(path)
        raise


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path}: it cannot be written ({error.strerror}): check owner, mode and "
        "space, or name another run.dir"
    )
