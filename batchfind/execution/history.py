"""What a run directory tells about a run: its plan and what became of it."""

from __future__ import annotations

from pathlib import Path

from batchfind.capture.reader import Capture
from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.errors import StorageError, UsageError
from batchfind.execution.verdicts import judge
from batchfind.plan.codec import loads
from batchfind.plan.model import Plan, Request

PLAN_FILE = "plan.json"
_ANSWERED = (Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT)


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


def judged(plan: Plan, capture: Capture) -> dict[str, RequestVerdict]:
    """Verdicts from the attempts alone, in plan order.

    A verdict that was stored for the same attempt stands: it knows what the
    finishing pass found, or why the request was skipped.
    """
    stored = capture.verdicts()
    verdicts = {}
    for request in plan.requests:
        attempts = capture.attempts(request.id)
        verdict = judge(request, plan.peers[request.peer], attempts)
        known = stored.get(request.id)
        if known is not None and known.attempt == verdict.attempt:
            verdict = known
        verdicts[request.id] = verdict
    return verdicts


def unanswered(plan: Plan, capture: Capture) -> tuple[Request, ...]:
    """Requests that are failed, partial, skipped or were never asked."""
    verdicts = judged(plan, capture)
    return tuple(
        request
        for request in plan.requests
        if verdicts[request.id].verdict not in _ANSWERED
    )
