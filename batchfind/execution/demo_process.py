"""Starts the embedded peers in a process of their own, and ends them.

pynetdicom's threads would hold the interpreter lock of this process and distort
every deadline; beside us they are peers like any other.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from batchfind.demo.announcement import Announcement
from batchfind.errors import BatchfindError
from batchfind.job.transport_model import SecretKind
from batchfind.plan.model import Plan

#: Start-up includes reading the headers of the sample files.
_START_SECONDS = 60.0
_END_SECONDS = 5.0


class DemoError(BatchfindError):
    """The embedded peers could not be started."""


@asynccontextmanager
async def demo_peers(plan: Plan) -> AsyncIterator[Mapping[str, int]]:
    """Ports of the embedded peers while the block runs; empty if none is named.

    Raises:
        DemoError: they did not start.
    """
    if not any(peer.demo for peer in plan.peers.values()):
        yield {}
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "batchfind.demo",
        "--now",
        plan.clock,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(plan),
        # Ctrl-C reaches the whole foreground group; these peers must still answer
        # our C-CANCEL and A-RELEASE.
        process_group=0,
    )
    try:
        yield await _ports(process)
    finally:
        await _end(process)


def _environment(plan: Plan) -> dict[str, str]:
    """Ours, but for the variables that hold secrets of the job: it needs none."""
    secrets = [
        secret
        for peer in plan.peers.values()
        for secret in (
            peer.tls and peer.tls.password,
            peer.identity and peer.identity.password,
            peer.identity and peer.identity.token,
        )
    ]
    hidden = {one.name for one in secrets if one and one.kind is SecretKind.ENV}
    return {name: text for name, text in os.environ.items() if name not in hidden}


async def _ports(process: asyncio.subprocess.Process) -> Mapping[str, int]:
    if process.stdout is None:  # pragma: no cover - it was asked for
        raise DemoError("the demo peers have no output")
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        told = Announcement.from_json(line.decode())
    except (TimeoutError, ValueError) as error:
        raise DemoError(
            "the embedded demo peers did not start; try `batchfind demo` to see why"
        ) from error
    return {"pacs": told.pacs.port, "worklist": told.worklist.port}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closing its stdin tells the child to end; it is made sure that it does."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
