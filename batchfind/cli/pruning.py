"""`prune`: delete runs that need not be kept any longer."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from batchfind.cli import console
from batchfind.cli.options import examples, reporting
from batchfind.cli.text import clean, count, size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from batchfind.cli.pruned import PrunedJob
    from batchfind.job.model import Keep

_BOUND = click.IntRange(min=1)


@click.command(
    epilog=examples(
        "batchfind prune",
        "batchfind prune nightly.yaml --dry-run",
        "batchfind prune nightly --runs 30 --days 90",
        "batchfind prune /srv/batchfind/runs --days 90 --yes --json",
    )
)
@click.argument("where", metavar="[JOB]", required=False)
@click.option(
    "--runs",
    type=_BOUND,
    metavar="N",
    help="So many of the newest runs of each job stay.",
)
@click.option(
    "--days",
    type=_BOUND,
    metavar="N",
    help="Runs begun within so many times 24 hours stay.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go; delete nothing.")
@click.option(
    "--yes", is_flag=True, help="Do not ask; needed where there is no terminal."
)
@reporting(quiet="Show only what cannot be deleted.")
def prune(
    where: str | None,
    *,
    runs: int | None,
    days: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Delete old runs with all that was captured; without a bound, show what is kept.

    JOB is a job file, whose run.keep counts unless a bound is given here; the name of
    a job; or a folder of runs. Names are looked for below $BATCHFIND_RUNS, else
    ./runs, and without JOB all jobs there are meant.

    A run goes only when every bound lets it go. The newest run of a job stays, and so
    do runs that are pinned or in use, and all published files.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - lazy

    from batchfind.cli.pruned import (  # noqa: PLC0415 - lazy
        exit_code,
        holding_lines,
        prune_json,
        pruned_lines,
    )
    from batchfind.errors import UsageError  # noqa: PLC0415 - lazy
    from batchfind.execution.prune_scope import prune_scope  # noqa: PLC0415 - lazy
    from batchfind.job.model import Keep  # noqa: PLC0415 - lazy

    scope = prune_scope(where, os.environ)
    keep = scope.keep if runs is None and days is None else Keep(runs=runs, days=days)
    if yes and keep.everything and not (where and os.path.isfile(where)):  # noqa: PTH113
        raise UsageError(
            "--yes without a bound deletes nothing: add --runs or --days, or name a "
            "job with run.keep"
        )
    dry = dry_run or keep.everything
    jobs = _surveyed(scope.folders, keep, datetime.now(UTC))
    if not dry and any(job.removal.deleted for job in jobs):
        if not (yes or _agreed(jobs, as_json=as_json)):
            console.note("nothing was deleted")
            return 0
        jobs = [_pruned(job) for job in jobs]
    if as_json:
        console.result_json(prune_json(jobs, keep, dry_run=dry))
    elif not quiet:
        text = holding_lines if keep.everything else pruned_lines
        console.result("\n".join(text(jobs, dry_run=dry)))
    if quiet or not as_json:
        for sentence in (one for job in jobs for one in job.failed):
            console.note(f"warning: {clean(sentence, limit=4096)}")
    return exit_code(jobs)


def _surveyed(folders: Sequence[Path], keep: Keep, now: datetime) -> list[PrunedJob]:
    """What would go, job by job; a folder that cannot be read is told of."""
    from batchfind.capture.pruning import Survey, sizes, survey  # noqa: PLC0415 - lazy
    from batchfind.cli.pruned import PrunedJob, would_be  # noqa: PLC0415 - lazy
    from batchfind.errors import StorageError  # noqa: PLC0415 - lazy

    jobs = []
    for folder in folders:
        try:
            seen = survey(folder, keep, now)
            weights = sizes(folder, (*seen.runs, *seen.leftovers))
        except StorageError as error:
            seen, weights = Survey(folder=folder, failed=(str(error),)), {}
        job = PrunedJob(survey=seen, bytes=weights)
        jobs.append(job if keep.everything else would_be(job))
    return jobs


def _agreed(jobs: Sequence[PrunedJob], *, as_json: bool) -> bool:
    """Asks whoever is at the terminal; without one, nobody has agreed."""
    from batchfind.cli.pruned import pruned_lines  # noqa: PLC0415 - lazy
    from batchfind.errors import UsageError  # noqa: PLC0415 - lazy

    gone = [weight for job in jobs for weight in job.removal.deleted.values()]
    what = f"{count(len(gone), 'run')}, {size(sum(gone))}"
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"nobody can be asked here whether to delete {what}: add --yes, or look "
            "first with --dry-run"
        )
    for line in pruned_lines(jobs, dry_run=True):
        console.note(line)
    return click.confirm(f"Delete {what}?", err=True)


def _pruned(job: PrunedJob) -> PrunedJob:
    """Deletes what was shown, and nothing else."""
    from dataclasses import replace  # noqa: PLC0415 - lazy

    from batchfind.capture.pruning import Removal, remove  # noqa: PLC0415 - lazy
    from batchfind.errors import StorageError  # noqa: PLC0415 - lazy

    if not job.removal.deleted:
        return job
    try:
        removal = remove(job.survey.folder, job.survey.going)
    except StorageError as error:
        removal = Removal(failed=[str(error)])
    return replace(job, removal=removal)
