"""The answers of a run that count, read from its capture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from types import MappingProxyType
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
from batchfind.execution.caps import Caps
from batchfind.execution.findings import Findings
from batchfind.execution.forest import Forest
from batchfind.execution.history import Growth, born_requests, growth_of
from batchfind.execution.record import learned
from batchfind.execution.verdicts import contributing, judge_run
from batchfind.execution.wording import plural
from batchfind.plan.model import Plan, Request
from batchfind.tables.slabs import Origin, origin_of

#: Attempts that are read at once, and bytes of their responses.
_TOGETHER = 256
_TOGETHER_BYTES = 1 << 20
_Counting: TypeAlias = tuple[Request, StoredAttempt]
_NONE: Mapping[str, RequestVerdict] = MappingProxyType({})


class Answers:
    """The responses of a run that count, request by request.

    Attributes:
        plan: whose requests were asked.
        capture: where their responses are.
        forest: the plan's requests, and those that were born while it ran.
        growth: what became of the requests that answers gave rise to.
    """

    def __init__(self, plan: Plan, capture: Capture) -> None:
        self.plan = plan
        self.capture = capture
        self.forest = Forest(plan, born_requests(capture))
        self.growth: Growth = growth_of(capture.events())
        self._stored: Mapping[str, tuple[StoredAttempt, ...]] | None = None
        self._attempts: dict[str, tuple[StoredAttempt, ...]] = {}
        self._caps: Caps | None = None

    def attempts(self, request: Request) -> tuple[StoredAttempt, ...]:
        """Every try at a request, oldest first; read once."""
        known = self._attempts.get(request.id)
        if known is not None:
            return known
        if self._stored is None:
            self._stored = self.capture.every_attempt()
        known = self._stored.get(request.id, ())
        if any(attempt.ending is None for attempt in known):
            known = tuple(
                attempt if attempt.ending else self._cut_off(request, attempt)
                for attempt in known
            )
        self._attempts[request.id] = known
        return known

    def every_attempt(self) -> dict[str, tuple[StoredAttempt, ...]]:
        """The tries at each request that was ever asked, by its id."""
        tries = {one.id: self.attempts(one) for one in self.forest.requests}
        return {request: each for request, each in tries.items() if each}

    def counting(self, request: Request) -> StoredAttempt | None:
        """The attempt at a request whose responses count; None without any."""
        cut = bool(self.forest.pieces(request.id))
        return contributing(self.attempts(request), cut=cut)

    def through(self, capture: Capture) -> Answers:
        """The same answers where the capture was opened again."""
        again = copy(self)
        again.capture = capture
        return again

    def judged(
        self,
        findings: Mapping[str, Findings] | None = None,
        skipped: Mapping[str, RequestVerdict] = _NONE,
    ) -> dict[str, RequestVerdict]:
        """Verdicts of all requests, in plan order.

        Args:
            findings: of the finishing pass by request id; None gives provisional
                verdicts.
            skipped: why requests were not attempted, by request id; verdicts of
                requests that were attempted are of no account here.
        """
        self._caps = self._caps or learned(self.forest, self.attempts)
        return judge_run(
            self.forest,
            self.attempts,
            findings,
            skipped=skipped,
            refused=self.growth.refused,
            keyless=self.growth.unusable,
            caps=self._caps,
        )

    def verdicts(
        self, skipped: Mapping[str, RequestVerdict] = _NONE
    ) -> dict[str, RequestVerdict]:
        """Verdicts of all requests without reading what came, in plan order.

        Verdicts that were stored for the same attempts stand, all of a root and its
        pieces or none: they know what the finishing pass found. Answers that came
        since may cast doubt on them, where a run died before it judged all anew.

        Args:
            skipped: as for `judged`, where more is known than the capture tells.
        """
        stored = self.capture.verdicts()
        verdicts = self.judged(skipped={**stored, **skipped})
        if not stored:
            return verdicts
        standing: dict[str, RequestVerdict] = {}
        for root in self.forest.roots:
            tree = [one.id for one in self.forest.members(root)]
            known = not any(verdicts[one] is skipped.get(one) for one in tree)
            if known and all(_is_same(stored.get(one), verdicts[one]) for one in tree):
                standing |= {one: stored[one] for one in tree}
        if len(standing) < len(verdicts):
            standing = {
                one: _graver(verdict, verdicts[one])
                for one, verdict in standing.items()
            }
        return verdicts | standing

    def agreed(self) -> dict[str, AttemptFacts]:
        """What was agreed for each request's attempt that counts, if anything."""
        counting = {
            request.id: self.counting(request) for request in self.forest.requests
        }
        return {
            identity: attempt.facts
            for identity, attempt in counting.items()
            if attempt is not None and attempt.facts is not None
        }

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
            verdicts: by request id; each row carries that of its request's root.

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
                    root = self.forest.root_of(request)
                    verdict = verdicts[root.id].verdict
                    origin = self._origin(request, attempt, verdict, run_id)
                    last = number
                yield origin, matches

    def _counting(self, requests: Iterable[Request]) -> Iterator[_Counting]:
        for request in requests:
            attempt = self.counting(request)
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
        origin = origin_of(
            request,
            self.plan.peers[request.peer],
            attempt,
            verdict,
            run_id,
            dictionary=self.plan.dictionary,
            correction=self.plan.queries[request.query].data_correction,
        )
        root = self.forest.root_of(request)
        return origin if root is request else replace(origin, cut_from=root.id)


def _is_same(stored: RequestVerdict | None, judged: RequestVerdict) -> bool:
    """Whether a stored verdict was made of the same attempts and pieces."""
    return stored is not None and (
        (stored.attempt, stored.attempts, stored.pieces)
        == (judged.attempt, judged.attempts, judged.pieces)
    )


def _graver(stored: RequestVerdict, judged: RequestVerdict) -> RequestVerdict:
    """The stored verdict, unless what is known now speaks louder against the answer."""
    louder = _doubt(judged.verdict) > _doubt(stored.verdict)
    return judged if louder else stored


def _doubt(verdict: Verdict) -> int:
    match verdict:
        case Verdict.COMPLETE | Verdict.LIMITED:
            return 0
        case Verdict.SUSPECT:
            return 1
        case _:
            return 2


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
