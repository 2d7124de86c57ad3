"""A program whose children ask a plan that grows, and are killed amid it.

Each line of its input is a folder, a port, and seconds; a fork asks there and is
killed after those seconds. Output: `end` each time.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

# Imported before the fork, so that each one starts at once.
import pyarrow as pa

from batchfind.plan.model import Plan
from tests.execution.growing_run import child_query, pattern, run, splitting_plan
from tests.execution.simulation import window

CHILDREN = ("again", "twice")


def growing_plan(folder: Path, port: int) -> Plan:
    """Studies of nine days, cut where the peer caps, and two requests for each."""
    root = window("20240101", "20240109")
    given = splitting_plan(folder, port, [root])
    binds = {"StudyInstanceUID": "StudyInstanceUID"}
    queries = dict(given.queries)
    for number, name in enumerate(CHILDREN, 1):
        keys = dict.fromkeys(("StudyInstanceUID", "StudyDate", "StudyTime"), "")
        child = pattern(f"{number}.0", name, "pacs", "STUDY", **keys)
        queries[name] = child_query(name, "studies", binds, [child])
    return replace(given, queries=queries)


def main() -> None:
    pa.Codec("zstd")
    for line in sys.stdin:
        folder, port, seconds = line.rsplit(maxsplit=2)
        child = os.fork()
        if not child:
            path = Path(folder)
            run(growing_plan(path, int(port)), path / "run.db")
            os._exit(0)
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.write(1, b"end\n")


if __name__ == "__main__":
    main()
