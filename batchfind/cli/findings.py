"""A run's result, grouped as people ask about it; no formatting of screens here."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batchfind.capture.records import Cause, Verdict
from batchfind.cli.text import count
from batchfind.execution.results import ExitCode, RequestReport, RunResult

_SHORT = frozenset({Verdict.PARTIAL, Verdict.FAILED, Verdict.SKIPPED})
_RESUMABLE = frozenset({ExitCode.STORAGE, ExitCode.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Tally:
    """All requests of one query at one peer.

    Attributes:
        seconds: wall time of its attempts, added up.
    """

    query: str
    peer: str
    verdicts: Counter[Verdict]
    responses: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause at one peer.

    Attributes:
        cause: of the first request that met it.
        requests: ids of all that did, in plan order.
    """

    peer: str
    cause: Cause
    requests: tuple[str, ...]


def tallies(requests: Sequence[RequestReport]) -> tuple[Tally, ...]:
    """Requests by query and peer, in plan order."""
    groups: dict[tuple[str, str], list[RequestReport]] = {}
    for request in requests:
        groups.setdefault((request.query, request.peer), []).append(request)
    return tuple(
        Tally(
            query=query,
            peer=peer,
            verdicts=Counter(request.verdict for request in members),
            responses=sum(request.responses for request in members),
            seconds=sum(request.seconds for request in members),
        )
        for (query, peer), members in groups.items()
    )


def troubles(requests: Sequence[RequestReport]) -> tuple[Trouble, ...]:
    """Causes by peer and code, the first met first; what was asked for is none."""
    groups: dict[tuple[str, str], list[RequestReport]] = {}
    for request in requests:
        if request.cause is not None and request.verdict is not Verdict.LIMITED:
            groups.setdefault((request.peer, request.cause.code), []).append(request)
    return tuple(
        Trouble(peer, members[0].cause, tuple(request.id for request in members))
        for (peer, _), members in groups.items()
        if members[0].cause is not None
    )


def unanswered(requests: Sequence[RequestReport]) -> int:
    """How many requests have no whole answer."""
    return sum(request.verdict in _SHORT for request in requests)


def headline(result: RunResult) -> str:
    """One sentence: what the answers are worth, whatever the exit code was for."""
    total = count(len(result.requests), "request")
    short = unanswered(result.requests)
    doubted = sum(request.verdict is Verdict.SUSPECT for request in result.requests)
    match result.exit_code:
        case ExitCode.INTERRUPTED:
            return f"interrupted: {short:,} of {total} unanswered, no output changed"
        case ExitCode.STORAGE:
            return "not written: the capture or an output could not be written"
        case ExitCode.UNREACHABLE:
            return f"not reached: no peer accepted an association for {total}"
    if short:
        return f"incomplete: {short:,} of {total} without a whole answer"
    if doubted:
        return f"suspect: {doubted:,} of {total} may not have the whole answer"
    return f"complete: {total}, every answer is whole or limited as asked"


def resume_command(result: RunResult) -> str | None:
    """The exact command that asks again, or None when asking again cannot help."""
    if result.exit_code not in _RESUMABLE and not unanswered(result.requests):
        return None
    return f"batchfind resume {shlex.quote(str(result.run_dir))}"


def release_command(result: RunResult) -> str:
    """The exact command that publishes what was withheld."""
    place = shlex.quote(str(result.run_dir))
    return f"batchfind export {place} --to-paths --publish always"
