"""What many associations with flaky peers leave in one process.

    python -m tests.interop.leaking --associations 10000

Runs one job after another, each request on an association of its own, at peers of
another process that reject, abort, close and reset now and then. Prints, as JSON, what
the process held after the first runs and after the last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import batchfind
from batchfind import ExitCode
from tests.interop.hostile.neighbourhood import PATIENCE, QUERY
from tests.peers.scripted import LOOPBACK, Conversation, Request, ScriptedPeer, Step
from tests.peers.steps import abort, accept, close, final, matches, raw, reject, reset

ROOT = Path(__file__).parents[2]
PEERS = 4
EACH = 50
"""Requests at one peer in one run."""
WARM = 3
"""Runs until everything is imported and every buffer has its size."""
DOORS: Sequence[Sequence[Step]] = (
    *([accept()], [accept()], [accept()], [reset()], [accept()], [accept()]),
    *([close()], [accept()], [reject(2, 3, 1)], [accept()], [accept()]),
)
ANSWERS: Sequence[Sequence[Step]] = (
    *([matches(3), final()], [matches(2), abort()], [matches(3), final()]),
    *([matches(1), reset()], [matches(3), final()], [raw(b"\xa5" * 40)]),
    *([matches(3), final()], [matches(4), close()], [matches(3), final()]),
    [final(0xC001)],
)


def serve() -> None:
    """Serves until stdin ends; the ports are the first line of stdout."""

    async def door(talk: Conversation) -> None:
        for step in DOORS[talk.seen.connections % len(DOORS)]:
            await step(talk)

    def script(request: Request) -> Sequence[Step]:
        return ANSWERS[request.number % len(ANSWERS)]

    with contextlib.ExitStack() as running:
        peers = [
            running.enter_context(ScriptedPeer(script=script, on_connect=[door]))
            for _ in range(PEERS)
        ]
        print(json.dumps([one.port for one in peers]), flush=True)  # noqa: T201
        sys.stdin.read()
        print(sum(one.seen.connections for one in peers), flush=True)  # noqa: T201


@contextlib.contextmanager
def flaky() -> Iterator[tuple[Sequence[int], subprocess.Popen[str]]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.interop.leaking", "--serve"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline()), process
        finally:
            process.kill()


def job_of(ports: Sequence[int]) -> Mapping[str, Any]:
    where = {"host": LOOPBACK, "timeouts": PATIENCE}
    limits = {"associations": 4, "queries_per_association": 1}
    asked = QUERY | {"peers": [f"flaky-{port}" for port in ports]}
    return {
        "version": 1,
        "name": "leaking",
        "peers": {
            f"flaky-{port}": where | {"port": port, "limits": limits} for port in ports
        },
        "queries": {f"q{number:02}": asked for number in range(EACH)},
        "run": {"retry": {"attempts": 2, "backoff": "1ms", "max_backoff": "2ms"}},
    }


def held() -> Mapping[str, int]:
    """What the process holds: KiB resident, descriptors, threads."""
    gc.collect()
    status = Path("/proc/self/status").read_text("utf-8")
    (line,) = (one for one in status.splitlines() if one.startswith("VmRSS:"))
    return {
        "resident": int(line.split()[1]),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
    }


async def once(job: Path, run: Path) -> int:
    """One run; the tasks it left."""
    result = await batchfind.arun(job, run_dir=run)
    assert result.exit_code is ExitCode.INCOMPLETE, result.error
    return len(asyncio.all_tasks()) - 1


def measure(associations: int) -> Mapping[str, Any]:
    """Asks as often as it takes; what was held before and after."""
    with flaky() as (ports, process), tempfile.TemporaryDirectory() as folder:
        job, run = Path(folder, "job.yaml"), Path(folder, "run")
        job.write_text(json.dumps(job_of(ports)))
        first: Mapping[str, int] = {}
        tasks = 0
        for number in range(WARM + -(-associations // (PEERS * EACH))):
            if number == WARM:
                first = held()
            tasks += asyncio.run(once(job, run))
            shutil.rmtree(run)
        last = held()
        connections, _ = process.communicate(timeout=60)
    return {
        "first": first,
        "last": last,
        "tasks": tasks,
        "connections": int(connections),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--associations", type=int, default=10_000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve()
    else:
        print(json.dumps(measure(given.associations)))  # noqa: T201


if __name__ == "__main__":
    main()
