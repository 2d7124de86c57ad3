"""What answers give rise to, and what is to be remembered where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from batchfind.execution.history import Growth
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
        self._refused = dict(growth.refused)
        self._keyless = dict(growth.keyless)

    def refused(self, answers: Iterable[str], message: str) -> tuple[Note, ...]:
        """Nothing is born of the answers of some requests, and why."""
        new = [one for one in answers if self._refused.get(one, "") != message]
        self._refused |= dict.fromkeys(new, message)
        return tuple(_refusal(one, message) for one in new)

    def allowed(self, answers: Iterable[str]) -> tuple[Note, ...]:
        """Requests are born of some answers after all, if that was ever refused."""
        again = [one for one in answers if self._refused.pop(one, "")]
        return tuple(_refusal(one, "") for one in again)

    def keyless(self, rows: Mapping[str, int]) -> tuple[Note, ...]:
        """How many rows nothing can be asked for, by id of their root."""
        new = {one: count for one, count in rows.items() if self._count(one) != count}
        self._keyless |= new
        return tuple(
            ("no-key", {"request": one, "rows": count}) for one, count in new.items()
        )

    def _count(self, root: str) -> int:
        return self._keyless.get(root, 0)


def _refusal(request: str, message: str) -> Note:
    return "growth-refused", {"request": request, "message": message}
