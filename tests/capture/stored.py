"""Run directories as ended runs leave them, for tests of keeping and pruning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
MIDNIGHT = datetime(2026, 1, 31, tzinfo=UTC)

HOLD = """
import sys
from pathlib import Path
from batchfind.capture.lock import Lock
lock = Lock.acquire(Path(sys.argv[1]), "run")
print("held", flush=True)
sys.stdin.read()
"""


def name_of(started: datetime, digest: str = "1a2b3c4d") -> str:
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{digest}"


def store(folder: Path, started: datetime = MIDNIGHT, size: int = 100) -> Path:
    """A run of a job with files of `size` bytes in all, one of them in a folder."""
    run = folder / name_of(started)
    (run / "withheld").mkdir(parents=True)
    (run / "run.db").write_bytes(bytes(size - 40))
    (run / "plan.json").write_bytes(bytes(10))
    (run / "job.yaml").write_bytes(bytes(10))
    (run / "withheld" / "a.csv").write_bytes(bytes(20))
    (run / "run.lock").touch(0o600)
    return run


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@contextmanager
def held_elsewhere(lock: Path) -> Iterator[int]:
    """A process of its own that holds a lock file."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder.pid
        finally:
            holder.communicate("")
