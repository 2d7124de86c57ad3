"""A job that was edited since it ran, planned again as the run was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchfind.plan.model import Plan


def planned_again(
    run: Path, job_file: Path, variables: Mapping[str, str], *, plain_secrets: bool
) -> Plan:
    """The plan of a job at the clock of a run, for the queries that run had.

    Args:
        run: a run directory.
        job_file: the job as it is now.
        variables: values of `--var`.
        plain_secrets: passwords and tokens may stand in it.

    Raises:
        JobError: the job is invalid.
        UsageError: the run directory holds no plan.
    """
    from batchfind.api import load_job  # noqa: PLC0415 - lazy
    from batchfind.execution.history import plan_of  # noqa: PLC0415 - lazy
    from batchfind.planning import plan_job  # noqa: PLC0415 - lazy

    stored = plan_of(run)
    job = load_job(job_file, allow_plain_secrets=plain_secrets)
    wanted = [name for name in stored.queries if name in job.queries]
    return plan_job(
        job.model, now=stored.clock, variables=variables, select=tuple(wanted)
    )
