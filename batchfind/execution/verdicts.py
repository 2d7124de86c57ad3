"""What an answer is worth: a pure function over the facts of a run.

Provisional verdicts serve the screen; final ones are computed with the findings
of the finishing pass. The same capture always gives the same verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from batchfind.capture.records import (
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    StoredAttempt,
    Verdict,
)
from batchfind.execution.caps import Caps, declared_cap
from batchfind.execution.contribution import contributing
from batchfind.execution.doubts import (
    Surroundings,
    fewer_than_before,
    first_doubt,
    growth_refused,
    malformed,
    warnings_of,
)
from batchfind.execution.families import judge_family
from batchfind.execution.findings import NOTHING_FOUND, Findings
from batchfind.execution.forest import Forest
from batchfind.execution.record import Attempts, Record
from batchfind.execution.wording import plural
from batchfind.plan.model import PlannedPeer, Request

__all__ = ["contributing", "judge", "judge_run", "skipped"]


def judge(
    request: Request,
    peer: PlannedPeer,
    attempts: Sequence[StoredAttempt],
    findings: Findings | None = None,
    around: Surroundings | None = None,
    *,
    cut: bool = False,
) -> RequestVerdict:
    """The verdict of one request, pieces of it left out of account.

    Args:
        request: as planned.
        peer: its peer.
        attempts: every try at it, oldest first; empty when it was never asked.
        findings: of the finishing pass; None gives a provisional verdict.
        around: what other answers say; None when only this one is known.
        cut: it has pieces.
    """
    attempt = contributing(attempts, cut=cut)
    if attempt is None or attempt.ending is None:
        return _never_ended(request, attempts)
    ending = attempt.ending
    around = around or Surroundings(cap=declared_cap(request, peer, ending))
    verdict, cause = _verdict(request, peer, ending, findings, around)
    if verdict is Verdict.COMPLETE:
        cause = fewer_than_before(request, peer, attempts)
        verdict = Verdict.SUSPECT if cause is not None else verdict
    found = findings or NOTHING_FOUND
    return RequestVerdict(
        request=request.id,
        verdict=verdict,
        cause=cause,
        attempt=attempt.number,
        responses=ending.kept,
        attempts=len(attempts),
        seconds=sum(tried.ending.seconds for tried in attempts if tried.ending),
        defects=dict(found.defects),
        replaced=found.replaced,
        warnings=tuple(warnings_of(request, peer, [ending], found)),
        merged=found.merged,
        conflicts=found.conflicts,
        mismatches=found.mismatches,
        dropped=found.dropped,
    )


def judge_run(
    forest: Forest,
    attempts: Attempts,
    findings: Mapping[str, Findings] | None = None,
    *,
    skipped: Mapping[str, RequestVerdict] = MappingProxyType({}),
    refused: Mapping[str, str] = MappingProxyType({}),
    keyless: Mapping[tuple[str, str], int] = MappingProxyType({}),
    caps: Caps | None = None,
) -> dict[str, RequestVerdict]:
    """The verdicts of all requests of a run, in plan order.

    A request that was cut is `split`; a root that was cut has the verdict of its
    whole family.

    Args:
        forest: every request, also those that were never asked.
        attempts: every try at a request, oldest first.
        findings: of the finishing pass by request id; None gives provisional
            verdicts, for which nothing is asked that only rows can tell.
        skipped: verdicts of requests without any attempt, by id.
        refused: why the requests born of an answer were not asked, by id.
        keyless: rows for which there is no `for_each` child since they have no
            usable key, by id of the root they belong to and name of the query whose
            child it would be.
        caps: what `record.learned` made of the attempts, where it is known already.

    Returns:
        By request id.
    """
    record = Record(forest, attempts, findings, refused, caps)
    verdicts = {
        request.id: _alone(request, record, skipped) for request in forest.requests
    }
    for root in forest.roots:
        if forest.pieces(root.id):
            verdicts[root.id] = judge_family(root, record, verdicts)
        elif merged := verdicts[root.id].merged:
            own = verdicts[root.id]
            verdicts[root.id] = replace(own, responses=own.responses - merged)
    for (root_id, query), rows in keyless.items():
        own = verdicts[root_id]
        verdicts[root_id] = _with_keyless(forest[root_id], own, query, rows)
    return verdicts


def skipped(request: Request, code: str, message: str, hint: str) -> RequestVerdict:
    """The verdict of a request that was not attempted."""
    return RequestVerdict(
        request=request.id,
        verdict=Verdict.SKIPPED,
        cause=Cause(code=code, message=message, hint=hint, phase="plan"),
    )


def _alone(
    request: Request, record: Record, skipped: Mapping[str, RequestVerdict]
) -> RequestVerdict:
    """The verdict of a request, its pieces left out of account."""
    tries = record.attempts(request)
    if not tries and request.id in skipped:
        return skipped[request.id]
    peer = record.peer(request)
    findings = record.findings(request) if record.rows_read else None
    around = record.around(request)
    pieces = tuple(piece.id for piece in record.forest.pieces(request.id))
    verdict = judge(request, peer, tries, findings, around, cut=bool(pieces))
    if not pieces:
        return verdict
    return replace(verdict, verdict=Verdict.SPLIT, cause=None, pieces=pieces)


def _with_keyless(
    root: Request, verdict: RequestVerdict, query: str, rows: int
) -> RequestVerdict:
    warning = (
        f"{root.peer}: {plural(rows, 'row')} of query {root.query} without a usable "
        f"key, so that query {query} asks nothing for them"
    )
    return replace(verdict, warnings=(*verdict.warnings, warning))


def _never_ended(request: Request, attempts: Sequence[StoredAttempt]) -> RequestVerdict:
    """A request that was never asked, or whose only attempts died with us."""
    verdict = skipped(
        request,
        "not-asked",
        f"{request.peer}: the run ended before this request was answered",
        "batchfind resume asks it",
    )
    if not attempts:
        return verdict
    return RequestVerdict(
        request=request.id,
        verdict=Verdict.FAILED,
        cause=Cause(
            code="interrupted",
            message=f"{request.peer}: the run died during this request",
            hint="batchfind resume asks again",
        ),
        attempts=len(attempts),
    )


def _verdict(
    request: Request,
    peer: PlannedPeer,
    ending: Ending,
    findings: Findings | None,
    around: Surroundings,
) -> tuple[Verdict, Cause | None]:
    worth = Verdict.PARTIAL if ending.responses else Verdict.FAILED
    ended = ending.outcome in (Outcome.SUCCESS, Outcome.LIMITED)
    if around.refused and (ended or ending.responses):
        return Verdict.PARTIAL, growth_refused(around.refused)
    match ending.outcome:
        case Outcome.SUCCESS:
            doubt = first_doubt(request, peer, ending, findings, around)
            return (Verdict.SUSPECT, doubt) if doubt else (Verdict.COMPLETE, None)
        case Outcome.LIMITED:
            doubt = malformed(request, peer, findings or NOTHING_FOUND)
            return (Verdict.SUSPECT, doubt) if doubt else (Verdict.LIMITED, None)
        case _:
            return worth, around.cap.cause if around.cap else ending.cause
