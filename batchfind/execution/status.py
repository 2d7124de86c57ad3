"""How a run stands, read from its directory alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from batchfind.capture.lock import holder_of
from batchfind.capture.pin import pin_of
from batchfind.capture.reader import open_capture
from batchfind.capture.records import Cause, RequestVerdict, Verdict
from batchfind.capture.run_directory import CAPTURE, RUN_LOCK
from batchfind.execution.answers import Answers
from batchfind.execution.exit_codes import retryable
from batchfind.execution.expectations import Expectation
from batchfind.execution.history import failure_of, last_execution, plan_of
from batchfind.execution.reporting import report_requests, warnings_of
from batchfind.execution.results import ExitCode, OutputReport, RunResult


def run_status(run_dir: Path) -> RunResult:
    """The result of a run as it stands now, also of one that died or still runs.

    Args:
        run_dir: a run directory; nothing in it is changed.

    Returns:
        Its verdicts and outputs; a run without an end counts as interrupted.

    Raises:
        UsageError: it is no run directory.
        StorageError: it cannot be read, or its plan is damaged.
    """
    plan = plan_of(run_dir)
    with open_capture(run_dir / CAPTURE) as capture:
        answers = Answers(plan, capture)
        verdicts, agreed = answers.verdicts(), answers.agreed()
        events = last_execution(capture.events())
    ended = next((event for event in events if event.kind == "run-ended"), None)
    outputs = tuple(
        OutputReport.from_json(event.data) for event in events if event.kind == "output"
    )
    holder = holder_of(run_dir / RUN_LOCK)
    code = ExitCode.INTERRUPTED
    error = "the run died before its end; batchfind resume goes on with it"
    if holder is not None:
        error = f"the run is still under way in {holder}"
        verdicts = {key: _pending(each) for key, each in verdicts.items()}
    elif failure := failure_of(run_dir):
        code, error = ExitCode.STORAGE, failure
    elif ended is not None:
        code, error = ExitCode(ended.data["exit_code"]), str(ended.data["error"])
    return RunResult(
        run_dir=run_dir.absolute(),
        run_id=run_dir.absolute().name,
        job=plan.job,
        plan_digest=plan.digest,
        exit_code=code,
        retryable=retryable(code, outputs),
        requests=report_requests(answers.forest, verdicts, agreed),
        outputs=outputs,
        error=error,
        warnings=warnings_of(plan),
        under_way=holder is not None,
        ungrown=answers.growth.ungrown(plan),
        pin=pin_of(run_dir),
        expectations=tuple(
            Expectation.from_json(event.data)
            for event in events
            if event.kind == "expectation"
        ),
    )


def _pending(verdict: RequestVerdict) -> RequestVerdict:
    """A request without an ending, while its run still goes on."""
    if verdict.cause is None or verdict.cause.code != "interrupted":
        return verdict
    cause = Cause(code="not-asked", message="its answer is still awaited", phase="plan")
    return replace(verdict, verdict=Verdict.SKIPPED, cause=cause)
