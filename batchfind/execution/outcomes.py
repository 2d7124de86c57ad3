"""From how an attempt ended on the wire to its outcome and cause.

Source: the outcome table of docs/design.md; PS3.4 Section C.4.1.1.4 and PS3.7
Annex C for the statuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from batchfind.capture.records import Cause, Ending, Outcome
from batchfind.dicom.status import meaning
from batchfind.dimse.messages import Final
from batchfind.errors import BatchfindError, Retry
from batchfind.execution.pages import Pages
from batchfind.execution.wording import cause_of, plural, quoted
from batchfind.net.settings import Endpoint

_SUCCESS = 0x0000
_CANCELLED = 0xFE00
_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_NOT_A_CAP = 0xA710
_RESOURCE_LIMITATION = 0x0213
_UNABLE_TO_PROCESS = range(0xC000, 0xD000)
_PROCESSING_FAILURE = 0x0110
_GENERAL_FAILURES = range(0x0100, 0x0300)
_REFUSED = 0xA900


class Stop(Enum):
    """Why we ended a request before its peer did."""

    POLICY = "policy"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"
    STOPPED = "stopped"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What an attempt brought.

    Attributes:
        responses: pending responses received.
        kept: how many of them outputs may hold.
        bytes: Identifier bytes.
        seconds: wall time.
        pages: C-FINDs sent, more than one when the peer answers in pages.
        warnings: tolerated irregularities.
    """

    responses: int = 0
    kept: int = 0
    bytes: int = 0
    seconds: float = 0.0
    pages: int = 1
    warnings: tuple[str, ...] = ()


def ended_by_final(
    final: Final, stop: Stop | None, tally: Tally, peer: str, endpoint: Endpoint
) -> Ending:
    """The ending of an attempt that got its final response.

    Args:
        final: the final response.
        stop: set when we had sent a C-CANCEL before.
        tally: what came.
        peer: alias of the peer.
        endpoint: its address and AE titles.
    """
    outcome, code, hint = _classify(final.status)
    if stop is not None:
        return ended_by_us(stop, tally, peer, endpoint, final)
    cause = None
    if code:
        cause = Cause(
            code=code,
            message=f"{peer} ({endpoint}): {_status_sentence(final, tally)}",
            hint=hint,
        )
    retry = retry_after_status(final.status, tally.responses)
    return _ending(outcome, tally, cause, final, retry)


def ended_between_pages(
    final: Final, pages: Pages, tally: Tally, peer: str, endpoint: Endpoint
) -> Ending:
    """The ending of an attempt whose next page cannot be asked for."""
    told = _status_sentence(final, tally)
    cause = Cause(
        code="no-next-page",
        message=(
            f"{peer} ({endpoint}): {told}; the next page cannot be asked for: "
            f"{pages.problem}"
        ),
        hint=pages.hint,
    )
    return _ending(Outcome.PARTIAL, tally, cause, final)


def ended_by_error(
    error: BatchfindError,
    tally: Tally,
    peer: str,
    endpoint: Endpoint,
    phase: str = "query",
) -> Ending:
    """The ending of an attempt that a failure cut off."""
    cause = cause_of(error, peer, endpoint, phase)
    if tally.responses:
        count = plural(tally.responses, "response")
        cause = Cause(
            code=cause.code,
            message=f"{cause.message}, after {count}",
            hint=cause.hint,
            phase=phase,
        )
    outcome = Outcome.PARTIAL if tally.responses else Outcome.FAILED
    return _ending(outcome, tally, cause, None, error.retry)


def ended_by_us(
    stop: Stop, tally: Tally, peer: str, endpoint: Endpoint, final: Final | None
) -> Ending:
    """The ending of an attempt that we ended; `final` may never have come."""
    if stop is Stop.POLICY:
        return _ending(Outcome.LIMITED, tally, None, final)
    count = plural(tally.responses, "response")
    sentence, hint = {
        Stop.LIMIT: (
            "a limit of run.per_request ended the request",
            "raise run.per_request if the answer is really this large",
        ),
        Stop.INTERRUPTED: ("the run was interrupted", "batchfind resume asks again"),
        Stop.STOPPED: ("the run stopped early", "batchfind resume asks again"),
        Stop.DEADLINE: (
            "run.deadline ended the request",
            "raise run.deadline, or batchfind resume asks again",
        ),
    }[stop]
    cause = Cause(
        code=stop.value,
        message=f"{peer} ({endpoint}): {sentence} after {count}",
        hint=hint,
        phase="cancel",
    )
    outcome = Outcome.PARTIAL if tally.responses else Outcome.FAILED
    return _ending(outcome, tally, cause, final)


def retry_after_status(status: int, responses: int) -> Retry:
    """Whether asking again after this final status can help."""
    if status in _UNABLE_TO_PROCESS or status == _PROCESSING_FAILURE:
        return Retry.ONCE
    if _is_cap(status) and not responses:
        return Retry.ONCE
    return Retry.NEVER


def _is_cap(status: int) -> bool:
    if status in _OUT_OF_RESOURCES:
        return status != _NOT_A_CAP
    return status in (_CANCELLED, _RESOURCE_LIMITATION)


def _classify(status: int) -> tuple[Outcome, str, str]:
    """Outcome, cause code (empty: none) and hint of a final status."""
    if status == _SUCCESS:
        return Outcome.SUCCESS, "", ""
    if _is_cap(status):
        hint = "narrow the query, for example with a window of smaller steps"
        return Outcome.CAPPED, f"status-{status:04x}", hint
    if status in _UNABLE_TO_PROCESS or status == _PROCESSING_FAILURE:
        hint = "the peer could not process the query; look at its log"
        return Outcome.FAILED, f"status-{status:04x}", hint
    if status == _NOT_A_CAP:
        hint = "the peer no longer knows the record key: ask again without it"
        return Outcome.FAILED, "status-failure", hint
    if status == _REFUSED or status in _GENERAL_FAILURES:
        hint = "the peer does not accept this query: check model, level and keys"
        return Outcome.FAILED, "status-failure", hint
    hint = "the peer ended with a status that means neither success nor failure"
    return Outcome.PARTIAL, "status-unexpected", hint


def _status_sentence(final: Final, tally: Tally) -> str:
    sentence = f"status {final.status:04X}, {meaning(final.status).text}"
    if tally.responses:
        sentence += f", after {plural(tally.responses, 'response')}"
    if final.comment:
        sentence += f"; the peer says {quoted(final.comment)}"
    if final.offending:
        tags = " ".join(
            f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in final.offending
        )
        sentence += f"; offending element {tags}"
    return sentence


def _ending(
    outcome: Outcome,
    tally: Tally,
    cause: Cause | None,
    final: Final | None,
    retry: Retry = Retry.NEVER,
) -> Ending:
    return Ending(
        outcome=outcome,
        status=None if final is None else final.status,
        comment=None if final is None else final.comment,
        cause=cause,
        responses=tally.responses,
        kept=tally.kept,
        bytes=tally.bytes,
        seconds=tally.seconds,
        pages=tally.pages,
        warnings=tally.warnings,
        retry=retry,
    )
