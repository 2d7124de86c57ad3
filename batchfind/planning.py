"""From a loaded job and what a caller says about it to a plan.

The command line gives texts, Python also values: both are read here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from batchfind.capture.run_directory import plain_path
from batchfind.errors import Problem, UsageError
from batchfind.job.model import Job
from batchfind.plan.model import Plan


def plan_job(
    job: Job,
    *,
    now: datetime | str | None = None,
    variables: Mapping[str, str] | None = None,
    select: str | Sequence[str] = (),
    out: str | Path | None = None,
) -> Plan:
    """Every request a job means, fully resolved.

    Args:
        job: as loaded.
        now: the plan's clock, as a datetime or in ISO 8601; without an offset it is
            local to the job's timezone. None is the present moment.
        variables: values that override the job's `vars`.
        select: name of the query to plan, or several; empty means all.
        out: base of relative output paths; None is the folder of the job.

    Raises:
        JobError: with every problem of the job's files and rendered values; those of
            options are told as the command line has them, such as `--now`.
        UsageError: an argument is not what it has to be.
    """
    from batchfind.job.inputs import read_inputs  # noqa: PLC0415 - lazy
    from batchfind.plan.expand import expand  # noqa: PLC0415 - lazy

    return expand(
        job,
        read_inputs(job),
        clock=_clock(now, job.timezone),
        variables=_texts(variables or {}),
        environment=dict(os.environ),
        select=_names(select),
        out=None if out is None else plain_path(out),
    )


def as_argument(problem: Problem) -> Problem:
    """A problem of a command line option, told of the argument it stands for."""
    if not problem.path.startswith("--"):
        return problem
    option, _, name = problem.path[2:].partition(" ")
    return replace(problem, path=f"vars[{name!r}]" if name else option)


def _names(select: str | Sequence[str]) -> tuple[str, ...]:
    names = (select,) if isinstance(select, str) else tuple(select)
    for name in names:
        if not isinstance(name, str):
            raise UsageError(f"select takes names of queries, not {name!r}")
    return names


def _texts(variables: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(variables, Mapping):
        raise UsageError("vars is a mapping of names to texts")
    for name, value in variables.items():
        if not (isinstance(name, str) and isinstance(value, str)):
            kind = type(value).__name__
            raise UsageError(
                f"vars maps names to texts: {name!r} is of type {kind}; write str(...)"
            )
    return dict(variables)


def _clock(now: datetime | str | None, timezone: str | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
    if not isinstance(now, str | datetime):
        raise UsageError(f"now is a datetime or ISO 8601 text, not {now!r}")
    if isinstance(now, str):
        try:
            now = datetime.fromisoformat(now)
        except ValueError as error:
            raise UsageError(
                f"{now!r} is no ISO 8601 date and time, such as 2026-01-31T18:00"
            ) from error
    if now.tzinfo is not None:
        return now
    return now.replace(tzinfo=ZoneInfo(timezone)) if timezone else now.astimezone()
