"""Goes on with a run that is there, under the plan it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.run_directory import (
    CAPTURE,
    RunDirectory,
    reopen_run_directory,
)
from batchfind.errors import StorageError
from batchfind.execution.again import transport_changes
from batchfind.execution.answers import Answers
from batchfind.execution.audience import Audience
from batchfind.execution.credentials import Credentials
from batchfind.execution.keeping import keep_runs
from batchfind.execution.publisher import publisher_of
from batchfind.execution.remaining import left_of
from batchfind.execution.results import RunResult
from batchfind.execution.targets import check_targets
from batchfind.execution.under_way import RunUnderWay
from batchfind.plan.model import Plan, Request


@dataclass(frozen=True, slots=True)
class GoingOn:
    """A run that goes on.

    Attributes:
        stored: the plan it began with.
        plan: which asks the same, of peers that may be reached otherwise.
        force: replace also what a newer run has published.
    """

    run_dir: Path
    stored: Plan
    plan: Plan
    force: bool

    async def execute(
        self,
        credentials: Credentials | None,
        audience: Audience,
        interrupt: asyncio.Event | None,
    ) -> RunResult:
        """Asks again what is failed, partial, skipped or unasked; then publishes.

        Args:
            credentials: of the peers of `reach_of`; None reads them.
            audience: is told of progress.
            interrupt: as for `run_plan`.
        """
        plan = self.plan
        folder, alone = Path(plan.policy.directory) / plan.job, not plan.policy.overlap
        with reopen_run_directory(self.run_dir, folder, alone=alone) as directory:
            with open_capture(directory.capture) as capture:
                publisher = publisher_of(
                    directory.run_id, capture.meta, guarded=not self.force
                )
                await asyncio.to_thread(check_targets, plan, publisher, self.run_dir)
                answers = Answers(plan, capture)
                left, born = left_of(answers), answers.forest.born
            credentials = credentials or await credentials_of(plan, left.reach)
            run = RunUnderWay(
                *(plan, directory, await self._journal(directory), publisher),
                *(audience, interrupt, left.grower),
            )
            result = await run.execute(left.requests, credentials, born)
            return await keep_runs(result, plan, interrupt)

    async def _journal(self, directory: RunDirectory) -> Journal:
        """The journal, in which stands how peers are reached otherwise now."""
        journal = await Journal.reopen(directory.capture)
        changes = transport_changes(self.stored, self.plan)
        with suppress(StorageError):  # whoever writes next meets it, too, and tells
            if changes:
                journal.event("transport", {"job": self.plan.job_path, **changes})
        return journal


def reach_of(run_dir: Path, plan: Plan) -> tuple[Request, ...]:
    """The requests of a run whose peers may be asked when it goes on."""
    with open_capture(run_dir / CAPTURE) as capture:
        return left_of(Answers(plan, capture)).reach


async def credentials_of(plan: Plan, requests: Sequence[Request] | None) -> Credentials:
    """Credentials that are read without asking anybody."""
    return await asyncio.to_thread(Credentials.load, plan, None, requests)
