"""The result of a run as values, and the one JSON object that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from batchfind.capture.pin import Pin
from batchfind.capture.records import AttemptFacts, Cause, Verdict
from batchfind.execution.expectations import Expectation
from batchfind.execution.kept import Kept
from batchfind.plan.model import Origin


class ExitCode(IntEnum):
    """What the process tells its caller; docs/exit-codes in one table."""

    OK = 0
    INCOMPLETE = 1
    INVALID = 2
    SUSPECT = 3
    EXPECTATION = 4
    UNREACHABLE = 5
    STATE = 6
    STORAGE = 7
    INTERNAL = 8
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestReport:
    """One request of a run, as reported.

    Attributes:
        defects: responses that could not be decoded.
        seconds: wall time of its attempts.
        facts: what was agreed for the attempt that counts, or None without an
            association.
        pieces: ids of the requests it was cut into directly; empty when it was not.
            Verdict and cause of a root are then those of the whole family.
        origin: how it came into the world; a piece has origin `split`.
        parent: id of the request it is a piece of, or was made for; None for a
            planned one.
        assumptions: what a complete verdict takes for granted, one sentence each.
        merged: responses left out because an equal row of the family stands for them.
        conflicts: rows of equal identity and different content.
        mismatches: responses that do not match a key they were asked by.
        dropped: how many of those were left out.
    """

    id: str
    query: str
    peer: str
    verdict: Verdict
    responses: int
    defects: int
    attempts: int
    cause: Cause | None
    warnings: tuple[str, ...]
    seconds: float
    facts: AttemptFacts | None = None
    pieces: tuple[str, ...] = ()
    origin: Origin = Origin.PLAN
    parent: str | None = None
    assumptions: tuple[str, ...] = ()
    merged: int = 0
    conflicts: int = 0
    mismatches: int = 0
    dropped: int = 0

    def to_json(self) -> dict[str, Any]:
        """The object under `requests` of `run --json`."""
        cause = self.cause
        return {
            "id": self.id,
            "query": self.query,
            "peer": self.peer,
            "verdict": self.verdict.value,
            "responses": self.responses,
            "defects": self.defects,
            "attempts": self.attempts,
            "cause": cause and {"code": cause.code, "message": cause.message},
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
            "association": self.facts and _association_json(self.facts),
            "pieces": list(self.pieces),
            "origin": self.origin.value,
            "parent": self.parent,
            "assumptions": list(self.assumptions),
            "merged": self.merged,
            "conflicts": self.conflicts,
            "mismatches": self.mismatches,
            "dropped": self.dropped,
        }


def _association_json(facts: AttemptFacts) -> dict[str, Any]:
    return {
        "number": facts.association,
        "address": facts.address,
        "implementation": facts.peer_implementation,
        "transfer_syntax": facts.transfer_syntax,
        "tls": facts.tls,
        "negotiated": list(facts.negotiated),
        "operations": facts.operations,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReport:
    """One output of a run, as reported.

    Attributes:
        path: absolute; the job's path even when the output was withheld.
        published: it stands at `path` now.
        written: where it is: `path`, or a file or folder under `withheld/`.
        rows, bytes: what this run wrote; a folder may hold more from earlier runs.
        sha256: of the file, or of paths and digests of a folder's files.
        files: how many files this run wrote.
        invalid: values that did not fit their column or folder, shown elsewhere.
        reason: why it was withheld or could not be written, or an empty string.
        failed: it could not be written; `export --to-paths` finishes it.
        lasting: it failed, and will again until somebody decides otherwise.
    """

    path: str
    format: str
    query: str
    published: bool
    written: str
    rows: int
    bytes: int
    sha256: str
    files: int = 1
    invalid: int = 0
    reason: str = ""
    failed: bool = False
    lasting: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OutputReport:
        """What `to_json` made."""
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The object under `outputs` of `run --json`."""
        return {
            "path": self.path,
            "format": self.format,
            "query": self.query,
            "published": self.published,
            "rows": self.rows,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "files": self.files,
            "invalid": self.invalid,
            "written": self.written,
            "reason": self.reason,
            "failed": self.failed,
            "lasting": self.lasting,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended.

    Attributes:
        run_dir: absolute path of the run directory.
        run_id: its name.
        retryable: running again can help.
        requests: all in plan order, pieces after what they were cut from.
        expectations: of the job's queries, met or not.
        error: sentence of what stopped the run as a whole, or an empty string.
        warnings: what the plan warned of, rows it skipped among them.
        under_way: another process is still at it; `error` says which.
        ungrown: queries that are still to be asked for rows of the query they are
            made for; resuming the run does so.
        pin: why the run is never pruned, or None.
        kept: of the job's runs, where this one let some go or there is much to tell.
    """

    run_dir: Path
    run_id: str
    job: str
    plan_digest: str
    exit_code: ExitCode
    retryable: bool
    # asyncio.run() has a result's repr made: it must not cost as much as the run.
    requests: tuple[RequestReport, ...] = field(repr=False)
    outputs: tuple[OutputReport, ...]
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()
    under_way: bool = False
    expectations: tuple[Expectation, ...] = ()
    ungrown: tuple[str, ...] = ()
    pin: Pin | None = None
    kept: Kept | None = None

    @property
    def roots(self) -> tuple[RequestReport, ...]:
        """The requests that are no pieces of others: their verdicts count."""
        return tuple(one for one in self.requests if one.origin is not Origin.SPLIT)

    def to_json(self) -> dict[str, Any]:
        """What `run --json` prints."""
        return {
            "run_dir": str(self.run_dir),
            "run_id": self.run_id,
            "plan_digest": self.plan_digest,
            "exit_code": int(self.exit_code),
            "retryable": self.retryable,
            "error": self.error,
            "warnings": list(self.warnings),
            "requests": [request.to_json() for request in self.requests],
            "outputs": [output.to_json() for output in self.outputs],
            "expectations": [one.to_json() for one in self.expectations],
            "ungrown": list(self.ungrown),
            "pin": None if self.pin is None else self.pin.to_json(),
            "kept": None if self.kept is None else self.kept.to_json(),
        }
