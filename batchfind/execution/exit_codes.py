"""One number for a whole run: the first of the design's order that applies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.expectations import Expectation
from batchfind.execution.results import ExitCode, OutputReport

_INCOMPLETE = (Verdict.FAILED, Verdict.PARTIAL, Verdict.SKIPPED)
_BEFORE_ANY_ANSWER = ("connect", "association")
_RETRYABLE = (ExitCode.INCOMPLETE, ExitCode.UNREACHABLE, ExitCode.STORAGE)


def exit_code_of(
    verdicts: Sequence[RequestVerdict],
    *,
    interrupted: bool = False,
    internal: bool = False,
    storage_failed: bool = False,
    expectations: Iterable[Expectation] = (),
    keyless: int = 0,
    ungrown: Sequence[str] = (),
) -> ExitCode:
    """The exit code of a run with these final verdicts.

    Args:
        verdicts: of its roots; those of pieces are part of them.
        interrupted: it was ended before its time.
        internal: a mistake of ours was met; one that ended a request is known.
        storage_failed: the capture or an output could not be written.
        expectations: of the job.
        keyless: rows for which nothing could be asked, though the job wanted it.
        ungrown: queries that were not asked for every row of their parents.
    """
    if interrupted:
        return ExitCode.INTERRUPTED
    if internal or any(_is_ours(verdict) for verdict in verdicts):
        return ExitCode.INTERNAL
    if storage_failed:
        return ExitCode.STORAGE
    attempted = [verdict for verdict in verdicts if verdict.attempts]
    if attempted and all(_unreached(verdict) for verdict in attempted):
        return ExitCode.UNREACHABLE
    found = {verdict.verdict for verdict in verdicts}
    if ungrown or found.intersection(_INCOMPLETE):
        return ExitCode.INCOMPLETE
    if not all(one.met for one in expectations):
        return ExitCode.EXPECTATION
    if Verdict.SUSPECT in found or keyless:
        return ExitCode.SUSPECT
    return ExitCode.OK


def retryable(code: ExitCode, outputs: Iterable[OutputReport] = ()) -> bool:
    """Whether running again can help.

    Args:
        code: of the run.
        outputs: what became of them: with nothing but outputs that stay unwritten
            until somebody decides otherwise, it cannot.
    """
    failed = [output for output in outputs if output.failed]
    if code is ExitCode.STORAGE and failed:
        return not all(output.lasting for output in failed)
    return code in _RETRYABLE


def _is_ours(verdict: RequestVerdict) -> bool:
    return verdict.cause is not None and verdict.cause.code == "internal"


def _unreached(verdict: RequestVerdict) -> bool:
    cause = verdict.cause
    return (
        verdict.verdict is Verdict.FAILED
        and cause is not None
        and cause.phase in _BEFORE_ANY_ANSWER
    )
