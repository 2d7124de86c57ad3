"""Why a request that is in line is not asked any more."""

from __future__ import annotations

from batchfind.capture.records import RequestVerdict
from batchfind.execution.outcomes import Stop
from batchfind.execution.queues import Line
from batchfind.execution.verdicts import skipped
from batchfind.job.hours import day_and_time
from batchfind.plan.model import Request

_SENTENCES = {
    Stop.INTERRUPTED: "the run was interrupted before this request",
    Stop.STOPPED: "an earlier request failed and run.on_failure is stop",
    Stop.DEADLINE: "run.deadline came before this request",
}


def asker_of(request: Request) -> tuple[str, str, str]:
    """What an SCP may reject: peers of one host and port differ in it."""
    return request.peer, request.calling_ae, request.called_ae


def refusal(request: Request, line: Line, stop: Stop | None) -> RequestVerdict | None:
    """The verdict of a request that is not to be asked; None when it is.

    Args:
        request: the next in line.
        line: of its peer.
        stop: why the run is being stopped, if it is.
    """
    if stop is not None:
        sentence = _SENTENCES.get(stop, "the run ended before this request")
        return skipped(
            request,
            stop.value,
            f"{request.peer}: {sentence}",
            "batchfind resume asks it",
        )
    refused = line.circuit.refusals(asker_of(request))
    if line.circuit.given_up or refused:
        told = "were rejected" if refused else "failed"
        return skipped(
            request,
            "circuit",
            f"{request.peer}: {refused or line.circuit.failures} associations in a "
            f"row {told}; the peer is not asked again in this run",
            "mend the first cause reported for this peer, then batchfind resume",
        )
    until = None if line.opening.waits else line.opening.opens()
    if until is not None:
        return skipped(
            request,
            "hours",
            f"{request.peer}: it may be asked {line.opening} only, and opens "
            f"{day_and_time(until)}",
            "batchfind resume asks it then; run.outside_hours: wait waits for it",
        )
    return None
