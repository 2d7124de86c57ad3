"""A run's result, grouped as people ask about it; no formatting of screens here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batchfind.capture.records import Cause, Verdict
from batchfind.capture.run_directory import CAPTURE
from batchfind.cli.text import clean, count
from batchfind.execution.results import ExitCode, RequestReport, RunResult

AWAITED = "awaited"
"""Stands for a verdict while a run is under way."""

_SHORT = frozenset({Verdict.PARTIAL, Verdict.FAILED, Verdict.SKIPPED})


@dataclass(frozen=True, slots=True)
class Tally:
    """All requests of one query at one peer.

    Attributes:
        verdicts: how many requests have each; `AWAITED` for those still to come.
        seconds: wall time of its requests, added up.
    """

    query: str
    peer: str
    verdicts: Counter[str]
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


@dataclass(frozen=True, slots=True)
class Caution:
    """One warning about the answers to a query at one peer.

    Attributes:
        requests: ids of all it is about, in plan order.
    """

    query: str
    peer: str
    text: str
    requests: tuple[str, ...]


def tallies(result: RunResult) -> tuple[Tally, ...]:
    """Requests by query and peer, in plan order; pieces are part of what was cut."""
    groups: dict[tuple[str, str], list[RequestReport]] = {}
    for request in result.roots:
        groups.setdefault((request.query, request.peer), []).append(request)
    return tuple(
        Tally(
            query=query,
            peer=peer,
            verdicts=Counter(
                AWAITED if _awaited(result, request) else request.verdict.value
                for request in members
            ),
            responses=sum(_responses(result, request) for request in members),
            seconds=sum(request.seconds for request in members),
        )
        for (query, peer), members in groups.items()
    )


def troubles(result: RunResult) -> tuple[Trouble, ...]:
    """Causes by peer and code, the first met first; what was asked for is none.

    What befell a piece is told once, by what it was cut from.
    """
    groups: dict[tuple[str, str], list[RequestReport]] = {}
    for request in result.roots:
        if request.verdict is Verdict.LIMITED or _awaited(result, request):
            continue
        if request.cause is not None:
            groups.setdefault((request.peer, request.cause.code), []).append(request)
    return tuple(
        Trouble(peer, members[0].cause, tuple(request.id for request in members))
        for (peer, _), members in groups.items()
        if members[0].cause is not None
    )


def cautions(result: RunResult) -> tuple[Caution, ...]:
    """Warnings of requests, each once for a query and peer, the first met first."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for request in result.roots:
        for warning in dict.fromkeys(request.warnings):
            text = warning.removeprefix(f"{request.peer}: ")
            key = request.query, request.peer, text
            groups.setdefault(key, []).append(request.id)
    return tuple(Caution(*key, tuple(ids)) for key, ids in groups.items())


def unanswered(requests: Sequence[RequestReport]) -> int:
    """How many requests have no whole answer."""
    return sum(request.verdict in _SHORT for request in requests)


def headline(result: RunResult) -> str:
    """One sentence: what the answers are worth, whatever the exit code was for."""
    roots = result.roots
    total = count(len(roots), "request")
    if result.under_way:
        ended = sum(not _awaited(result, request) for request in roots)
        return f"under way: {ended:,} of {total} ended so far"
    match result.exit_code:
        case ExitCode.INTERRUPTED:
            short = unanswered(roots)
            left = f"{short:,} of {total} unanswered{_still_to_ask(result)}"
            if any(output.published for output in result.outputs):
                return f"interrupted: {left}"  # exported since
            return f"interrupted: {left}, no output changed"
        case ExitCode.STORAGE:
            return _unwritten(result)
        case ExitCode.INTERNAL if result.error:
            return f"ended early: {_outputs_missing(result)}"
        case ExitCode.UNREACHABLE:
            return f"not reached: no usable association for {total}"
    return _worth(result, total)


def _unwritten(result: RunResult) -> str:
    """Whether it was the capture, what was to be made of it, or an output."""
    missing = _outputs_missing(result)
    if not result.error:
        return f"not written: {missing}"
    if result.error.startswith(str(result.run_dir / CAPTURE)):
        return f"not written: the capture could not be written or read, {missing}"
    return f"not written: the run could not be finished, {missing}"


def _outputs_missing(result: RunResult) -> str:
    total = len(result.outputs)
    failed = sum(output.failed for output in result.outputs)
    if not total:
        return "no output is there"
    return f"{failed:,} of {count(total, 'output')} not written"


def _worth(result: RunResult, total: str) -> str:
    """What the answers of a run are worth that came to its end."""
    short = unanswered(result.roots)
    doubted = sum(request.verdict is Verdict.SUSPECT for request in result.roots)
    unmet = sum(not one.met for one in result.expectations)
    if short:
        return f"incomplete: {short:,} of {total} without a whole answer"
    if result.ungrown:
        return f"incomplete: {total} answered{_still_to_ask(result)}"
    if unmet:
        wanted = count(len(result.expectations), "expectation")
        return f"not as expected: {unmet:,} of {wanted} not met"
    if doubted:
        return f"suspect: {doubted:,} of {total} may not have the whole answer"
    if result.exit_code is ExitCode.SUSPECT:
        return "suspect: nothing could be asked for rows without a usable key"
    return f"complete: {total}, every answer is whole or limited as asked"


def is_unfinished(result: RunResult) -> bool:
    """Whether nothing was made yet of what came: rows may be there twice."""
    exported = any(output.published for output in result.outputs)
    interrupted = result.exit_code is ExitCode.INTERRUPTED and not exported
    return result.under_way or interrupted


def _responses(result: RunResult, request: RequestReport) -> int:
    """Those that stand; those that came where nobody knows which will."""
    again = request.merged if is_unfinished(result) else 0
    return request.responses + again


def _still_to_ask(result: RunResult) -> str:
    """Queries with rows of others that nobody was asked for yet, after a comma."""
    if not result.ungrown:
        return ""
    noun = "queries" if len(result.ungrown) > 1 else "query"
    names = clean(", ".join(result.ungrown))
    return f", {noun} {names} still to be asked for rows of others (for_each)"


def _awaited(result: RunResult, request: RequestReport) -> bool:
    """Whether a request has no verdict yet, in a run that goes on."""
    if not result.under_way or request.cause is None:
        return False
    return request.cause.code == "not-asked"
