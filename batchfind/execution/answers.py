"""A run's answers to one query as a table in memory, read from its capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchfind.capture.reader import Capture, open_capture
from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    StoredAttempt,
    StoredMatches,
    Verdict,
)
from batchfind.capture.run_directory import CAPTURE
from batchfind.errors import UsageError
from batchfind.execution.history import plan_of
from batchfind.execution.verdicts import contributing, judge
from batchfind.execution.wording import plural
from batchfind.plan.model import Plan, PlannedQuery, Request
from batchfind.tables.collect import collect
from batchfind.tables.slabs import Origin, join, origin_of

_ANSWERED = (Verdict.COMPLETE, Verdict.LIMITED, Verdict.SUSPECT)


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
            self._attempts[request.id] = tuple(
                attempt if attempt.ending else self._cut_off(request, attempt)
                for attempt in self.capture.attempts(request.id)
            )
        return self._attempts[request.id]

    def verdicts(self) -> dict[str, RequestVerdict]:
        """Verdicts of all requests from their attempts alone, in plan order.

        A verdict that was stored for the same attempt stands: it knows what the
        finishing pass found, or why the request was skipped.
        """
        stored = self.capture.verdicts()
        verdicts = {}
        for request in self.plan.requests:
            peer = self.plan.peers[request.peer]
            verdict = judge(request, peer, self.attempts(request))
            known = stored.get(request.id)
            same = known is not None and known.attempt == verdict.attempt
            verdicts[request.id] = known if known is not None and same else verdict
        return verdicts

    def agreed(self) -> dict[str, AttemptFacts]:
        """What was agreed for each request's attempt that counts, if anything."""
        counting = {
            request.id: contributing(self.attempts(request))
            for request in self.plan.requests
        }
        return {
            identity: attempt.facts
            for identity, attempt in counting.items()
            if attempt is not None and attempt.facts is not None
        }

    def unanswered(self) -> tuple[Request, ...]:
        """Requests that are failed, partial, skipped or were never asked."""
        verdicts = self.verdicts()
        return tuple(
            request
            for request in self.plan.requests
            if verdicts[request.id].verdict not in _ANSWERED
        )

    def _cut_off(self, request: Request, attempt: StoredAttempt) -> StoredAttempt:
        """An attempt our own process died in, with the ending it would have had."""
        stored = self.capture.matches(attempt.number)
        count = sum(len(matches.ends) for matches in stored)
        cause = Cause(
            code="interrupted",
            message=(
                f"{request.peer}: the run died during this request, after "
                f"{plural(count, 'response')}"
            ),
            hint="batchfind resume asks again",
        )
        outcome = Outcome.PARTIAL if count else Outcome.FAILED
        ending = Ending(outcome=outcome, cause=cause, responses=count, kept=count)
        return replace(attempt, ending=ending)

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
        run_id = self.capture.path.absolute().parent.name
        for request in requests:
            attempt = contributing(self.attempts(request))
            if attempt is None or attempt.facts is None:
                continue
            peer = self.plan.peers[request.peer]
            verdict = verdicts[request.id].verdict
            origin = origin_of(
                request,
                peer,
                attempt,
                verdict,
                run_id,
                dictionary=self.plan.dictionary,
                correction=self.plan.queries[request.query].data_correction,
            )
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
        answers = Answers(plan, capture)
        verdicts = answers.verdicts()
        return collect(planned, join(answers.sets(requests, verdicts)))


def _query(plan: Plan, name: str | None) -> PlannedQuery:
    if name is None and len(plan.queries) == 1:
        return next(iter(plan.queries.values()))
    if name is not None and name in plan.queries:
        return plan.queries[name]
    known = ", ".join(plan.queries)
    asked = "name one query" if name is None else f"there is no query {name!r}"
    raise UsageError(f"{asked}: this run has {known}")
