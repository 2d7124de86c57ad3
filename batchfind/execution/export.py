"""Renders a run's outputs again from its capture, without asking any peer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from batchfind.capture.reader import open_capture
from batchfind.capture.records import RequestVerdict
from batchfind.capture.run_directory import CAPTURE
from batchfind.execution.again import refuse_other
from batchfind.execution.answers import Answers
from batchfind.execution.exit_codes import exit_code_of, retryable
from batchfind.execution.finishing import Finishing
from batchfind.execution.history import plan_of, was_interrupted
from batchfind.execution.machine_faults import machine_faults
from batchfind.execution.publisher import Publisher, publisher_of
from batchfind.execution.publishing import WITHHELD, forget_withheld, publish_outputs
from batchfind.execution.reporting import report_requests, warnings_of
from batchfind.execution.results import OutputReport, RunResult
from batchfind.execution.targets import check_targets
from batchfind.job.model import Publish
from batchfind.job.output_model import Overwrite
from batchfind.plan.model import Plan, PlannedOutput

_EXPORTS = "exports"
_PRIVATE = 0o600
_SAME = (
    "export takes only outputs from an edited job: give the --var that the run was "
    "given, or run the job anew"
)


def export_run(
    run_dir: Path,
    *,
    to_paths: bool = False,
    publish: Publish | None = None,
    force: bool = False,
    edited: Plan | None = None,
) -> RunResult:
    """Writes the outputs of a run again, by default below `<run>/exports/`.

    Args:
        run_dir: a run directory; its capture is read, not changed.
        to_paths: publish at the job's own paths.
        publish: takes the place of every output's own `publish`; without it and
            without `to_paths`, everything is written, for it replaces nothing.
        force: replace also what a newer run has published at the job's paths.
        edited: plan of the job as it is now, whose outputs are wanted instead of
            the stored ones; its requests must be those of the run.

    Returns:
        Verdicts and outputs; the exit code is the run's own, so that a script
        does not take half an answer for a whole one, or 7 when an output cannot be
        written.

    Raises:
        UsageError: it is no run directory.
        StateError: `edited` asks something else than the run did.
        StorageError: it cannot be read, or a newer run has published an output.
        JobError: an output cannot be written.
    """
    run_dir = run_dir.absolute()
    stored = plan_of(run_dir)
    plan = stored
    if edited is not None:
        refuse_other(stored, edited, run_dir, _SAME)
        plan = replace(edited, policy=stored.policy)
    plan = _targets(plan, run_dir, to_paths, publish)
    with open_capture(run_dir / CAPTURE) as capture:
        guarded = to_paths and not force
        publisher = publisher_of(run_dir.name, capture.meta, guarded=guarded)
        check_targets(plan, publisher, exporting=not to_paths)
        answers = Answers(plan, capture)
        if not to_paths:
            _make_exports(run_dir)
        interrupted = was_interrupted(capture.events(), run_dir)
        agreed = answers.agreed()
        finishing = Finishing(answers, run_dir.name, lambda _: None)
        verdicts = finishing.render(answers.verdicts())
    withheld = run_dir / WITHHELD
    try:
        if to_paths:
            forget_withheld(withheld)
        with machine_faults("exporting the outputs"):
            outputs = _published(answers, finishing, publisher, verdicts, withheld)
    finally:
        finishing.discard()
        with suppress(OSError):  # kept if anything is in it
            (run_dir / _EXPORTS).rmdir()
    requests = report_requests(answers.forest, verdicts, agreed)
    ungrown = answers.growth.ungrown(stored)
    failed = any(output.failed for output in outputs)
    code = exit_code_of(
        [verdicts[root.id] for root in answers.forest.roots],
        interrupted=interrupted and not failed,
        storage_failed=failed,
        expectations=finishing.expectations,
        keyless=sum(answers.growth.unusable.values()),
        ungrown=ungrown,
    )
    return RunResult(
        run_dir=run_dir,
        run_id=run_dir.name,
        job=plan.job,
        plan_digest=plan.digest,
        exit_code=code,
        retryable=retryable(code, outputs),
        requests=requests,
        outputs=outputs,
        ungrown=ungrown,
        warnings=warnings_of(plan),
        expectations=finishing.expectations,
    )


def _make_exports(run_dir: Path) -> None:
    """Makes the folder for its owner alone; whoever writes there tells why not."""
    with suppress(OSError):
        (run_dir / _EXPORTS).mkdir(mode=0o700, exist_ok=True)


def _published(
    answers: Answers,
    finishing: Finishing,
    publisher: Publisher,
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
) -> tuple[OutputReport, ...]:
    """What became of the outputs; nobody is told of them one by one."""
    return publish_outputs(
        answers.forest,
        publisher,
        finishing.prepared,
        verdicts,
        withheld,
        lambda _: None,
        growth=answers.growth,
        expectations=finishing.expectations,
    )


def _targets(
    plan: Plan, run_dir: Path, to_paths: bool, publish: Publish | None
) -> Plan:
    """The plan with its outputs where this export wants them."""
    taken: set[str] = set()

    def aimed(output: PlannedOutput) -> PlannedOutput:
        if to_paths:
            return replace(output, publish=publish or output.publish)
        path = _free(run_dir / _EXPORTS / Path(output.path).name, taken)
        # Whatever the job does at its paths, an export shows what this run holds.
        return replace(
            output,
            path=path,
            publish=publish or Publish.ALWAYS,
            overwrite=Overwrite.REPLACE,
            # What stands in a run directory is for its owner, as all else there.
            options=replace(output.options, mode=_PRIVATE, group=None),
        )

    return replace(plan, outputs=tuple(aimed(output) for output in plan.outputs))


def _free(path: Path, taken: set[str]) -> str:
    """The path, with a number before its suffix when another output has it."""
    candidate, number = path, 1
    while str(candidate) in taken:
        number += 1
        candidate = path.with_name(f"{path.stem}-{number}{path.suffix}")
    taken.add(str(candidate))
    return str(candidate)
