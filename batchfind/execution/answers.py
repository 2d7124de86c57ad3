"""The answers of a run that count, read from its capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from batchfind.capture.reader import Capture
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
from batchfind.execution.verdicts import contributing, judge
from batchfind.execution.wording import plural
from batchfind.plan.model import Plan, Request
from batchfind.tables.slabs import Origin, origin_of

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
        self._stored: Mapping[str, tuple[StoredAttempt, ...]] | None = None
        self._attempts: dict[str, tuple[StoredAttempt, ...]] = {}

    def attempts(self, request: Request) -> tuple[StoredAttempt, ...]:
        """Every try at a request, oldest first; read once."""
        if self._stored is None:
            self._stored = self.capture.every_attempt()
        if request.id not in self._attempts:
            self._attempts[request.id] = tuple(
                attempt if attempt.ending else self._cut_off(request, attempt)
                for attempt in self._stored.get(request.id, ())
            )
        return self._attempts[request.id]

    def through(self, capture: Capture) -> Answers:
        """The same answers where the capture was opened again."""
        again = Answers(self.plan, capture)
        again._stored, again._attempts = self._stored, self._attempts
        return again

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
