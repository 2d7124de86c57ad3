"""Queries that ask nothing, said before anybody takes silence for an answer."""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.plan.problems import Problems
from batchfind.plan.requests import Asked


def warn_of_idle_queries(asked: Iterable[Asked], problems: Problems) -> None:
    """Notes each query without a request, unless a problem is why."""
    if problems.errors:
        return
    for one in asked:
        if not one.requests:
            query = one.prepared.query
            message = f"this query makes no request: {_why(one)}"
            problems.warn(query.mark, f"queries.{query.name}", message)


def _why(asked: Asked) -> str:
    prepared = asked.prepared
    if asked.skipped and (asked.cases or not prepared.groups):
        return "every row was skipped"
    if not prepared.groups:
        return "its table has no rows"
    return "exclude takes out every combination of the matrix"
