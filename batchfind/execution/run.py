"""Executes a plan in a new run directory, or goes on with one that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from batchfind import __version__
from batchfind.capture.journal import Journal
from batchfind.capture.new_run import NewRun, create_run_directory
from batchfind.capture.reader import open_capture
from batchfind.capture.run_directory import (
    CAPTURE,
    reopen_run_directory,
)
from batchfind.execution.answers import Answers
from batchfind.execution.audience import Audience
from batchfind.execution.credentials import Credentials
from batchfind.execution.forest import Forest
from batchfind.execution.growing import Grower, can_grow
from batchfind.execution.history import (
    plan_of,
)
from batchfind.execution.progress import (
    Observer,
)
from batchfind.execution.publisher import publisher_of
from batchfind.execution.remaining import left_of
from batchfind.execution.results import RunResult
from batchfind.execution.targets import check_targets
from batchfind.execution.under_way import RunUnderWay
from batchfind.plan.codec import dumps
from batchfind.plan.model import Plan, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run needs besides its plan.

    Attributes:
        job_text: the job file, for the copy in the run directory.
        run_dir: this run directory exactly; None makes one below the job's.
        credentials: of its peers; None reads them without asking anybody.
    """

    job_text: str
    run_dir: Path | None = None
    credentials: Credentials | None = None


async def run_plan(
    plan: Plan,
    options: RunOptions,
    observers: Sequence[Observer] = (),
    *,
    interrupt: asyncio.Event | None = None,
) -> RunResult:
    """Executes a plan in a new run directory.

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
        StateError: the run directory exists, or the job is running elsewhere.
        StorageError: the run directory cannot be made.
    """
    await asyncio.to_thread(check_targets, plan, None, options.run_dir)
    credentials = options.credentials or await _credentials(plan, None)
    started = datetime.now(UTC)
    new = NewRun(
        base=Path(plan.policy.directory),
        job=plan.job,
        plan_digest=plan.digest,
        started=started,
        job_yaml=options.job_text,
        plan_json=dumps(plan).encode(),
        exactly=options.run_dir,
    )
    with create_run_directory(new) as directory:
        meta = {
            "version": __version__,
            "run_id": directory.run_id,
            "started": started.isoformat(timespec="microseconds"),
        }
        publisher = publisher_of(directory.run_id, meta)
        journal = await Journal.create(directory.capture, meta, plan)
        audience = Audience(observers)
        grower = Grower(Forest(plan), directory.capture) if can_grow(plan) else None
        run = RunUnderWay(
            plan, directory, journal, publisher, audience, interrupt, grower
        )
        return await run.execute(plan.requests, credentials)


async def resume_run(
    run_dir: Path,
    observers: Sequence[Observer] = (),
    *,
    interrupt: asyncio.Event | None = None,
    force: bool = False,
    credentials: Credentials | None = None,
) -> RunResult:
    """Asks again what a run left failed, partial, skipped or unasked.

    Args:
        run_dir: a run directory; its stored plan is what counts.
        observers: as for `run_plan`.
        interrupt: as for `run_plan`.
        force: replace also what a newer run has published.
        credentials: of the peers that `remaining` names; None reads them without
            asking anybody.

    Returns:
        The state of the whole run, requests answered earlier included.

    Raises:
        UsageError: it is no run directory.
        StateError: another process holds it.
        StorageError: it cannot be read or written, or a newer run has published one
            of its outputs.
        JobError: its plan is damaged, an output cannot be written any more, or a
            secret or a certificate cannot be read.
    """
    with reopen_run_directory(run_dir) as directory:
        plan = plan_of(directory.path)
        with open_capture(directory.capture) as capture:
            publisher = publisher_of(directory.run_id, capture.meta, guarded=not force)
            await asyncio.to_thread(check_targets, plan, publisher)
            answers = Answers(plan, capture)
            left, born = left_of(answers), answers.forest.born
        credentials = credentials or await _credentials(plan, left.reach)
        journal = await Journal.reopen(directory.capture)
        audience = Audience(observers)
        run = RunUnderWay(
            plan, directory, journal, publisher, audience, interrupt, left.grower
        )
        return await run.execute(left.requests, credentials, born)


def remaining(run_dir: Path) -> tuple[Plan, tuple[Request, ...]]:
    """A run's plan, and requests whose peers `resume_run` may ask.

    Raises:
        UsageError: it is no run directory.
        StorageError: it cannot be read.
        JobError: its plan is damaged.
    """
    plan = plan_of(run_dir)
    with open_capture(run_dir / CAPTURE) as capture:
        return plan, left_of(Answers(plan, capture)).reach


async def _credentials(plan: Plan, requests: Sequence[Request] | None) -> Credentials:
    return await asyncio.to_thread(Credentials.load, plan, None, requests)
