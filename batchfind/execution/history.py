"""What a run directory tells about a run before its answers are read."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from batchfind.capture.reader import Capture
from batchfind.capture.records import StoredEvent
from batchfind.capture.run_directory import PLAN_FILE, holds_run
from batchfind.errors import JobError, StorageError, UsageError
from batchfind.execution.results import ExitCode
from batchfind.plan.codec import loads, request_from_json
from batchfind.plan.model import Plan, Request

FAILURE_FILE = "failure.txt"
"""Why an execution could not keep its capture; gone once one could."""

_NO_ROOM_TO_SAY = (
    "the capture could not be written, nor why: check the disk and its space, then "
    "batchfind resume goes on with it"
)

Answered: TypeAlias = tuple[str, str]
"""Id of a request that was answered, and name of a query made of its answer.

For a request that was to be cut that is its own query.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What became of the requests that the answers of a run gave rise to.

    What several queries ask for the rows of one answer are different requests, of
    which some may be made and others not.

    Attributes:
        refusals: sentence why they were not made, by the request answered and the
            query that would have had them.
        unusable: rows without a usable key for `for_each`, by their root and the
            query that asks by that key.
        grown: queries that the last execution asked for every row of their parents;
            the tables of others may look whole, or empty, without being so.
    """

    refusals: Mapping[Answered, str] = field(default_factory=dict)
    unusable: Mapping[Answered, int] = field(default_factory=dict)
    grown: AbstractSet[str] = frozenset()

    @property
    def refused(self) -> dict[str, str]:
        """Why an answer lacks some of the requests it gave rise to, by request."""
        found: dict[str, list[str]] = {}
        for (request, _), sentence in self.refusals.items():
            found.setdefault(request, []).append(sentence)
        return {one: "; ".join(dict.fromkeys(why)) for one, why in found.items()}

    def lacking(self, queries: Container[str], roots: Iterable[Request]) -> int:
        """How many rows of some roots some queries could ask nothing for."""
        ids = {root.id for root in roots}
        return sum(
            rows
            for (root, query), rows in self.unusable.items()
            if root in ids and query in queries
        )

    def ungrown(self, plan: Plan) -> tuple[str, ...]:
        """Queries that were not asked for every row of their parents, in plan order."""
        return tuple(
            query.name
            for query in plan.queries.values()
            if query.growing is not None and query.name not in self.grown
        )


def growth_of(events: Iterable[StoredEvent]) -> Growth:
    """What a capture's events tell of growth; the latest word counts."""
    refused: dict[Answered, str] = {}
    unusable: dict[Answered, int] = {}
    grown: set[str] = set()
    for event in events:
        match event.kind:
            case "journal-created" | "journal-reopened":
                grown.clear()
            case "growth-refused":  # an empty message takes it back
                refused[_answered(event)] = event.data["message"]
            case "no-key":
                unusable[_answered(event)] = event.data["rows"]
            case "grown":
                grown.add(event.data["query"])
    return Growth(
        refusals={one: message for one, message in refused.items() if message},
        unusable={one: rows for one, rows in unusable.items() if rows},
        grown=grown,
    )


def last_execution(events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
    """Events since the journal was opened for the last time."""
    for index in range(len(events) - 1, -1, -1):
        if events[index].kind in ("journal-created", "journal-reopened"):
            return events[index:]
    return events


def was_interrupted(events: Sequence[StoredEvent], run_dir: Path) -> bool:
    """Whether the last execution was interrupted, or died without a word.

    Args:
        events: of the capture.
        run_dir: of the run.
    """
    for event in last_execution(events):
        if event.kind == "run-ended":
            return bool(event.data["exit_code"] == ExitCode.INTERRUPTED)
    return not failure_of(run_dir)


def _answered(event: StoredEvent) -> Answered:
    return event.data["request"], event.data["query"]


def born_requests(capture: Capture) -> tuple[Request, ...]:
    """The requests of a run that its plan does not list, in plan order."""
    stored = capture.requests(born=True)
    return tuple(request_from_json(one.spec) for one in stored)


def plan_of(run_dir: Path) -> Plan:
    """The plan a run was made from.

    Raises:
        UsageError: it is no run directory.
        StorageError: its plan is missing or damaged, or cannot be read.
    """
    path = run_dir / PLAN_FILE
    if not (path.exists() or holds_run(run_dir)):
        raise UsageError(f"{run_dir}: no {PLAN_FILE} here; name a run directory")
    try:
        return loads(path.read_text(encoding="utf-8"), source=str(path))
    except FileNotFoundError as error:
        raise _lost(path, "it is missing, though the run beside it is here") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _lost(path, "it is damaged: it is no text") from error
    except JobError as error:
        found = error.problems[0]
        where = f"{found.path}: " if found.path else "it "
        raise _lost(path, f"it is damaged: {where}{found.message}") from error


def _lost(path: Path, why: str) -> StorageError:
    """What to do about a plan that no command can do without."""
    return StorageError(
        f"{path}: {why}: restore it from a copy, or run the job anew in another run "
        "directory",
        lasting=True,
    )


def clock_of(run_dir: Path | None) -> str | None:
    """The clock of the run in a directory; None when no run is there yet."""
    if run_dir is None or not holds_run(run_dir):
        return None
    return plan_of(run_dir).clock


def remember_failure(run_dir: Path, error: str) -> None:
    """Notes what ended an execution whose capture takes no more notes.

    On a full disk the note stays empty, which is told in words, too.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(OSError):
        handle = os.open(run_dir / FAILURE_FILE, flags, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(error + "\n")


def forget_failure(run_dir: Path) -> None:
    """A new execution begins."""
    with suppress(OSError):
        (run_dir / FAILURE_FILE).unlink(missing_ok=True)


def failure_of(run_dir: Path) -> str:
    """What `remember_failure` noted, or an empty string."""
    try:
        told = (run_dir / FAILURE_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return told.strip() or _NO_ROOM_TO_SAY
