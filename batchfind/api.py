"""The Python door: load a job, plan it, run it, read what came.

import batchfind

job = batchfind.load_job("nightly.yaml")
result = batchfind.run(job, vars={"site": "north"})
frame = batchfind.open_run(result.run_dir).to_pandas("worklist")
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from batchfind.capture.records import Verdict
from batchfind.capture.run_directory import plain_path
from batchfind.errors import (
    BatchfindError,
    InputError,
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
from batchfind.planning import as_argument, plan_job

if TYPE_CHECKING:
    from pandas import DataFrame

    from batchfind.execution.run import RunOptions
    from batchfind.execution.secret_sources import Ask

__all__ = [
    "BatchfindError",
    "ExitCode",
    "InputError",
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
        return MappingProxyType(dict(self.model.queries))

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
        select: str | Sequence[str] = (),
        out: str | Path | None = None,
    ) -> Plan:
        """Every request the job means, fully resolved.

        Args:
            now: the plan's clock, as a datetime or in ISO 8601; without an offset it
                is local to the job's timezone. None is the present moment.
            vars: values that override the job's `vars`.
            select: name of the query to plan, or several; empty means all.
            out: base of relative output paths; None is the folder of the job.

        Raises:
            JobError: with every problem of the job's files and rendered values.
            UsageError: an argument is not what it has to be.
        """
        try:
            return plan_job(self.model, now=now, variables=vars, select=select, out=out)
        except JobError as error:
            raise JobError(map(as_argument, error.problems)) from error


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
        """Every request in plan order, each piece after what it was cut from."""
        return self.result.requests

    @property
    def roots(self) -> tuple[RequestReport, ...]:
        """The requests that are no pieces of others; their verdicts count."""
        return self.result.roots

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
        from batchfind.execution import answer_table  # noqa: PLC0415 - lazy

        return answer_table.read_answers(self.run_dir, query)

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


def load_job(path: str | Path, *, allow_plain_secrets: bool = False) -> Job:
    """Load and validate a job file with everything it includes.

    Args:
        path: the job file.
        allow_plain_secrets: passwords and tokens may stand in it, instead of where
            to find them; they are kept in memory only.

    Raises:
        JobError: with every problem of the file, at `file:line:column`.
    """
    from batchfind.job import loader  # noqa: PLC0415 - YAML and schema are slow

    return Job(
        loader.load_job(
            Path(path), plain_secrets=allow_plain_secrets, environment=os.environ
        )
    )


def run(  # noqa: PLR0913 - all but one are optional and named
    job: Job | Plan | str | Path,
    *,
    now: datetime | str | None = None,
    vars: Mapping[str, str] | None = None,  # noqa: A002 - the job file's word
    select: str | Sequence[str] = (),
    out: str | Path | None = None,
    run_dir: str | Path | None = None,
    observers: Sequence[Observer] = (),
    ask: Ask | None = None,
) -> RunResult:
    """Run a job, a plan, or the job in a file, and wait for its end.

    A request that fails is no exception: look at `RunResult.exit_code`. The
    arguments are those of `arun`.

    Raises:
        RuntimeError: an event loop runs in this thread; await `arun` there.
    """
    import asyncio  # noqa: PLC0415 - `validate` and `plan` need no event loop

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("an event loop is running here: use await batchfind.arun()")
    place = None if run_dir is None else plain_path(run_dir)
    plan, text = _prepare(job, now, vars, select, out, place)
    options = _options(plan, text, place, ask)
    return asyncio.run(_run(plan, options, observers))


async def arun(  # noqa: PLR0913 - as above
    job: Job | Plan | str | Path,
    *,
    now: datetime | str | None = None,
    vars: Mapping[str, str] | None = None,  # noqa: A002 - the job file's word
    select: str | Sequence[str] = (),
    out: str | Path | None = None,
    run_dir: str | Path | None = None,
    observers: Sequence[Observer] = (),
    ask: Ask | None = None,
) -> RunResult:
    """Run a job, a plan, or the job in a file.

    Args:
        job: what to run; with a plan, `now`, `vars`, `select` and `out` must be left
            out, since it is already resolved.
        now: clock of the plan, as in `Job.plan`; None is that of the run in `run_dir`
            if one is there.
        vars: values that override the job's `vars`.
        select: name of the query to ask, or several; empty means all.
        out: base of relative output paths; None is the folder of the job.
        run_dir: exactly this run directory; None makes a new one. A run that is in
            it already goes on: what has no whole answer is asked again, and the
            outputs of `job` are published.
        observers: called with every event of the run, on the event loop; one with
            a coroutine method `responses` is shown every response as well.
        ask: gives the secrets that the job says are asked for, each once, before the
            run begins; called with a question, in a thread. None: there is nobody.

    Raises:
        JobError: the job is invalid, or a secret or a certificate cannot be read;
            nothing was asked.
        UsageError: arguments that contradict each other.
        StateError: the run directory, or the job, is in use by another process; or
            the run in it asked something else.
        StorageError: the run directory cannot be made or read, or a newer run has
            published an output.
    """
    import asyncio  # noqa: PLC0415 - as above

    place = None if run_dir is None else plain_path(run_dir)
    plan, text = await asyncio.to_thread(_prepare, job, now, vars, select, out, place)
    options = await asyncio.to_thread(_options, plan, text, place, ask)
    return await _run(plan, options, observers)


def open_run(run: str | Path = "latest") -> Run:
    """Open a finished or interrupted run for reading.

    Args:
        run: path of a run directory, a run id, or `latest`.

    Raises:
        UsageError: there is no such run.
        StorageError: its capture cannot be read.
    """
    from batchfind.capture.run_directory import find_run  # noqa: PLC0415 - lazy
    from batchfind.execution.status import run_status  # noqa: PLC0415 - lazy

    return Run(run_status(find_run(str(run), os.environ)))


def _prepare(
    job: Job | Plan | str | Path,
    now: datetime | str | None,
    variables: Mapping[str, str] | None,
    select: str | Sequence[str],
    out: str | Path | None,
    run_dir: Path | None,
) -> tuple[Plan, str]:
    """The plan to run, and the text of its job or nothing."""
    if isinstance(job, Plan):
        if now is not None or variables or select or out is not None:
            raise UsageError("a plan is resolved: now, vars, select and out need a job")
        return job, ""
    loaded = job if isinstance(job, Job) else load_job(job)
    if now is None:
        from batchfind.execution.history import clock_of  # noqa: PLC0415 - lazy

        now = clock_of(run_dir)
    plan = loaded.plan(now=now, vars=variables, select=select, out=out)
    return plan, loaded.model.text


def _options(
    plan: Plan, text: str, run_dir: Path | None, ask: Ask | None
) -> RunOptions:
    """Everything a run needs besides its plan, secrets included."""
    from batchfind.execution.run import options_of  # noqa: PLC0415 - lazy

    return options_of(plan, text, run_dir, ask)


async def _run(
    plan: Plan, options: RunOptions, observers: Sequence[Observer]
) -> RunResult:
    from batchfind.execution.run import run_plan  # noqa: PLC0415 - lazy

    return await run_plan(plan, options, observers)
