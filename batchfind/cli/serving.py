"""`demo`: the embedded peers, for trying any DICOM tool against them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from batchfind.cli import console
from batchfind.cli.options import examples, reporting
from batchfind.errors import UsageError

_PORT = click.IntRange(0, 65535)


@click.command(
    epilog=examples(
        "batchfind demo",
        "batchfind demo --pacs-port 11112 --worklist-port 11113",
    )
)
@click.option(
    "--pacs-port",
    type=_PORT,
    metavar="PORT",
    default=0,
    help="Port of the PACS; 0: any free one.",
)
@click.option(
    "--worklist-port",
    type=_PORT,
    metavar="PORT",
    default=0,
    help="Port of the worklist; 0: any free one.",
)
@click.option(
    "--now",
    metavar="ISO-8601",
    help="The day the worklist is built around, instead of today.",
)
@reporting()
def demo(*, pacs_port: int, worklist_port: int, now: str | None, as_json: bool) -> int:
    """Serve the embedded PACS and worklist on loopback until Ctrl-C.

    All patients are fictional. Jobs that say `demo: pacs` or `demo: worklist` start
    these peers by themselves; this command is for other tools.
    """
    from batchfind.demo.server import serve  # noqa: PLC0415 - pynetdicom is slow

    def announce(told: Mapping[str, Any]) -> None:
        if as_json:
            console.result_json(told)
        else:
            console.result(_sentence("PACS", told["pacs"]))
            console.result(_sentence("worklist", told["worklist"]))
            console.note("Ctrl-C ends it")

    clock = _clock(now)
    try:
        serve(pacs_port, worklist_port, clock, announce, threading.Event())
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        raise UsageError(
            f"a port cannot be served: {error.strerror}; choose another"
        ) from error
    return 0


def _sentence(what: str, served: Mapping[str, Any]) -> str:
    return f"{what:<8}  127.0.0.1:{served['port']}  AE title {served['called_ae']}"


def _clock(now: str | None) -> datetime:
    if now is None:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(now)
    except ValueError as error:
        raise UsageError(
            f"{now!r} is no ISO 8601 date and time, such as 2026-01-31T18:00"
        ) from error
