"""What `prune` found and did, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batchfind.capture.job_folder import started_of
from batchfind.capture.pruning import Removal, Survey
from batchfind.capture.run_directory import PRUNED
from batchfind.cli.text import clean, count, size
from batchfind.execution.results import ExitCode
from batchfind.job.model import Keep

_LISTED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedJob:
    """The runs of one job before or after they were pruned.

    Attributes:
        survey: as they were.
        bytes: of each run and leftover.
        removal: what became of them; of a dry run, what would.
    """

    survey: Survey
    bytes: Mapping[str, int]
    removal: Removal = field(default_factory=Removal)

    @property
    def job(self) -> str:
        """Name of the job, as its folder has it."""
        return self.survey.folder.name

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the runs that are there afterwards."""
        gone = self.removal.deleted
        return tuple(name for name in self.survey.runs if name not in gone)

    @property
    def kept_bytes(self) -> int:
        """Of those runs."""
        return sum(self.bytes.get(name, 0) for name in self.kept)

    @property
    def locked(self) -> tuple[str, ...]:
        """Names of runs that were to go, but are in use."""
        return (*self.survey.locked, *self.removal.locked)

    @property
    def failed(self) -> tuple[str, ...]:
        """A sentence for each run that cannot be looked into or deleted."""
        return (*self.survey.failed, *self.removal.failed)

    def to_json(self) -> dict[str, Any]:
        """An object under `jobs` of `prune --json`."""
        return {
            "job": self.job,
            "folder": str(self.survey.folder),
            "runs": len(self.kept),
            "bytes": self.kept_bytes,
            "pinned": list(self.survey.pinned),
            "deleted": [
                {"run_id": name, "bytes": weight}
                for name, weight in self.removal.deleted.items()
            ],
            "locked": list(self.locked),
            "failed": list(self.failed),
        }


def would_be(job: PrunedJob) -> PrunedJob:
    """The job as pruning would leave it; a leftover bears the name of its run."""
    names = (*job.survey.leftovers, *job.survey.going)
    going = {name.removeprefix(PRUNED): job.bytes[name] for name in names}
    return replace(job, removal=Removal(deleted=going))


def exit_code(jobs: Sequence[PrunedJob]) -> ExitCode:
    """7 when something cannot be deleted, 6 when all that should go is in use."""
    if any(job.failed for job in jobs):
        return ExitCode.STORAGE
    locked = any(job.locked for job in jobs)
    deleted = any(job.removal.deleted for job in jobs)
    return ExitCode.STATE if locked and not deleted else ExitCode.OK


def prune_json(jobs: Sequence[PrunedJob], keep: Keep, *, dry_run: bool) -> Any:
    """The one object that `prune --json` prints."""
    code = exit_code(jobs)
    return {
        "exit_code": int(code),
        "retryable": code is not ExitCode.OK,
        "dry_run": dry_run,
        "keep": {"runs": keep.runs, "days": keep.days},
        "jobs": [job.to_json() for job in jobs],
    }


def pruned_lines(jobs: Sequence[PrunedJob], *, dry_run: bool) -> Iterator[str]:
    """What went, or would, and what stays, job by job."""
    for job in jobs:
        gone = job.removal.deleted
        verb = "would go" if dry_run else "deleted"
        freed = f", {size(sum(gone.values()))}" if gone else ""
        pinned = f", {len(job.survey.pinned):,} pinned" if job.survey.pinned else ""
        kept = f"{len(job.kept):,} kept, {size(job.kept_bytes)}{pinned}"
        yield f"{clean(job.job)}: {count(len(gone), 'run')} {verb}{freed}; {kept}"
        listed = list(gone.items())[:_LISTED] if dry_run else []
        yield from (f"  {name}  {size(weight)}" for name, weight in listed)
        if dry_run and len(gone) > _LISTED:
            yield f"  and {len(gone) - _LISTED:,} more"
        yield from (f"  in use, so it stays: {name}" for name in job.locked)
        for name in job.removal.pinned:
            yield f"  pinned meanwhile, so it stays: {name}"
    if not jobs:
        yield "there are no runs"


def holding_lines(jobs: Sequence[PrunedJob], *, dry_run: bool) -> Iterator[str]:
    """How much each job holds, as a table."""
    del dry_run  # without a bound nothing is ever deleted
    rows = [("job", "runs", "pinned", "size", "oldest"), *map(_holding, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows if jobs else ():
        name, *numbers = (cell.rjust(w) for cell, w in zip(row, widths, strict=True))
        yield "  ".join((row[0].ljust(len(name)), *numbers))
    for job in jobs:
        if left := job.survey.leftovers:
            weight = size(sum(job.bytes.get(name, 0) for name in left))
            half = f"{clean(job.job)}: {count(len(left), 'run')} half deleted, {weight}"
            yield f"{half}: any prune with a bound ends that"
    if not jobs:
        yield "there are no runs"
    yield "nothing was deleted: give --runs or --days, or a job file with run.keep"


def _holding(job: PrunedJob) -> tuple[str, ...]:
    runs = job.survey.runs
    oldest = started_of(runs[0]) if runs else None
    return (
        clean(job.job),
        f"{len(runs):,}",
        f"{len(job.survey.pinned):,}",
        size(job.kept_bytes),
        "-" if oldest is None else f"{oldest:%Y-%m-%d}",
    )
