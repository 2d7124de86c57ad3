"""A run's answers to one query as a table in memory, read from its capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from batchfind.capture.reader import Capture, open_capture
from batchfind.capture.records import RequestVerdict, StoredAttempt, StoredMatches
from batchfind.capture.run_directory import CAPTURE
from batchfind.errors import UsageError
from batchfind.execution.history import judged, plan_of
from batchfind.execution.verdicts import contributing
from batchfind.plan.model import Plan, PlannedQuery, Request
from batchfind.tables.collect import collect
from batchfind.tables.slabs import Origin, join, origin_of


class Answers:
    """The responses of a run that count, request by request.

    Attributes:
        plan: whose requests were asked.
        capture: where their responses are.
    """

    def __init__(self, plan: Plan, capture: Capture) -> None:
        self.plan = plan
        self.capture = capture
        self._attempts: dict[str, tuple[StoredAttempt, ...]] = {}

    def attempts(self, request: Request) -> tuple[StoredAttempt, ...]:
        """Every try at a request, oldest first; read once."""
        if request.id not in self._attempts:
            self._attempts[request.id] = self.capture.attempts(request.id)
        return self._attempts[request.id]

    def sets(
        self, requests: Iterable[Request], verdicts: Mapping[str, RequestVerdict]
    ) -> Iterator[tuple[Origin, StoredMatches]]:
        """The sets of matches of each request's contributing attempt.

        Args:
            requests: in plan order.
            verdicts: by request id; each row carries its request's.

        Raises:
            StorageError: the capture is damaged.
        """
        for request in requests:
            attempt = contributing(self.attempts(request))
            if attempt is None or attempt.facts is None:
                continue
            peer = self.plan.peers[request.peer]
            verdict = verdicts[request.id].verdict
            origin = origin_of(request, peer, attempt, verdict)
            for matches in self.capture.matches(attempt.number):
                yield origin, matches


def read_answers(run_dir: Path, query: str | None = None) -> Any:
    """All rows of a query, whatever their verdict, typed and with provenance.

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
    requests = [each for each in plan.requests if each.query == planned.name]
    with open_capture(run_dir / CAPTURE) as capture:
        verdicts = judged(plan, capture)
        answers = Answers(plan, capture)
        return collect(planned, join(answers.sets(requests, verdicts)))


def _query(plan: Plan, name: str | None) -> PlannedQuery:
    if name is None and len(plan.queries) == 1:
        return next(iter(plan.queries.values()))
    if name is not None and name in plan.queries:
        return plan.queries[name]
    known = ", ".join(plan.queries)
    asked = "name one query" if name is None else f"there is no query {name!r}"
    raise UsageError(f"{asked}: this run has {known}")
