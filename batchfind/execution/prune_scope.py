"""Which folders of runs `batchfind prune` means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchfind.capture.job_folder import started_of
from batchfind.capture.run_directory import (
    CAPTURE,
    JOB_LOCK,
    PRUNED,
    RUNS_DEFAULT,
    RUNS_VARIABLE,
    plain_path,
)
from batchfind.errors import StorageError, UsageError
from batchfind.job.loader import load_job
from batchfind.job.model import Keep
from batchfind.plan.run_folder import runs_folder


@dataclass(frozen=True, slots=True)
class PruneScope:
    """Where to prune.

    Attributes:
        folders: absolute, each with the runs of one job.
        keep: what the job says that was named; else no bound.
    """

    folders: tuple[Path, ...]
    keep: Keep = field(default_factory=Keep)


def prune_scope(argument: str | None, environment: Mapping[str, str]) -> PruneScope:
    """The folders that an argument of `prune` means.

    Args:
        argument: a job file; a folder of runs, or of the runs of one job; the name
            of a job below $BATCHFIND_RUNS, else ./runs; None means all jobs there.
        environment: of the process.

    Raises:
        UsageError: it means nothing that is there, or one run.
        JobError: the job is invalid.
        StorageError: a folder cannot be read.
    """
    base = plain_path(environment.get(RUNS_VARIABLE) or RUNS_DEFAULT)
    if argument is None:
        return PruneScope(_folders_at(base))
    path = plain_path(argument)
    if path.is_file():
        return _of_job(path, environment)
    is_name = os.sep not in argument and argument not in {"", ".", ".."}
    if is_name and (base / argument).is_dir():
        path = base / argument
    if not path.exists():
        raise UsageError(_nothing(argument, path, base, is_name=is_name))
    return PruneScope(_folders_at(path))


def _nothing(argument: str, path: Path, base: Path, *, is_name: bool) -> str:
    """What to say when nothing of that name is there."""
    begin = f"{path}: no such file or folder"
    if is_name:
        begin += f", and no job of that name below {base}"
    hint = (
        "prune takes no single run"
        if argument == "latest"
        else f"name a job file, a folder of runs or a job, or set {RUNS_VARIABLE}"
    )
    return f"{begin}: {hint}"


def _of_job(path: Path, environment: Mapping[str, str]) -> PruneScope:
    """The runs of a job file; none when it never ran."""
    if path.name == CAPTURE:
        raise UsageError(_one_run(path.parent))
    job = load_job(path, plain_secrets=True, environment=environment)
    folder = runs_folder(job, environment) / job.name
    folders = (folder,) if os.path.lexists(folder) else ()
    return PruneScope(folders, job.run.keep)


def _folders_at(path: Path) -> tuple[Path, ...]:
    if (path / CAPTURE).is_file():
        raise UsageError(_one_run(path))
    if _holds_runs(path):
        if path.is_symlink():
            raise UsageError(
                f"{path}: this is a symbolic link, which prune never follows: name "
                "the folder it points to"
            )
        return (path,)
    found = [
        path / name
        for name in _directories(path)
        if not name.startswith(".") and _readable_runs(path / name)
    ]
    if not found:
        raise UsageError(
            f"{path}: there are no runs here: name a job file, a folder of runs or a "
            f"job, or set {RUNS_VARIABLE}"
        )
    return tuple(found)


def _readable_runs(path: Path) -> bool:
    """Whether it holds runs; one that cannot be read may, and is told of later."""
    try:
        return _holds_runs(path)
    except StorageError:
        return True


def _holds_runs(path: Path) -> bool:
    """Whether the runs of one job are here, or once were."""
    return (path / JOB_LOCK).is_file() or any(
        started_of(name.removeprefix(PRUNED)) is not None for name in _directories(path)
    )


def _directories(path: Path) -> list[str]:
    """Names of what is a directory in one, no link; a missing one has none."""
    try:
        with os.scandir(path) as entries:
            found = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(
            f"{path}: it cannot be read ({error.strerror}): check owner and mode"
        ) from error
    return sorted(found)


def _one_run(path: Path) -> str:
    return (
        f"{path}: this is one run; prune takes a job, or a folder of runs: delete the "
        "directory to delete that run alone"
    )
