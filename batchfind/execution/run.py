"""Executes a plan in a new run directory, or goes on with one that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from batchfind import __version__
from batchfind.capture.journal import Journal
from batchfind.capture.new_run import NewRun, create_run_directory, withdraw
from batchfind.capture.run_directory import (
    holds_run,
    reopen_run_directory,
)
from batchfind.errors import StorageError
from batchfind.execution.again import refuse_other, with_transport
from batchfind.execution.audience import Audience
from batchfind.execution.credentials import Credentials
from batchfind.execution.forest import Forest
from batchfind.execution.going_on import GoingOn, credentials_of, reach_of
from batchfind.execution.growing import Grower, can_grow
from batchfind.execution.history import (
    plan_of,
)
from batchfind.execution.keeping import keep_runs
from batchfind.execution.progress import (
    Observer,
)
from batchfind.execution.publisher import publisher_of
from batchfind.execution.results import RunResult
from batchfind.execution.secret_sources import Ask
from batchfind.execution.targets import check_targets
from batchfind.execution.under_way import RunUnderWay
from batchfind.plan.codec import dumps
from batchfind.plan.model import Plan, Request

_SAME_OR_ELSEWHERE: Final = (
    "give what its first execution was given (--var, --now, --select), or name another "
    "run directory"
)
_SAME_OR_ANEW: Final = "give the --var that the run was given, or run the job anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run needs besides its plan.

    Attributes:
        job_text: the job file, for the copy in the run directory.
        run_dir: this run directory exactly; None makes one below the job's.
        credentials: of its peers; None reads them without asking anybody.
        force: replace also what a newer run has published, where the run goes on.
    """

    job_text: str
    run_dir: Path | None = None
    credentials: Credentials | None = None
    force: bool = False


def options_of(
    plan: Plan,
    job_text: str,
    run_dir: Path | None = None,
    ask: Ask | None = None,
    *,
    force: bool = False,
) -> RunOptions:
    """What `run_plan` needs, with the secrets of every peer that will be asked.

    Args:
        plan: what to ask.
        job_text: as in `RunOptions`.
        run_dir: as in `RunOptions`.
        ask: asks for secrets that a person has to give, each once.
        force: as in `RunOptions`.

    Raises:
        StateError: the run directory holds a run that asks something else.
        JobError: a secret or a certificate cannot be read.
        StorageError: the run that is there cannot be read, or its plan.
    """
    requests: tuple[Request, ...] | None = None
    if run_dir is not None and holds_run(run_dir):
        refuse_other(plan_of(run_dir), plan, run_dir, _SAME_OR_ELSEWHERE)
        secretive = any(one.tls or one.identity for one in plan.peers.values())
        requests = reach_of(run_dir, plan) if secretive else ()
    return RunOptions(
        job_text=job_text,
        run_dir=run_dir,
        credentials=Credentials.load(plan, ask, requests),
        force=force,
    )


async def run_plan(
    plan: Plan,
    options: RunOptions,
    observers: Sequence[Observer] = (),
    *,
    interrupt: asyncio.Event | None = None,
) -> RunResult:
    """Executes a plan in a new run directory, or goes on with the run in a given one.

    A run that goes on asks again what is failed, partial, skipped or unasked, and
    publishes the outputs of this plan; what stands in its directory stays.

    Args:
        plan: what to ask.
        options: copy of the job, and where to keep the run.
        observers: are told of progress on the event loop.
        interrupt: set it to end the run: C-FINDs are cancelled, what came is kept.

    Returns:
        How it ended; failures of peers and outputs are part of the result.

    Raises:
        JobError: an output cannot be written where the job wants it, or a secret or
            a certificate cannot be read.
        StateError: the run in the directory asks something else, the directory holds
            other files, or the run or its job is executed by another process.
        StorageError: the run directory cannot be made or read, or a newer run has
            published one of the outputs.
    """
    if options.run_dir is not None and holds_run(options.run_dir):
        stored = plan_of(options.run_dir)
        refuse_other(stored, plan, options.run_dir, _SAME_OR_ELSEWHERE)
        going = GoingOn(options.run_dir, stored, plan, options.force)
        return await going.execute(options.credentials, Audience(observers), interrupt)
    return await _begin(plan, options, Audience(observers), interrupt)


async def _begin(
    plan: Plan,
    options: RunOptions,
    audience: Audience,
    interrupt: asyncio.Event | None,
) -> RunResult:
    await asyncio.to_thread(check_targets, plan, None, options.run_dir)
    credentials = options.credentials or await credentials_of(plan, None)
    started = datetime.now(UTC)
    alone = not plan.policy.overlap
    new = NewRun(
        base=Path(plan.policy.directory),
        job=plan.job,
        plan_digest=plan.digest,
        started=started,
        job_yaml=options.job_text,
        plan_json=dumps(plan).encode(),
        exactly=options.run_dir,
        alone=alone,
    )
    with create_run_directory(new) as directory:
        meta = {
            "version": __version__,
            "run_id": directory.run_id,
            "started": started.isoformat(timespec="microseconds"),
        }
        # Beside others a run may end after one that began later.
        publisher = publisher_of(directory.run_id, meta, guarded=not alone)
        try:
            journal = await Journal.create(directory.capture, meta, plan)
        except StorageError:
            withdraw(directory)
            raise
        grower = Grower(Forest(plan), directory.capture) if can_grow(plan) else None
        run = RunUnderWay(
            plan, directory, journal, publisher, audience, interrupt, grower
        )
        result = await run.execute(plan.requests, credentials)
        return await keep_runs(result, plan, interrupt)


async def resume_run(
    run_dir: Path,
    observers: Sequence[Observer] = (),
    *,
    interrupt: asyncio.Event | None = None,
    force: bool = False,
    credentials: Credentials | None = None,
    edited: Plan | None = None,
) -> RunResult:
    """Asks again what a run left failed, partial, skipped or unasked.

    Args:
        run_dir: a run directory; its stored plan is what counts.
        observers: as for `run_plan`.
        interrupt: as for `run_plan`.
        force: replace also what a newer run has published.
        credentials: of the peers that `remaining` names; None reads them without
            asking anybody.
        edited: plan of the job as it is now, whose peers are reached as it says; it
            must ask what the run asked.

    Returns:
        The state of the whole run, requests answered earlier included.

    Raises:
        UsageError: it is no run directory.
        StateError: another process holds it, or `edited` asks something else.
        StorageError: it cannot be read or written, or a newer run has published one
            of its outputs.
        JobError: an output cannot be written any more, or a
            secret or a certificate cannot be read.
    """
    if not holds_run(run_dir):
        reopen_run_directory(run_dir)  # says so
    stored = plan_of(run_dir)
    going = GoingOn(run_dir, stored, _moved(stored, edited, run_dir), force)
    return await going.execute(credentials, Audience(observers), interrupt)


def remaining(
    run_dir: Path, edited: Plan | None = None
) -> tuple[Plan, tuple[Request, ...]]:
    """A run's plan, and requests whose peers `resume_run` may ask.

    Args:
        run_dir: a run directory.
        edited: as for `resume_run`.

    Raises:
        UsageError: it is no run directory.
        StateError: `edited` asks something else.
        StorageError: it cannot be read, or its plan is damaged.
    """
    plan = _moved(plan_of(run_dir), edited, run_dir)
    return plan, reach_of(run_dir, plan)


def _moved(stored: Plan, edited: Plan | None, run_dir: Path) -> Plan:
    if edited is None:
        return stored
    refuse_other(stored, edited, run_dir, _SAME_OR_ANEW)
    return with_transport(stored, edited)
