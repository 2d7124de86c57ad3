"""What a run directory tells about a run before its answers are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from batchfind.capture.reader import Capture
from batchfind.capture.records import StoredEvent
from batchfind.errors import StorageError, UsageError
from batchfind.plan.codec import loads, request_from_json
from batchfind.plan.model import Plan, Request

PLAN_FILE = "plan.json"
FAILURE_FILE = "failure.txt"
"""Why an execution could not keep its capture; gone once one could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What became of the requests that the answers of a run gave rise to.

    Attributes:
        refused: sentence why they were not made, by id of the request answered.
        keyless: rows without a usable key for `for_each`, by id of their root.
        grown: queries that the last execution asked for every row of their parents;
            the tables of others may look whole, or empty, without being so.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    keyless: Mapping[str, int] = field(default_factory=dict)
    grown: AbstractSet[str] = frozenset()


def growth_of(events: Iterable[StoredEvent]) -> Growth:
    """What a capture's events tell of growth; the latest word counts."""
    refused: dict[str, str] = {}
    keyless: dict[str, int] = {}
    grown: set[str] = set()
    for event in events:
        match event.kind:
            case "journal-created" | "journal-reopened":
                grown.clear()
            case "growth-refused":  # an empty message takes it back
                refused[event.data["request"]] = event.data["message"]
            case "no-key":
                keyless[event.data["request"]] = event.data["rows"]
            case "grown":
                grown.add(event.data["query"])
    return Growth(
        refused={one: message for one, message in refused.items() if message},
        keyless={one: rows for one, rows in keyless.items() if rows},
        grown=grown,
    )


def born_requests(capture: Capture) -> tuple[Request, ...]:
    """The requests of a run that its plan does not list, in plan order."""
    stored = capture.requests(born=True)
    return tuple(request_from_json(one.spec) for one in stored)


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
