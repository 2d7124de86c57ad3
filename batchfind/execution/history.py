"""What a run directory tells about a run before its capture is read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from batchfind.errors import StorageError, UsageError
from batchfind.plan.codec import loads
from batchfind.plan.model import Plan

PLAN_FILE = "plan.json"
FAILURE_FILE = "failure.txt"
"""Why an execution could not keep its capture; gone once one could."""


def plan_of(run_dir: Path) -> Plan:
    """The plan a run was made from.

    Raises:
        UsageError: the directory holds none.
        JobError: it is damaged.
    """
    path = run_dir / PLAN_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{run_dir}: no {PLAN_FILE} here; name a run directory"
        ) from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    return loads(text)


def remember_failure(run_dir: Path, error: str) -> None:
    """Notes what ended an execution whose capture takes no more notes."""
    with suppress(OSError):
        (run_dir / FAILURE_FILE).write_text(error + "\n", encoding="utf-8")


def forget_failure(run_dir: Path) -> None:
    """A new execution begins."""
    with suppress(OSError):
        (run_dir / FAILURE_FILE).unlink(missing_ok=True)


def failure_of(run_dir: Path) -> str:
    """What `remember_failure` noted, or an empty string."""
    try:
        return (run_dir / FAILURE_FILE).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
