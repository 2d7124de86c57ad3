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
from batchfind.capture.run_directory import JOB_LOCK, RUN_LOCK, RunDirectory
from batchfind.errors import InputError, StateError, StorageError

_JOB_NAME: Final = re.compile(r"[^\x00-\x1f/\\.][^\x00-\x1f/\\]{0,127}\Z")
_SAME_MICROSECOND: Final = 100


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
        exactly: this directory instead of a new one below `base`, or None.
    """

    base: Path
    job: str
    plan_digest: str
    started: datetime
    job_yaml: str
    plan_json: bytes
    exactly: Path | None = None


def create_run_directory(new: NewRun) -> RunDirectory:
    """Makes a run directory of mode 0700 and takes its locks.

    Args:
        new: names and contents.

    Returns:
        The directory with job.yaml and plan.json, mode 0600, on disk.

    Raises:
        StateError: the same job is running here, or the directory exists.
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
    job_lock = Lock.acquire(folder / JOB_LOCK, f"job {new.job}")
    try:
        path = _make_run(new, folder)
        run_lock = _fill(path, new)
    except BaseException:
        job_lock.release()
        raise
    return RunDirectory(path, (job_lock, run_lock))


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


def _make_run(new: NewRun, folder: Path) -> Path:
    """Makes the directory; two runs never share one."""
    if new.exactly is not None:
        path = new.exactly.absolute()
        _make_folder(path.parent)
        if not _make_exclusively(path):
            raise StateError(
                f"{path}: it exists already: `batchfind resume` continues a run, or "
                "name another directory"
            )
        return path
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


def _fill(path: Path, new: NewRun) -> Lock:
    """Locks the new directory and writes its files, or leaves nothing behind."""
    lock = None
    try:
        lock = Lock.acquire(path / RUN_LOCK, f"run {path.name}")
        _write(path / "job.yaml", new.job_yaml.encode())
        _write(path / "plan.json", new.plan_json)
    except BaseException:
        for name in ("plan.json", "job.yaml", RUN_LOCK):
            with contextlib.suppress(OSError):
                (path / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            path.rmdir()
        if lock is not None:
            lock.release()
        raise
    return lock


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
