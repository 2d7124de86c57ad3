"""`status` and `export`: read a run again, without any network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from batchfind.cli.editing import planned_again
from batchfind.cli.options import JOB, VARIABLES, examples, reporting
from batchfind.cli.outcome import report

if TYPE_CHECKING:
    from pathlib import Path


@click.command(
    epilog=examples(
        "batchfind status",
        "batchfind status latest --json",
        "batchfind status runs/nightly-worklist/20260131T180000.000000Z-1a2b3c4d",
    )
)
@click.argument("run", metavar="[RUN]", default="latest")
@reporting(quiet="Show nothing when all is complete, else at most 20 lines.")
def status(run: str, *, as_json: bool, quiet: bool) -> int:
    """Show how a run ended, or how far it came; exit as that run did.

    RUN is the path of a run directory, a run id, or `latest` (the default).
    """
    from batchfind.execution.status import run_status  # noqa: PLC0415 - lazy

    result = run_status(_found(run))
    report(result, as_json=as_json, quiet=quiet, trees=True)
    return result.exit_code


@click.command(
    epilog=examples(
        "batchfind export latest",
        "batchfind export latest --to-paths",
        "batchfind export latest --to-paths --publish always",
        "batchfind export latest --job nightly.yaml",
    )
)
@click.argument("run", metavar="RUN")
@click.option(
    "--to-paths",
    is_flag=True,
    help="Publish at the job's paths, instead of in <run>/exports/.",
)
@click.option(
    "--publish",
    type=click.Choice(["complete", "answered", "always"]),
    help="Override what may be published: whole answers, doubted ones too, or any.",
)
@click.option(
    "--job",
    "job_file",
    type=JOB,
    metavar="FILE",
    help="Take the outputs of this job, edited since; its requests must be the run's.",
)
@VARIABLES
@click.option(
    "--force",
    is_flag=True,
    help="Replace also what a newer run has published.",
)
@reporting(quiet="Show nothing when all is complete, else at most 20 lines.")
def export(  # noqa: PLR0913 - one argument an option
    run: str,
    *,
    to_paths: bool,
    publish: str | None,
    job_file: Path | None,
    variables: dict[str, str],
    force: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Write a run's outputs again from what it captured, without asking any peer.

    RUN is the path of a run directory, a run id, or `latest`.
    """
    from batchfind.execution.export import export_run  # noqa: PLC0415 - lazy
    from batchfind.job.model import Publish  # noqa: PLC0415 - lazy
    from batchfind.tables.lean_arrow import leave_pandas_out  # noqa: PLC0415 - lazy

    leave_pandas_out()
    found = _found(run)
    edited = None
    if job_file is not None:  # its secrets are not needed: it connects to nobody
        edited = planned_again(found, job_file, variables, plain_secrets=True)
    result = export_run(
        found,
        to_paths=to_paths,
        publish=None if publish is None else Publish(publish),
        force=force,
        edited=edited,
    )
    report(result, as_json=as_json, quiet=quiet)
    return result.exit_code


def _found(run: str) -> Path:
    from batchfind.capture.run_directory import find_run  # noqa: PLC0415 - lazy

    return find_run(run, os.environ)
