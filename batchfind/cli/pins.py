"""`pin` and `unpin`: which runs are never pruned."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchfind.cli import console
from batchfind.cli.options import examples, reporting
from batchfind.cli.text import clean

if TYPE_CHECKING:
    from batchfind.capture.pin import Pin


@click.command(
    epilog=examples(
        "batchfind pin latest",
        'batchfind pin 20260131T180000 --reason "audit 17"',
    )
)
@click.argument("run", metavar="RUN")
@click.option(
    "--reason",
    default="",
    metavar="TEXT",
    help="Why, for people: shown by status. Write no patient data into it.",
)
@reporting()
def pin(run: str, *, reason: str, as_json: bool) -> int:
    """Keep a run, whatever run.keep and prune say, until it is unpinned.

    RUN is the path of a run directory, a run id, or `latest`. A run that is pinned
    already gets the new reason.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - lazy

    from batchfind.capture.pin import pin_of, pin_run  # noqa: PLC0415 - lazy

    found = _found(run)
    before = pin_run(found, reason, datetime.now(UTC))
    words = "pinned" if before is None else "pinned already, with this reason now"
    return _report(found, words, pin_of(found), as_json=as_json)


@click.command(
    epilog=examples(
        "batchfind unpin latest",
        "batchfind unpin runs/nightly/20260131T180000.000000Z-1a2b3c4d",
    )
)
@click.argument("run", metavar="RUN")
@reporting()
def unpin(run: str, *, as_json: bool) -> int:
    """Let a run be pruned again when its time has come.

    RUN is the path of a run directory, a run id, or `latest`.
    """
    from batchfind.capture.pin import unpin_run  # noqa: PLC0415 - lazy

    found = _found(run)
    words = "was not pinned" if unpin_run(found) is None else "pinned no more"
    return _report(found, words, None, as_json=as_json)


def _report(run: Path, words: str, pinned: Pin | None, *, as_json: bool) -> int:
    if as_json:
        console.result_json(
            {
                "exit_code": 0,
                "retryable": False,
                "run_dir": str(run),
                "run_id": run.name,
                "pin": None if pinned is None else pinned.to_json(),
            }
        )
    else:
        console.result(f"{words}: {clean(str(run), limit=4096)}")
    return 0


def _found(run: str) -> Path:
    from batchfind.capture.run_directory import find_run  # noqa: PLC0415 - lazy

    return find_run(run, os.environ)
