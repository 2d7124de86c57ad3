"""Which outputs may replace what stands at their path, and why the others may not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.errors import StorageError
from batchfind.execution.expectations import Expectation
from batchfind.execution.forest import Forest
from batchfind.execution.history import Growth
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
from batchfind.plan.model import Plan, PlannedOutput, Request

WITHHELD: Final = "withheld"
"""Folder of a run directory for outputs that may not replace what is at their path."""

_ENOUGH: Final = {
    Publish.COMPLETE: {Verdict.COMPLETE, Verdict.LIMITED},
    Publish.ANSWERED: {Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT},
    Publish.ALWAYS: set(Verdict),
}
_WORSE: Final = list(Verdict)
_NO_GROWTH: Final = Growth()
_ENDED_BEFORE: Final = (
    "the run ended before it; what stood at its path is unchanged, and nothing is "
    "withheld"
)


def withheld_because(
    output: PlannedOutput,
    forest: Forest,
    verdicts: Mapping[str, RequestVerdict],
    growth: Growth = _NO_GROWTH,
    expectations: Iterable[Expectation] = (),
) -> str:
    """Why an output must not be published; empty when it may be.

    Args:
        output: as planned.
        forest: all requests of the run.
        verdicts: of all of them.
        growth: what became of the requests that answers gave rise to.
        expectations: of all queries, met or not.
    """
    if output.publish is Publish.ALWAYS:
        return ""
    reason = _shortage(output, forest, verdicts, growth) or _unmet(output, expectations)
    return f"{reason}; publish: {output.publish.value}" if reason else ""


def _shortage(
    output: PlannedOutput,
    forest: Forest,
    verdicts: Mapping[str, RequestVerdict],
    growth: Growth,
) -> str:
    names = forest.ancestors(output.query)
    if not output.requests or (names and not forest.of_query(names[-1])):
        return "its query makes no request"
    if short := _short(forest.behind(output), output, verdicts):
        return f"of {short}"
    # Without all rows of its ancestors a query was not asked everything.
    for name in names:
        roots = [one for one in forest.supporting(output) if one.query == name]
        if short := _short(roots, output, verdicts):
            return f"it is asked for rows of {name}: of {short}"
    for name in (output.query, *names[:-1]) if names else ():
        if name not in growth.grown:
            return (
                f"the run ended before query {name} was asked for each row of "
                f"{forest.ancestors(name)[0]}, and batchfind resume goes on"
            )
    lacking = growth.lacking((output.query, *names), forest.supporting(output))
    if lacking and output.publish is Publish.COMPLETE:
        rows = plural(lacking, "row")
        return f"nothing could be asked for {rows} without a usable key"
    return ""


def _unmet(output: PlannedOutput, expectations: Iterable[Expectation]) -> str:
    unmet = [
        f"expect.{one.name}"
        for one in expectations
        if one.query == output.query and not one.met
    ]
    return f"its query does not meet {', '.join(unmet)}" if unmet else ""


def _short(
    requests: Sequence[Request],
    output: PlannedOutput,
    verdicts: Mapping[str, RequestVerdict],
) -> str:
    """How many requests have which verdicts that are not enough; empty: none."""
    enough = _ENOUGH[output.publish]
    found = (verdicts[request.id].verdict for request in requests)
    short = Counter(verdict.value for verdict in found if verdict not in enough)
    if not short:
        return ""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in short.items())
    return f"{plural(len(requests), 'request')} {counts}"


def unwritten(plan: Plan, settled: Iterable[OutputReport]) -> tuple[OutputReport, ...]:
    """The outputs of a run that ended before it came to them.

    Args:
        plan: of the run.
        settled: what became of the others.
    """
    done = {one.path for one in settled}
    return tuple(
        _report(output, None, _ENDED_BEFORE)
        for output in plan.outputs
        if output.path not in done
    )


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


def publish_outputs(  # noqa: PLR0913 - a run has these facts
    forest: Forest,
    publisher: Publisher,
    prepared: Sequence[Prepared],
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
    tell: Callable[[Event], None],
    *,
    growth: Growth = _NO_GROWTH,
    expectations: Sequence[Expectation] = (),
) -> tuple[OutputReport, ...]:
    """Publishes what may be published and keeps the rest in the run directory.

    Args:
        forest: all requests of the run.
        publisher: the run.
        prepared: closed outputs; each is published, withheld or discarded.
        verdicts: final verdicts by request id.
        withheld: folder for what is not published.
        tell: hears of each output.
        growth: what became of the requests that answers gave rise to.
        expectations: of all queries, met or not.

    Returns:
        One report an output in the same order; a failure to write is in its report.
    """
    reports = []
    for each in prepared:
        reason = withheld_because(each.planned, forest, verdicts, growth, expectations)
        report = _settle(forest, publisher, each, verdicts, withheld, reason)
        tell(OutputReady(report))
        reports.append(report)
    return tuple(reports)


def _settle(
    forest: Forest,
    publisher: Publisher,
    prepared: Prepared,
    verdicts: Mapping[str, RequestVerdict],
    withheld: Path,
    reason: str,
) -> OutputReport:
    planned, staged = prepared.planned, prepared.staged
    if staged is None:
        return _report(planned, None, prepared.error)
    try:
        if reason:
            written = staged.withhold(withheld)
        else:
            written = _publish(forest, publisher, planned, staged, verdicts)
    except StorageError as error:
        staged.discard()
        return _report(planned, None, str(error), lasting=error.lasting)
    return _report(planned, written, reason)


def _publish(
    forest: Forest,
    publisher: Publisher,
    planned: PlannedOutput,
    staged: Staged,
    verdicts: Mapping[str, RequestVerdict],
) -> Written:
    plan, query = forest.plan, forest.plan.queries[planned.query]
    behind = [verdicts[one.id].verdict for one in forest.behind(planned)]
    above = [verdicts[one.id].verdict for one in forest.supporting(planned)]
    worst = max((*behind, *above), key=_WORSE.index, default=Verdict.COMPLETE)
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
    asked = query.growing.patterns if query.growing else plan.requests
    coverage = coverage_of(planned, query, asked)
    return staged.publish(publication, coverage.covers)


def _report(
    planned: PlannedOutput,
    written: Written | None,
    reason: str,
    *,
    lasting: bool = False,
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
        lasting=lasting,
    )
