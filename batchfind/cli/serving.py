"""`demo`: the embedded peers, for trying any DICOM tool against them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime

import click

from batchfind.cli import console
from batchfind.cli.options import examples, reporting
from batchfind.demo.announcement import Announcement, Served
from batchfind.demo.capping import CapStyle
from batchfind.errors import StateError, UsageError

_LOOPBACK = "127.0.0.1"
_END_SECONDS = 5.0
_MOST_STUDIES = 20_000
_PORT = click.IntRange(0, 65535)


@click.command(
    epilog=examples(
        "batchfind demo",
        "batchfind demo --pacs-port 11112 --worklist-port 11113",
        "batchfind demo --pacs-port 11112 --studies 400 --cap 50 --cap-style a700",
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
@click.option(
    "--studies",
    type=click.IntRange(0, _MOST_STUDIES),
    metavar="N",
    default=0,
    help="Add N invented studies of January to March 2025 to the PACS.",
)
@click.option(
    "--cap",
    type=click.IntRange(1),
    metavar="N",
    help="Both peers give N responses to one request at most.",
)
@click.option(
    "--cap-style",
    type=click.Choice([style.value for style in CapStyle]),
    help="How an answer ends that has more than N: silent (default) says success,"
    " a700 and fe00 are statuses, abort ends the association.",
)
@reporting()
def demo(
    *,
    pacs_port: int,
    worklist_port: int,
    now: str | None,
    studies: int,
    cap: int | None,
    cap_style: str | None,
    as_json: bool,
) -> int:
    """Serve the embedded PACS and worklist on loopback until Ctrl-C.

    All patients are fictional. Jobs that say `demo: pacs` or `demo: worklist` start
    these peers by themselves; this command is for other tools, and for trying what
    becomes of an answer that a peer cuts short.
    """
    if cap_style and not cap:
        raise UsageError("--cap-style says how an answer ends: give --cap N as well")
    command = [sys.executable, "-m", "batchfind.demo", "--now", _clock(now).isoformat()]
    command += ["--pacs-port", str(pacs_port), "--worklist-port", str(worklist_port)]
    command += ["--studies", str(studies)]
    if cap:
        command += ["--cap", str(cap), "--cap-style", cap_style or CapStyle.SILENT]
    try:
        _serve(command, (pacs_port, worklist_port), as_json=as_json)
    except KeyboardInterrupt:
        return 0
    raise StateError("the demo peers have ended by themselves", locked=True)


def _serve(command: list[str], ports: tuple[int, int], *, as_json: bool) -> None:
    """Announces the peers and waits until they end."""
    with _process(command) as process:
        served = _announced(process, ports)
        if as_json:
            console.result_json(asdict(served))
        else:
            console.result(_sentence("PACS", served.pacs))
            console.result(_sentence("worklist", served.worklist))
            console.note("Ctrl-C ends it")
        process.wait()


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """The peers in a process of their own, which ends with its standard input.

    pynetdicom's threads would keep this one alive as long as a client stays.
    """
    with subprocess.Popen(  # noqa: S603 - our own module, numbers and a date
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: subprocess.Popen[str], ports: tuple[int, int]) -> Announcement:
    line = process.stdout.readline() if process.stdout is not None else ""
    try:
        return Announcement.from_json(line)
    except ValueError as error:
        raise UsageError(f"the demo peers cannot be served: {_why(ports)}") from error


def _why(ports: tuple[int, int]) -> str:
    """What keeps the peers from listening, found out by trying the ports again."""
    if ports[0] and ports[0] == ports[1]:
        return f"port {ports[0]} is given twice; choose two"
    for port in filter(None, ports):
        try:
            with socket.create_server((_LOOPBACK, port)):
                pass
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            return f"port {port} of {_LOOPBACK}: {reason}; choose another"
    return "they ended at once; run 'python -m batchfind.demo' to see why"


def _sentence(what: str, served: Served) -> str:
    return f"{what:<8}  {_LOOPBACK}:{served.port}  AE title {served.called_ae}"


def _clock(now: str | None) -> datetime:
    if now is None:
        return datetime.now().astimezone()
    try:
        return datetime.fromisoformat(now)
    except ValueError as error:
        raise UsageError(
            f"{now!r} is no ISO 8601 date and time, such as 2026-01-31T18:00"
        ) from error
