"""Which outputs may replace what stands at their path, and why the others may not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.errors import StorageError
from batchfind.execution.progress import Event, OutputReady
from batchfind.execution.publisher import Publisher
from batchfind.execution.rendition import Prepared
from batchfind.execution.results import OutputReport
from batchfind.execution.wording import plural
from batchfind.job.model import Publish
from batchfind.job.output_model import Overwrite
from batchfind.outputs.publication import Publication
from batchfind.outputs.staging import Staged, Written
from batchfind.plan.coverage import coverage_of
from batchfind.plan.model import Plan, PlannedOutput

WITHHELD: Final = "withheld"
"""Folder of a run directory for outputs that may not replace what is at their path."""

_ENOUGH: Final = {
    Publish.COMPLETE: {Verdict.COMPLETE, Verdict.LIMITED},
    Publish.ANSWERED: {Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT},
    Publish.ALWAYS: set(Verdict),
}
_WORSE: Final = list(Verdict)


def withheld_because(
    output: PlannedOutput, verdicts: Mapping[str, RequestVerdict]
) -> str:
    """Why an output must not be published; empty when it may be."""
    enough = _ENOUGH[output.publish]
    if not output.requests and output.publish is not Publish.ALWAYS:
        return f"its query makes no request; publish: {output.publish.value}"
    short = Counter(
        verdicts[request].verdict.value
        for request in output.requests
        if verdicts[request].verdict not in enough
    )
    if not short:
        return ""
    found = ", ".join(f"{count} {verdict}" for verdict, count in short.items())
    total = plural(len(output.requests), "request")
    return f"of {total} {found}; publish: {output.publish.value}"


def forget_withheld(withheld: Path) -> None:
    """Removes what an earlier execution of the same run withheld.

    Raises:
        StorageError: it cannot be removed.
    """
    try:
        shutil.rmtree(withheld)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{withheld}: cannot be replaced: {error}") from error


def publish_outputs(
    plan: Plan,
    publisher: Publisher,
    prepared: Sequence[Prepared],
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
    tell: Callable[[Event], None],
) -> tuple[OutputReport, ...]:
    """Publishes what may be published and keeps the rest in the run directory.

    Args:
        plan: of the run.
        publisher: the run.
        prepared: closed outputs; each is published, withheld or discarded.
        verdicts: final verdicts by request id.
        withheld: folder for what is not published.
        tell: hears of each output.

    Returns:
        One report an output in the same order; a failure to write is in its report.
    """
    reports = []
    for each in prepared:
        report = _settle(plan, publisher, each, verdicts, withheld)
        tell(OutputReady(report))
        reports.append(report)
    return tuple(reports)


def _settle(
    plan: Plan,
    publisher: Publisher,
    prepared: Prepared,
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
) -> OutputReport:
    planned, staged = prepared.planned, prepared.staged
    if staged is None:
        return _report(planned, None, prepared.error)
    reason = withheld_because(planned, verdicts)
    try:
        if reason:
            written = staged.withhold(withheld)
        else:
            written = _publish(plan, publisher, planned, staged, verdicts)
    except StorageError as error:
        staged.discard()
        return _report(planned, None, str(error))
    return _report(planned, written, reason)


def _publish(
    plan: Plan,
    publisher: Publisher,
    planned: PlannedOutput,
    staged: Staged,
    verdicts: Mapping[str, RequestVerdict],
) -> Written:
    behind = [verdicts[request].verdict for request in planned.requests]
    worst = max(behind, key=_WORSE.index, default=Verdict.COMPLETE)
    publication = Publication(
        run_id=publisher.run_id,
        started=publisher.started,
        job=plan.job,
        plan_digest=plan.digest,
        verdict=worst.value,
        verdicts={
            verdict.value: behind.count(verdict)
            for verdict in Verdict
            if verdict in behind
        },
        guarded=publisher.guarded,
    )
    if planned.overwrite is not Overwrite.PARTITIONS:
        return staged.publish(publication)
    coverage = coverage_of(planned, plan.queries[planned.query], plan.requests)
    return staged.publish(publication, coverage.covers)


def _report(
    planned: PlannedOutput, written: Written | None, reason: str
) -> OutputReport:
    """What became of an output; without anything written it failed."""
    nothing = Written(path=Path(planned.path), rows=0, bytes=0, sha256="", files=0)
    found = written or nothing
    return OutputReport(
        path=planned.path,
        format=planned.format.value,
        query=planned.query,
        published=not reason,
        written=str(found.path) if written else "",
        rows=found.rows,
        bytes=found.bytes,
        sha256=found.sha256,
        files=found.files,
        invalid=found.invalid,
        reason=reason,
        failed=written is None,
    )
