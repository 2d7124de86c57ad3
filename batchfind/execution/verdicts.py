"""What an answer is worth: a pure function over the facts of a run.

Provisional verdicts serve the screen; final ones are computed with the findings
of the finishing pass. The same capture always gives the same verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.capture.records import (
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    StoredAttempt,
    Verdict,
)
from batchfind.execution.findings import Findings
from batchfind.execution.wording import plural
from batchfind.plan.model import PlannedPeer, Request

_ASSUMPTIONS = {
    "unset-time-unproven": (
        "steps under a day cannot prove that responses without a time came",
        "use step: 1d",
    ),
}


def contributing(attempts: Sequence[StoredAttempt]) -> StoredAttempt | None:
    """The attempt whose responses count.

    The last that ended as success or limited; else the one with most responses,
    the later of equals.
    """
    ended = [attempt for attempt in attempts if attempt.ending is not None]
    for attempt in reversed(ended):
        if attempt.ending and attempt.ending.outcome in _ANSWERED:
            return attempt
    return max(ended, key=_size, default=None)


_ANSWERED = (Outcome.SUCCESS, Outcome.LIMITED)


def judge(
    request: Request,
    peer: PlannedPeer,
    attempts: Sequence[StoredAttempt],
    findings: Findings | None = None,
) -> RequestVerdict:
    """The verdict of one request.

    Args:
        request: as planned.
        peer: its peer, for the declared cap.
        attempts: every try at it, oldest first; empty when it was never asked.
        findings: of the finishing pass; None gives a provisional verdict.
    """
    attempt = contributing(attempts)
    if attempt is None or attempt.ending is None:
        return _never_ended(request, attempts)
    findings = findings or Findings()
    ending = attempt.ending
    verdict, cause = _verdict(request, peer, ending, findings)
    return RequestVerdict(
        request=request.id,
        verdict=verdict,
        cause=cause,
        attempt=attempt.number,
        responses=ending.kept,
        attempts=len(attempts),
        seconds=sum(tried.ending.seconds for tried in attempts if tried.ending),
        defects=dict(findings.defects),
        replaced=findings.replaced,
        warnings=(*ending.warnings, *_warnings(request, peer, ending, findings)),
    )


def skipped(request: Request, code: str, message: str, hint: str) -> RequestVerdict:
    """The verdict of a request that was not attempted."""
    return RequestVerdict(
        request=request.id,
        verdict=Verdict.SKIPPED,
        cause=Cause(code=code, message=message, hint=hint, phase="plan"),
    )


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
    request: Request, peer: PlannedPeer, ending: Ending, findings: Findings
) -> tuple[Verdict, Cause | None]:
    match ending.outcome:
        case Outcome.SUCCESS:
            doubt = _doubt(request, peer, ending, findings)
            return (Verdict.SUSPECT, doubt) if doubt else (Verdict.COMPLETE, None)
        case Outcome.LIMITED:
            doubt = _malformed(request, peer, findings)
            return (Verdict.SUSPECT, doubt) if doubt else (Verdict.LIMITED, None)
        case _:
            worth = Verdict.PARTIAL if ending.responses else Verdict.FAILED
            return worth, ending.cause


def _doubt(
    request: Request, peer: PlannedPeer, ending: Ending, findings: Findings
) -> Cause | None:
    """Why a success may still not be the whole truth; the first that applies."""
    malformed = _malformed(request, peer, findings)
    if malformed is not None:
        return malformed
    if ending.responses and ending.responses == peer.limits.response_cap.at(
        request.level
    ):
        return Cause(
            code="capped",
            message=(
                f"{_whom(request, peer)}: exactly "
                f"{plural(ending.responses, 'response')}, the peer's declared "
                "response_cap: more may exist"
            ),
            hint="narrow the query, for example with a window of smaller steps",
        )
    asked_as_list = len(request.batch) > 1
    missing = set(request.batch) - findings.returned
    if asked_as_list and missing:
        return Cause(
            code="batch-unproven",
            message=(
                f"{_whom(request, peer)}: {len(missing)} of {len(request.batch)} UIDs "
                "asked as one list came back with nothing; the peer may not match lists"
            ),
            hint="set rows.batch: 1 to ask each UID alone",
        )
    if request.assumption:
        message, hint = _ASSUMPTIONS[request.assumption]
        return Cause(
            code=request.assumption,
            message=f"{_whom(request, peer)}: {message}",
            hint=hint,
        )
    return None


def _whom(request: Request, peer: PlannedPeer) -> str:
    """The peer with AE titles and address, as the causes of attempts name it."""
    address = f"the {peer.demo} demo" if peer.demo else f"{peer.host}:{peer.port}"
    return f"{peer.name} ({request.calling_ae} -> {request.called_ae} at {address})"


def _malformed(request: Request, peer: PlannedPeer, findings: Findings) -> Cause | None:
    count = sum(findings.defects.values())
    if not count:
        return None
    kinds = ", ".join(sorted(findings.defects))
    return Cause(
        code="malformed",
        message=(
            f"{_whom(request, peer)}: {plural(count, 'response')} cannot be decoded "
            f"({kinds})"
        ),
        hint="their bytes are in the capture; column bf_defect says where they break",
    )


def _warnings(
    request: Request, peer: PlannedPeer, ending: Ending, findings: Findings
) -> tuple[str, ...]:
    warnings = []
    cap = peer.limits.response_cap.at(request.level)
    if cap is not None and ending.responses > cap:
        warnings.append(
            f"{peer.name} sent {ending.responses} responses, more than its declared "
            f"response_cap of {cap}: correct it"
        )
    if findings.replaced:
        warnings.append(
            f"{plural(findings.replaced, 'byte')} could not be decoded in the declared "
            "character set and became U+FFFD; see charset.assume and charset.override"
        )
    return (*warnings, *findings.warnings)


def _size(attempt: StoredAttempt) -> tuple[int, int]:
    responses = attempt.ending.responses if attempt.ending else 0
    return responses, attempt.ordinal
