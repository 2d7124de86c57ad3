"""The answers of a run that count, read from its capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

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

#: Attempts that are read at once, and bytes of their responses.
_TOGETHER = 256
_TOGETHER_BYTES = 1 << 20
_Counting: TypeAlias = tuple[Request, StoredAttempt]
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
        for together in _together(self._counting(requests)):
            asked = {
                attempt.number: (request, attempt) for request, attempt in together
            }
            origin: Origin | None = None
            last = 0
            for number, matches in self._stored_sets(list(asked)):
                if origin is None or number != last:
                    request, attempt = asked[number]
                    verdict = verdicts[request.id].verdict
                    origin = self._origin(request, attempt, verdict, run_id)
                    last = number
                yield origin, matches

    def _counting(self, requests: Iterable[Request]) -> Iterator[_Counting]:
        for request in requests:
            attempt = contributing(self.attempts(request))
            if attempt is not None and attempt.facts is not None:
                yield request, attempt

    def _stored_sets(self, numbers: list[int]) -> Iterator[tuple[int, StoredMatches]]:
        if len(numbers) > 1:
            return self.capture.matches_of(numbers)
        (number,) = numbers
        return ((number, matches) for matches in self.capture.matches(number))

    def _origin(
        self, request: Request, attempt: StoredAttempt, verdict: Verdict, run_id: str
    ) -> Origin:
        return origin_of(
            request,
            self.plan.peers[request.peer],
            attempt,
            verdict,
            run_id,
            dictionary=self.plan.dictionary,
            correction=self.plan.queries[request.query].data_correction,
        )


def _together(counting: Iterable[_Counting]) -> Iterator[list[_Counting]]:
    """Neighbours whose responses are few enough to be read at once."""
    group: list[_Counting] = []
    size = 0
    for each in counting:
        ending = each[1].ending
        # What an attempt that was cut off left was never counted in bytes.
        known = ending is not None and (ending.bytes or not ending.responses)
        weight = ending.bytes if ending is not None and known else _TOGETHER_BYTES
        if group and (size + weight > _TOGETHER_BYTES or len(group) == _TOGETHER):
            yield group
            group, size = [], 0
        group.append(each)
        size += weight
    if group:
        yield group
