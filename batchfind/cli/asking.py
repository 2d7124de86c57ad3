"""`validate` and `plan`: what a job means, before it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from batchfind.cli import console
from batchfind.cli.failures import problem_json
from batchfind.cli.options import JOB, examples, planning, reporting
from batchfind.cli.text import clean, clean_lines, count
from batchfind.errors import JobError, Problem
from batchfind.execution.results import ExitCode
from batchfind.plan.model import Plan


@click.command(
    epilog=examples(
        "batchfind validate nightly.yaml",
        "batchfind validate jobs/*.yaml --json",
        "batchfind validate backfill.yaml --now 2026-01-31T18:00",
    )
)
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, type=JOB)
@planning
@reporting(quiet="Say nothing about valid jobs.")
def validate(
    jobs: Sequence[Path], *, as_json: bool, quiet: bool, **options: Any
) -> int:
    """Check jobs and every file they name, and plan them, without any network.

    All problems of all jobs are shown at once, as file:line:column.
    """
    from batchfind.execution.targets import check_targets  # noqa: PLC0415 - lazy

    problems: list[Problem] = []
    checked: list[dict[str, Any]] = []
    for path in jobs:
        try:
            found = planned(path, **options)
            check_targets(found)
        except JobError as error:
            problems.extend(error.problems)
            continue
        warnings = _warnings(found)
        checked.append(_checked_json(path, found, warnings))
        if not as_json and not quiet:
            show_warnings(found)
            console.prose(_checked_line(path, found))
    if problems:
        raise JobError(problems)
    if as_json:
        console.result_json({"exit_code": 0, "retryable": False, "jobs": checked})
    return ExitCode.OK


@click.command(
    epilog=examples(
        "batchfind plan nightly.yaml",
        "batchfind plan sweep.yaml --now 2026-01-31 --select studies",
        "batchfind plan nightly.yaml --json > plan.json",
    )
)
@click.argument("job", metavar="JOB", type=JOB)
@planning
@reporting()
def plan(job: Path, *, as_json: bool, **options: Any) -> int:
    """Show every request a job means, without any network.

    It also says what can become of them: how a window is cut where a peer caps, which
    rows are merged, what is asked for rows of another query, and how many requests
    that makes at most.

    With --json the output is the plan itself: `batchfind run --plan FILE` sends
    exactly these requests.
    """
    found = planned(job, **options)
    show_warnings(found)
    if as_json:
        from batchfind.plan import codec  # noqa: PLC0415 - one of the two is used

        console.result_json(codec.to_json(found))
    else:
        from batchfind.plan.summary import summarise  # noqa: PLC0415 - as above

        console.result(clean_lines(summarise(found)))
    return ExitCode.OK


def planned(path: Path, *, allow_plain_secrets: bool, **options: Any) -> Plan:
    """The plan of a job under the planning options."""
    from batchfind import api  # noqa: PLC0415 - the planner is not needed for --help
    from batchfind.planning import plan_job  # noqa: PLC0415 - as above

    job = api.load_job(path, allow_plain_secrets=allow_plain_secrets)
    return plan_job(job.model, **options)


def _warnings(plan: Plan) -> tuple[Problem, ...]:
    return (*plan.warnings, *plan.skipped)


def show_warnings(plan: Plan) -> None:
    """Warnings of the job and rows it skipped, on stderr."""
    for warning in _warnings(plan):
        console.note(clean(str(warning), limit=2000))


def _checked_line(path: Path, plan: Plan) -> str:
    return (
        f"{clean(str(path), limit=4096)}: valid, {count(len(plan.requests), 'request')}"
        f" at {count(len(plan.peers), 'peer')}, {count(len(plan.outputs), 'output')}"
    )


def _checked_json(
    path: Path, plan: Plan, warnings: Sequence[Problem]
) -> dict[str, Any]:
    return {
        "file": str(path),
        "job": plan.job,
        "plan_digest": plan.digest,
        "requests": len(plan.requests),
        "outputs": [output.path for output in plan.outputs],
        "problems": [problem_json(warning) for warning in warnings],
    }
