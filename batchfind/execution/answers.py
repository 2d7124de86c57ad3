"""A run's answers to one query as a table in memory, read from its capture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batchfind.capture.reader import Capture, open_capture
from batchfind.capture.records import StoredMatches
from batchfind.capture.run_directory import CAPTURE
from batchfind.errors import UsageError
from batchfind.execution.history import judged, plan_of
from batchfind.execution.verdicts import contributing
from batchfind.plan.model import Plan, PlannedQuery
from batchfind.tables.collect import collect
from batchfind.tables.slabs import Origin, join, origin_of


def read_answers(run_dir: Path, query: str | None = None) -> Any:
    """All rows of a query, whatever their verdict, typed and with provenance.

    Args:
        run_dir: a run directory; nothing in it is changed.
        query: its name; None means the only query of the run.

    Returns:
        A `pyarrow.Table` with the full schema, also without rows.

    Raises:
        UsageError: the run has no such query, or several and none is named.
        StateError: it is no run directory.
        StorageError: it cannot be read.
    """
    plan = plan_of(run_dir)
    planned = _query(plan, query)
    with open_capture(run_dir / CAPTURE) as capture:
        return collect(planned, join(_sets(plan, planned, capture)))


def _query(plan: Plan, name: str | None) -> PlannedQuery:
    if name is None and len(plan.queries) == 1:
        return next(iter(plan.queries.values()))
    if name is not None and name in plan.queries:
        return plan.queries[name]
    known = ", ".join(plan.queries)
    asked = "name one query" if name is None else f"there is no query {name!r}"
    raise UsageError(f"{asked}: this run has {known}")


def _sets(
    plan: Plan, query: PlannedQuery, capture: Capture
) -> Iterator[tuple[Origin, StoredMatches]]:
    verdicts = judged(plan, capture)
    for request in plan.requests:
        if request.query != query.name:
            continue
        attempt = contributing(capture.attempts(request.id))
        if attempt is None or attempt.facts is None:
            continue
        peer = plan.peers[request.peer]
        verdict = verdicts[request.id].verdict
        origin = origin_of(request, peer, attempt, verdict)
        for matches in capture.matches(attempt.number):
            yield origin, matches
