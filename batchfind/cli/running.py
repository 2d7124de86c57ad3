"""`run` and `resume`: ask the peers, show how it goes, say how it ended."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchfind.cli import console
from batchfind.cli.board import Board
from batchfind.cli.display import display
from batchfind.cli.options import JOB, debugging, examples, planning, reporting
from batchfind.cli.outcome import report
from batchfind.cli.prompting import asker
from batchfind.errors import UsageError
from batchfind.execution.progress import Observer
from batchfind.execution.results import RunResult
from batchfind.plan.model import Plan

if TYPE_CHECKING:
    from batchfind.cli.showing import Responses

Execution = Callable[[Sequence[Observer], asyncio.Event], Awaitable[RunResult]]

#: Objects more than were freed since the last collection, and how seldom older ones are
#: looked at: looking more often costs a twentieth of a run with many requests.
_COLLECT_AFTER = (50_000, 20, 50)
_QUIET = "Show nothing when all is complete, else at most 20 lines."
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
    help="Exactly this run directory, instead of a new one under runs/.",
)
@_SHOW
@reporting(quiet=_QUIET)
def run(
    job: Path | None,
    *,
    plan_file: Path | None,
    run_dir: Path | None,
    show: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Ask the peers everything a job means, and write its outputs.

    Ctrl-C stops asking, keeps what came and exits 130; a second one stops at once.
    """
    plan, text = _what(job, plan_file, options, quiet=quiet)
    from batchfind.capture.run_directory import plain_path  # noqa: PLC0415 - lazy
    from batchfind.execution.credentials import Credentials  # noqa: PLC0415 - lazy
    from batchfind.execution.run import RunOptions, run_plan  # noqa: PLC0415 - network

    settings = RunOptions(
        job_text=text,
        run_dir=None if run_dir is None else plain_path(run_dir),
        credentials=Credentials.load(plan, asker()),
    )

    def begin(
        observers: Sequence[Observer], interrupt: asyncio.Event
    ) -> Awaitable[RunResult]:
        return run_plan(plan, settings, observers, interrupt=interrupt)

    return _execute(begin, as_json=as_json, quiet=quiet, show=show)


@click.command(
    epilog=examples(
        "batchfind resume latest",
        "batchfind resume runs/nightly-worklist/20260131T180000.000000Z-1a2b3c4d",
    )
)
@click.argument("run", metavar="RUN")
@click.option(
    "--force",
    is_flag=True,
    help="Replace also what a newer run has published.",
)
@_SHOW
@reporting(quiet=_QUIET)
def resume(run: str, *, force: bool, show: bool, as_json: bool, quiet: bool) -> int:
    """Ask again what is failed, partial, skipped or never asked; then write outputs.

    RUN is the path of a run directory, a run id, or `latest`.
    """
    import os  # noqa: PLC0415 - for this command only

    from batchfind.capture.run_directory import find_run  # noqa: PLC0415
    from batchfind.execution.credentials import Credentials  # noqa: PLC0415 - lazy
    from batchfind.execution.run import remaining, resume_run  # noqa: PLC0415 - network

    found = find_run(run, os.environ)
    plan, requests = remaining(found)
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
        )

    return _execute(begin, as_json=as_json, quiet=quiet, show=show)


def _what(
    job: Path | None, plan_file: Path | None, options: dict[str, Any], *, quiet: bool
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

    plain = options.pop("allow_plain_secrets")
    loaded = api.load_job(job, allow_plain_secrets=plain)
    plan = api.plan_job(loaded, **options)
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


def _execute(begin: Execution, *, as_json: bool, quiet: bool, show: bool) -> int:
    from batchfind.tables.lean_arrow import leave_pandas_out  # noqa: PLC0415 - lazy

    leave_pandas_out()
    gc.freeze()  # modules and plan stay to the end: no collection need look at them
    gc.set_threshold(*_COLLECT_AFTER)
    board = Board()
    shown = _responses(as_json=as_json) if show else None
    with display(board, quiet=quiet, debug=debugging(), responses=shown) as observers:
        try:
            result = asyncio.run(_interruptible(begin, observers))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    report(result, as_json=as_json, quiet=quiet, times=board.times())
    if not quiet:
        console.note(f"run directory: {result.run_dir}")
    if shown is not None:
        shown.check()
    return result.exit_code


def _responses(*, as_json: bool) -> Responses:
    from batchfind.cli.showing import Responses  # noqa: PLC0415 - only with --show

    return Responses(sys.stderr if as_json else sys.stdout)


async def _interruptible(begin: Execution, observers: Sequence[Observer]) -> RunResult:
    interrupt = asyncio.Event()
    with _signals(interrupt):
        return await begin(observers, interrupt)


@contextmanager
def _signals(interrupt: asyncio.Event) -> Iterator[None]:
    """The first signal asks the run to stop, the second cancels it, a third kills."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    forced = False

    def on_signal() -> None:
        nonlocal forced
        if not interrupt.is_set():
            interrupt.set()
            return
        forced = True
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        if task is not None:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        if not forced:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
