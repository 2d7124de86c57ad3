"""From verdicts to the report of a run."""

from __future__ import annotations

from collections.abc import Mapping

from batchfind.capture.records import AttemptFacts, RequestVerdict
from batchfind.execution.forest import Forest
from batchfind.execution.results import RequestReport
from batchfind.plan.model import Plan, Request


def report_requests(
    forest: Forest,
    verdicts: Mapping[str, RequestVerdict],
    facts: Mapping[str, AttemptFacts],
) -> tuple[RequestReport, ...]:
    """One report a request that has a verdict, in plan order, pieces among them.

    Args:
        forest: whose requests are reported.
        verdicts: by request id.
        facts: what was agreed for the attempt that counts, by request id.
    """
    return tuple(
        _report(request, verdicts[request.id], facts.get(request.id))
        for request in forest.requests
        if request.id in verdicts
    )


def warnings_of(plan: Plan) -> tuple[str, ...]:
    """What the plan warned of, rows it skipped among them, one sentence each."""
    return tuple(str(problem) for problem in (*plan.warnings, *plan.skipped))


def _report(
    request: Request, verdict: RequestVerdict, facts: AttemptFacts | None
) -> RequestReport:
    return RequestReport(
        id=request.id,
        query=request.query,
        peer=request.peer,
        verdict=verdict.verdict,
        responses=verdict.responses,
        defects=sum(verdict.defects.values()),
        attempts=verdict.attempts,
        cause=verdict.cause,
        warnings=verdict.warnings,
        seconds=verdict.seconds,
        facts=facts,
        pieces=verdict.pieces,
        origin=request.origin,
        parent=request.parent,
        assumptions=verdict.assumptions,
        merged=verdict.merged,
        conflicts=verdict.conflicts,
        mismatches=verdict.mismatches,
        dropped=verdict.dropped,
    )
