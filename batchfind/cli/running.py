"""`run` and `resume`: ask the peers, show how it goes, say how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any

import click

from batchfind.cli.editing import planned_again
from batchfind.cli.executing import execute_run
from batchfind.cli.options import (
    JOB,
    PLAIN_SECRETS,
    VARIABLES,
    examples,
    planning,
    reporting,
)
from batchfind.cli.prompting import asker
from batchfind.errors import UsageError
from batchfind.execution.progress import Observer
from batchfind.execution.results import RunResult
from batchfind.plan.model import Plan

_QUIET = "Show nothing when all is complete, else at most 20 lines."
_FORCE = click.option(
    "--force",
    is_flag=True,
    help="Replace also what a newer run has published.",
)
_SHOW = click.option(
    "--show",
    is_flag=True,
    help="Print every response as it arrives; on stderr if --json is given.",
)


@click.command(
    epilog=examples(
        "batchfind run nightly.yaml",
        "batchfind run sweep.yaml --now 2026-01-31T18:00 --var site=north",
        "batchfind run nightly.yaml --quiet --json",
        "batchfind run nightly.yaml --show --quiet | less",
        "batchfind run nightly.yaml --run-dir runs/2026-01-31",
        "batchfind run --plan plan.json --run-dir runs/audit-17",
    )
)
@click.argument("job", metavar="[JOB]", type=JOB, required=False)
@planning
@click.option(
    "--plan",
    "plan_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Run what `batchfind plan --json` printed, instead of a JOB.",
)
@click.option(
    "--run-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Exactly this run directory. A run that is in it already goes on.",
)
@_FORCE
@_SHOW
@reporting(quiet=_QUIET)
def run(
    job: Path | None,
    *,
    plan_file: Path | None,
    run_dir: Path | None,
    force: bool,
    show: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Ask the peers everything a job means, and write its outputs.

    With --run-dir the same command may be given again and again: the first one makes
    the run, and each further one asks what has no whole answer yet, at the clock of
    the first unless --now is given, and writes the outputs. A job that asks something
    else than the run in DIR is refused, and told where it differs.

    Ctrl-C stops asking, keeps what came and exits 130; a second one stops at once.
    """
    if force and run_dir is None:
        raise UsageError("--force is for a run that goes on: add --run-dir DIR")
    from batchfind.capture.run_directory import plain_path  # noqa: PLC0415 - lazy

    place = None if run_dir is None else plain_path(run_dir)
    plan, text = _what(job, plan_file, place, options, quiet=quiet)
    from batchfind.execution.run import options_of, run_plan  # noqa: PLC0415 - network

    settings = options_of(plan, text, place, asker(), force=force)

    def begin(
        observers: Sequence[Observer], interrupt: asyncio.Event
    ) -> Awaitable[RunResult]:
        return run_plan(plan, settings, observers, interrupt=interrupt)

    return execute_run(begin, as_json=as_json, quiet=quiet, show=show)


@click.command(
    epilog=examples(
        "batchfind resume latest",
        "batchfind resume latest --job nightly.yaml",
        "batchfind resume runs/nightly-worklist/20260131T180000.000000Z-1a2b3c4d",
    )
)
@click.argument("run", metavar="RUN")
@click.option(
    "--job",
    "job_file",
    type=JOB,
    metavar="FILE",
    help="Reach peers as this job says, edited since; it must ask the same.",
)
@VARIABLES
@PLAIN_SECRETS
@_FORCE
@_SHOW
@reporting(quiet=_QUIET)
def resume(  # noqa: PLR0913 - one argument an option
    run: str,
    *,
    job_file: Path | None,
    variables: dict[str, str],
    allow_plain_secrets: bool,
    force: bool,
    show: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Ask again what is failed, partial, skipped or never asked; then write outputs.

    RUN is the path of a run directory, a run id, or `latest`. The plan stored with it
    counts. With --job it still does, but hosts, ports, certificates, secrets, timeouts,
    limits and the run policy are those of FILE.
    """
    import os  # noqa: PLC0415 - for this command only

    from batchfind.capture.run_directory import find_run  # noqa: PLC0415
    from batchfind.execution.credentials import Credentials  # noqa: PLC0415 - lazy
    from batchfind.execution.run import remaining, resume_run  # noqa: PLC0415 - network

    found = find_run(run, os.environ)
    edited = None
    if job_file is not None:
        edited = planned_again(
            found, job_file, variables, plain_secrets=allow_plain_secrets
        )
    elif variables or allow_plain_secrets:
        raise UsageError(
            "--var and --allow-plain-secrets are for a job: add --job FILE"
        )
    plan, requests = remaining(found, edited)
    credentials = Credentials.load(plan, asker(), requests)

    def begin(
        observers: Sequence[Observer], interrupt: asyncio.Event
    ) -> Awaitable[RunResult]:
        return resume_run(
            found,
            observers,
            interrupt=interrupt,
            force=force,
            credentials=credentials,
            edited=edited,
        )

    return execute_run(begin, as_json=as_json, quiet=quiet, show=show)


def _what(
    job: Path | None,
    plan_file: Path | None,
    run_dir: Path | None,
    options: dict[str, Any],
    *,
    quiet: bool,
) -> tuple[Plan, str]:
    """The plan to run and the text of its job, empty when only a plan is given."""
    if (job is None) == (plan_file is None):
        raise UsageError("run takes either JOB or --plan FILE (see 'batchfind run -h')")
    if plan_file is not None:
        _refuse_with_plan(options)
        return _read_plan(plan_file), ""
    assert job is not None  # noqa: S101 - one of the two is given
    from batchfind import api  # noqa: PLC0415 - lazy
    from batchfind.cli.asking import show_warnings  # noqa: PLC0415 - lazy
    from batchfind.execution.history import clock_of  # noqa: PLC0415 - lazy
    from batchfind.planning import plan_job  # noqa: PLC0415 - lazy

    plain = options.pop("allow_plain_secrets")
    loaded = api.load_job(job, allow_plain_secrets=plain)
    options["now"] = options["now"] or clock_of(run_dir)
    plan = plan_job(loaded.model, **options)
    if not quiet:
        show_warnings(plan)
    return plan, loaded.model.text


def _refuse_with_plan(options: dict[str, Any]) -> None:
    names = {
        "variables": "--var",
        "now": "--now",
        "select": "--select",
        "out": "--out",
        "allow_plain_secrets": "--allow-plain-secrets",
    }
    given = [option for name, option in names.items() if options[name]]
    if given:
        raise UsageError(
            f"a plan is already resolved: {', '.join(given)} cannot change it"
        )


def _read_plan(path: Path) -> Plan:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"plan {path} cannot be read: {reason}") from error
    from batchfind.plan import codec  # noqa: PLC0415 - only with --plan

    return codec.loads(text, source=str(path))
