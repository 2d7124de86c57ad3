"""The Python door: load a job, plan it, run it, read what came.

import batchfind

job = batchfind.load_job("nightly.yaml")
result = batchfind.run(job, vars={"site": "north"})
frame = batchfind.open_run(result.run_dir).to_pandas("worklist")
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from batchfind.capture.records import Verdict
from batchfind.errors import (
    BatchfindError,
    JobError,
    Problem,
    StateError,
    StorageError,
    UsageError,
)
from batchfind.execution.progress import Observer
from batchfind.execution.results import (
    ExitCode,
    OutputReport,
    RequestReport,
    RunResult,
)
from batchfind.job.model import Job as WrittenJob
from batchfind.job.model import Peer, Query
from batchfind.plan.model import Plan

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "BatchfindError",
    "ExitCode",
    "Job",
    "JobError",
    "Plan",
    "Run",
    "RunResult",
    "StateError",
    "StorageError",
    "UsageError",
    "Verdict",
    "arun",
    "load_job",
    "open_run",
    "run",
]


@dataclass(frozen=True, slots=True)
class Job:
    """A loaded job.

    Attributes:
        model: the job as written, validated and frozen.
    """

    model: WrittenJob

    @property
    def name(self) -> str:
        """The job's name."""
        return self.model.name

    @property
    def queries(self) -> Mapping[str, Query]:
        """Query name to query, in the order written."""
        return self.model.queries

    @property
    def peers(self) -> Mapping[str, Peer]:
        """Peer name to peer, in the order written."""
        return self.model.peers

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Problems of the file that do not stop the job."""
        return self.model.warnings

    def plan(
        self,
        *,
        now: datetime | str | None = None,
        vars: Mapping[str, str] | None = None,  # noqa: A002 - the job file's word
        select: Sequence[str] = (),
        out: str | Path | None = None,
    ) -> Plan:
        """Every request the job means, fully resolved.

        Args:
            now: the plan's clock, as a datetime or in ISO 8601; without an offset it
                is local to the job's timezone. None is the present moment.
            vars: values that override the job's `vars`.
            select: queries to plan; empty means all.
            out: base of relative output paths; None is the folder of the job.

        Raises:
            JobError: with every problem of the job's files and rendered values.
            UsageError: `now` is no date and time.
        """
        from batchfind.job.inputs import read_inputs  # noqa: PLC0415 - lazy
        from batchfind.plan.expand import expand  # noqa: PLC0415 - lazy

        return expand(
            self.model,
            read_inputs(self.model),
            clock=_clock(now, self.model.timezone),
            variables=dict(vars or {}),
            environment=dict(os.environ),
            select=tuple(select),
            out=_absolute(out),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its run directory tells it."""

    result: RunResult

    @property
    def run_dir(self) -> Path:
        """Absolute path of the run directory."""
        return self.result.run_dir

    @property
    def requests(self) -> tuple[RequestReport, ...]:
        """Every request in plan order, with its verdict."""
        return self.result.requests

    @property
    def outputs(self) -> tuple[OutputReport, ...]:
        """Every output, published or withheld."""
        return self.result.outputs

    @property
    def exit_code(self) -> ExitCode:
        """What `batchfind run` ended with."""
        return self.result.exit_code

    def to_arrow(self, query: str | None = None) -> Any:
        """All rows of a query as a `pyarrow.Table`, typed and with provenance.

        Args:
            query: its name; None is the run's only query.

        Raises:
            UsageError: the run has no such query, or several and none is named.
            StorageError: the capture cannot be read.
        """
        from batchfind.execution.answers import read_answers  # noqa: PLC0415 - lazy

        return read_answers(self.run_dir, query)

    def to_pandas(self, query: str | None = None) -> DataFrame:
        """All rows of a query as a pandas DataFrame; see `to_arrow`.

        Integers stay integers where values are missing: they use pandas' nullable
        types.
        """
        import pandas  # noqa: ICN001, PLC0415 - the only place that needs it

        nullable = {
            name.lower(): pandas.api.types.pandas_dtype(name)
            for name in ("Int16", "Int32", "Int64", "UInt16", "UInt32", "UInt64")
        }
        table = self.to_arrow(query)
        frame: DataFrame = table.to_pandas(
            types_mapper=lambda kind: nullable.get(str(kind))
        )
        return frame


def load_job(path: str | Path) -> Job:
    """Load and validate a job file with everything it includes.

    Raises:
        JobError: with every problem of the file, at `file:line:column`.
    """
    from batchfind.job import loader  # noqa: PLC0415 - YAML and schema are slow

    return Job(loader.load_job(Path(path)))


def run(
    job: Job | Plan | str | Path,
    *,
    now: datetime | str | None = None,
    vars: Mapping[str, str] | None = None,  # noqa: A002 - the job file's word
    select: Sequence[str] = (),
    out: str | Path | None = None,
    run_dir: str | Path | None = None,
    observers: Sequence[Observer] = (),
) -> RunResult:
    """Run a job, a plan, or the job in a file, and wait for its end.

    A request that fails is no exception: look at `RunResult.exit_code`. The
    arguments are those of `arun`.

    Raises:
        RuntimeError: an event loop runs in this thread; await `arun` there.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("an event loop is running here: use await batchfind.arun()")
    prepared = _prepare(job, now, vars, select, out)
    return asyncio.run(_run(*prepared, run_dir, observers))


async def arun(
    job: Job | Plan | str | Path,
    *,
    now: datetime | str | None = None,
    vars: Mapping[str, str] | None = None,  # noqa: A002 - the job file's word
    select: Sequence[str] = (),
    out: str | Path | None = None,
    run_dir: str | Path | None = None,
    observers: Sequence[Observer] = (),
) -> RunResult:
    """Run a job, a plan, or the job in a file.

    Args:
        job: what to run; with a plan, `now`, `vars`, `select` and `out` must be left
            out, since it is already resolved.
        now: clock of the plan, as in `Job.plan`.
        vars: values that override the job's `vars`.
        select: queries to ask; empty means all.
        out: base of relative output paths; None is the folder of the job.
        run_dir: exactly this run directory; None makes a new one.
        observers: called with every event of the run, on the event loop.

    Raises:
        JobError: the job is invalid; nothing was asked.
        UsageError: arguments that contradict each other.
        StateError: the run directory is locked or belongs to another plan.
        StorageError: the run directory cannot be made.
    """
    prepared = await asyncio.to_thread(_prepare, job, now, vars, select, out)
    return await _run(*prepared, run_dir, observers)


def open_run(run: str | Path = "latest") -> Run:
    """Open a finished or interrupted run for reading.

    Args:
        run: path of a run directory, a run id, or `latest`.

    Raises:
        StateError: there is no such run.
        StorageError: its capture cannot be read.
    """
    from batchfind.capture.run_directory import find_run  # noqa: PLC0415 - lazy
    from batchfind.execution.status import run_status  # noqa: PLC0415 - lazy

    return Run(run_status(find_run(str(run), os.environ)))


def _prepare(
    job: Job | Plan | str | Path,
    now: datetime | str | None,
    variables: Mapping[str, str] | None,
    select: Sequence[str],
    out: str | Path | None,
) -> tuple[Plan, str]:
    """The plan to run, and the text of its job or nothing."""
    if isinstance(job, Plan):
        if now is not None or variables or select or out is not None:
            raise UsageError("a plan is resolved: now, vars, select and out need a job")
        return job, ""
    loaded = job if isinstance(job, Job) else load_job(job)
    plan = loaded.plan(now=now, vars=variables, select=select, out=out)
    return plan, loaded.model.text


async def _run(
    plan: Plan, text: str, run_dir: str | Path | None, observers: Sequence[Observer]
) -> RunResult:
    from batchfind.execution.run import RunOptions, run_plan  # noqa: PLC0415 - lazy

    options = RunOptions(job_text=text, run_dir=_absolute(run_dir))
    return await run_plan(plan, options, observers)


def _absolute(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).absolute()


def _clock(now: datetime | str | None, timezone: str | None) -> datetime:
    if now is None:
        return datetime.now(UTC)
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
