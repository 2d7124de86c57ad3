"""Which outputs may replace what stands at their path, and why the others may not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.errors import StorageError
from batchfind.execution.progress import Event, OutputReady
from batchfind.execution.results import OutputReport
from batchfind.execution.wording import plural
from batchfind.job.model import Publish
from batchfind.outputs.staging import Staged, Written
from batchfind.plan.model import PlannedOutput

WITHHELD = "withheld"
"""Folder of a run directory for outputs that may not replace what is at their path."""

_ENOUGH = {
    Publish.COMPLETE: {Verdict.COMPLETE, Verdict.LIMITED},
    Publish.ANSWERED: {Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT},
    Publish.ALWAYS: set(Verdict),
}


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
    staged: Sequence[tuple[PlannedOutput, Staged]],
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
    tell: Callable[[Event], None],
) -> tuple[OutputReport, ...]:
    """Publishes what may be published and keeps the rest in the run directory.

    Args:
        staged: closed outputs; each is published, withheld or discarded.
        verdicts: final verdicts by request id.
        withheld: folder for what is not published.
        tell: hears of each output.

    Returns:
        One report an output in the same order; a failure to write is in its report.
    """
    reports = []
    for planned, each in staged:
        reason = withheld_because(planned, verdicts)
        report = _settle(planned, each, reason, withheld)
        tell(OutputReady(report))
        reports.append(report)
    return tuple(reports)


def _settle(
    planned: PlannedOutput, staged: Staged, reason: str, withheld: Path
) -> OutputReport:
    failed = False
    try:
        written = staged.withhold(withheld) if reason else staged.publish()
    except StorageError as error:
        staged.discard()
        path = Path(planned.path)
        written = Written(path=path, rows=0, bytes=0, sha256="")
        reason, failed = str(error), True
    return OutputReport(
        path=planned.path,
        format=planned.format.value,
        query=planned.query,
        published=not reason,
        written="" if failed else str(written.path),
        rows=written.rows,
        bytes=written.bytes,
        sha256=written.sha256,
        reason=reason,
        failed=failed,
    )
