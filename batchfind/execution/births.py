"""What answers give rise to, and what is to be remembered where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from batchfind.execution.history import Answered, Growth
from batchfind.execution.progress import RequestsGrown, RequestSplit
from batchfind.plan.model import Request

Note: TypeAlias = tuple[str, Mapping[str, Any]]
"""Kind and data of an event for the journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What some answers gave rise to.

    Attributes:
        requests: new ones, all to be journalled or none.
        notes: for the journal.
        event: for observers, once the journal holds the requests.
    """

    requests: tuple[Request, ...] = ()
    notes: tuple[Note, ...] = ()
    event: RequestSplit | RequestsGrown | None = None


Births: TypeAlias = tuple[Birth, ...]


class GrowthNotes:
    """Keeps what the journal is told of growth; nothing is told twice."""

    def __init__(self, growth: Growth) -> None:
        """With what earlier executions told it."""
        self._refused = dict(growth.refusals)
        self._unusable = dict(growth.unusable)

    def refused(
        self, query: str, answers: Iterable[str], message: str
    ) -> tuple[Note, ...]:
        """A query has no requests for the answers of some others, and why."""
        pairs = [(one, query) for one in answers]
        new = [pair for pair in pairs if self._refused.get(pair, "") != message]
        self._refused |= dict.fromkeys(new, message)
        return tuple(_refusal(pair, message) for pair in new)

    def allowed(self, query: str, answers: Iterable[str]) -> tuple[Note, ...]:
        """A query has them after all, if that was ever refused."""
        pairs = [(one, query) for one in answers]
        again = [pair for pair in pairs if self._refused.pop(pair, "")]
        return tuple(_refusal(pair, "") for pair in again)

    def keyless(self, query: str, rows: Mapping[str, int]) -> tuple[Note, ...]:
        """How many rows a query can ask nothing for, by id of their root."""
        counted = {(root, query): count for root, count in rows.items()}
        new = {
            pair: count
            for pair, count in counted.items()
            if self._unusable.get(pair, 0) != count
        }
        self._unusable |= new
        return tuple(
            ("no-key", {"request": root, "query": query, "rows": count})
            for (root, query), count in new.items()
        )


def _refusal(pair: Answered, message: str) -> Note:
    request, query = pair
    return "growth-refused", {"request": request, "query": query, "message": message}
