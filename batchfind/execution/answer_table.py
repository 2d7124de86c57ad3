"""A run's answers to one query as a table in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from batchfind.capture.reader import open_capture
from batchfind.capture.run_directory import CAPTURE
from batchfind.errors import UsageError
from batchfind.execution.answers import Answers
from batchfind.execution.history import plan_of
from batchfind.execution.selection import select
from batchfind.plan.model import Plan, PlannedQuery, Request
from batchfind.tables.collect import collect
from batchfind.tables.slabs import Slab, join


def read_answers(run_dir: Path, query: str | None = None) -> Any:
    """All rows of a query, whatever their verdict, typed and with provenance.

    Rows that several requests of a family brought are there once, as in outputs.

    Args:
        run_dir: a run directory; nothing in it is changed.
        query: its name; None means the only query of the run.

    Returns:
        A `pyarrow.Table` with the full schema, also without rows.

    Raises:
        UsageError: the run has no such query, or several and none is named.
        UsageError: it is no run directory.
        StorageError: it cannot be read.
    """
    plan = plan_of(run_dir)
    planned = _query(plan, query)
    with open_capture(run_dir / CAPTURE) as capture:
        answers = Answers(plan, capture)
        verdicts = answers.verdicts()

        def read(requests: Sequence[Request]) -> Iterator[Slab]:
            return join(answers.sets(requests, verdicts))

        selection = select(planned, answers, read)
        return collect(planned, read(selection.requests), keep=selection.kept.of)


def _query(plan: Plan, name: str | None) -> PlannedQuery:
    if name is None and len(plan.queries) == 1:
        return next(iter(plan.queries.values()))
    if name is not None and name in plan.queries:
        return plan.queries[name]
    known = ", ".join(plan.queries)
    asked = "name one query" if name is None else f"there is no query {name!r}"
    raise UsageError(f"{asked}: this run has {known}")
