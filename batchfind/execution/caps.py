"""Doubts whether a peer gave all it has: its cap, declared, seen or suspected.

A peer that caps says so by a status, breaks off, or says nothing at all and ends with
success. The last is only known by its counts, so every count is compared with others
of the same SOP class and level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from batchfind.capture.records import Cause, Ending, Outcome, StoredAttempt
from batchfind.execution.circles import circles_of
from batchfind.execution.contribution import answer
from batchfind.execution.ledger import (
    LEAST_SUSPICIOUS,
    Ground,
    Ledger,
    Tries,
    is_round,
)
from batchfind.execution.wording import listed, plural, whom
from batchfind.plan.model import Plan, PlannedPeer, PlannedQuery, Request

_BROKE_OFF = frozenset(
    ("peer-abort", "peer-closed", "peer-reset", "peer-released", "response-timeout")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Why an answer is taken for a part of what the peer has.

    Attributes:
        code, message, hint: as of a `Cause`.
        silent: the peer said success.
        count: responses that came.
    """

    code: str
    message: str
    hint: str
    silent: bool
    count: int

    @property
    def cause(self) -> Cause:
        """The doubt as the cause of a verdict."""
        return Cause(code=self.code, message=self.message, hint=self.hint)


class Caps:
    """What the answers of a run say about the caps of its peers.

    What it says of a request depends on what it has learnt, not on the order.
    """

    def __init__(self, plan: Plan) -> None:
        """Knows what administrators declared, and nothing else yet."""
        self._plan = plan
        self._ledgers: dict[tuple[str, str, str], Ledger] = {}

    def learn(
        self, request: Request, attempts: Sequence[StoredAttempt]
    ) -> tuple[str, ...]:
        """Takes in how a request ended; again when it was asked again.

        Args:
            request: that was asked.
            attempts: every try at it, oldest first.

        Returns:
            Ids of requests learnt before that are doubted only now, in plan order.
        """
        return self._ledger(request).learn(self._tries(request, attempts))

    def doubt(
        self, request: Request, attempts: Sequence[StoredAttempt]
    ) -> Doubt | None:
        """Why the peer may have more than a request brought; None when nothing says so.

        Args:
            request: whether learnt or not.
            attempts: every try at it, oldest first.
        """
        answered = answer(attempts)
        if answered is None:
            return self._cut_off(request, attempts)
        if answered.outcome is Outcome.LIMITED or _is_enough(request, answered):
            return None
        ledger = self._ledger(request)
        if ledger.trusts(answered.responses):
            return None
        ground = ledger.ground(self._tries(request, attempts))
        if ground is None:
            return None
        return _silent(request, self._plan, ledger, ground, answered.responses)

    def again(self, request: Request, attempts: Sequence[StoredAttempt]) -> bool:
        """Whether an answer broke off at a count that has to be seen a second time."""
        ended = [one.ending for one in attempts if one.ending is not None]
        broken = [ending for ending in ended if _broke_off(ending)]
        return (
            len(broken) == 1
            and ended[-1] is broken[0]
            and self.doubt(request, attempts) is None
        )

    def confirms(self, request: Request, count: int) -> bool:
        """Whether its peer is known to stop at a count more than once.

        The count is declared, another answer was cut off there, or two different
        Identifiers ended there.
        """
        return self._ledger(request).confirms(count)

    def _cut_off(
        self, request: Request, attempts: Sequence[StoredAttempt]
    ) -> Doubt | None:
        """Of a request without success: the peer said that it caps, or broke off."""
        ended = [one.ending for one in attempts if one.ending is not None]
        refused = [one for one in ended if one.outcome is Outcome.CAPPED]
        if refused:
            farthest = max(reversed(refused), key=lambda one: one.responses)
            return _told(farthest, self._plan.queries[request.query])
        tries = self._tries(request, attempts)
        ledger = self._ledger(request)
        ground = ledger.ground(tries)
        if ground is None or tries.broken is None:
            return None
        last = [one for one in ended if _broke_off(one)][-1]
        why = _why_broken(request, ledger, ground, tries.broken)
        return Doubt(
            code="abort-at-n",
            message=f"{last.cause.message if last.cause else request.peer}: {why}",
            hint=_narrower(self._plan.queries[request.query]),
            silent=False,
            count=tries.broken,
        )

    def _tries(self, request: Request, attempts: Sequence[StoredAttempt]) -> Tries:
        splitting = self._plan.queries[request.query].splitting
        splits = splitting is not None
        answered = answer(attempts)
        success = answered is not None and answered.outcome is Outcome.SUCCESS
        if answered and success and len(attempts) == 1:
            count = answered.responses
            if count < LEAST_SUSPICIOUS:  # nearly all are like that
                return Tries(request=request, splits=splits, success=count)
        ended = [one.ending for one in attempts if one.ending is not None]
        whole = (one.responses for one in ended if one.outcome is Outcome.SUCCESS)
        reach = max(whole, default=0)
        guessed = reach >= LEAST_SUSPICIOUS
        # An end before a later attempt brought more was no cap.
        most = max((ending.responses for ending in ended), default=0)
        farthest = [ending for ending in ended if most and ending.responses == most]
        breaks = sum(_broke_off(ending) for ending in farthest)
        capped = any(ending.outcome is Outcome.CAPPED for ending in farthest)
        sure = capped or breaks > 1 or (breaks and splits and is_round(most))
        return Tries(
            request=request,
            splits=splits,
            reach=reach,
            circles=circles_of(request, splitting) if guessed else (),
            success=answered.responses if answered and success else None,
            broken=most if breaks and answered is None else None,
            capped=most if sure else None,
        )

    def _ledger(self, request: Request) -> Ledger:
        place = request.peer, request.sop_class, request.level or ""
        ledger = self._ledgers.get(place)
        if ledger is None:
            cap = self._plan.peers[request.peer].limits.response_cap
            ledger = Ledger(cap.at(request.level), auto=cap.auto)
            self._ledgers[place] = ledger
        return ledger


def declared_cap(request: Request, peer: PlannedPeer, ending: Ending) -> Doubt | None:
    """The doubt that needs no other request: the declared cap was reached."""
    count = ending.responses
    if not count or count != peer.limits.response_cap.at(request.level):
        return None
    if _is_enough(request, ending):
        return None
    return Doubt(
        code="capped",
        message=(
            f"{whom(request, peer)}: exactly {plural(count, 'response')}, "
            "the peer's declared response_cap: more may exist"
        ),
        hint=_narrower(None),
        silent=True,
        count=count,
    )


def _is_enough(request: Request, ending: Ending) -> bool:
    """Whether an answer has as many responses as the query's own cancel leaves."""
    wanted = request.cancel.after_responses
    return wanted is not None and ending.responses >= wanted


def _broke_off(ending: Ending) -> bool:
    """Whether an answer ended without a status, after responses."""
    code = ending.cause.code if ending.cause else ""
    return bool(ending.responses) and code in _BROKE_OFF


def _told(ending: Ending, query: PlannedQuery) -> Doubt:
    cause = ending.cause or Cause(code="capped", message="the peer caps its answers")
    return Doubt(
        code=cause.code,
        message=cause.message,
        hint=_narrower(query),
        silent=False,
        count=ending.responses,
    )


def _silent(
    request: Request, plan: Plan, ledger: Ledger, ground: Ground, count: int
) -> Doubt:
    why = _why_silent(request, ledger, ground, count)
    hint = _narrower(plan.queries[request.query])
    if ground not in (Ground.DECLARED, Ground.SEEN):
        hint += (
            "; or say in limits.response_cap where the peer caps, or none"
            if ledger.declared is None
            else "; or set limits.response_cap: none if the peer has no silent cap"
        )
    return Doubt(
        code="capped",
        message=(
            f"{whom(request, plan.peers[request.peer])}: exactly "
            f"{plural(count, 'response')}, {why}: more may exist"
        ),
        hint=hint,
        silent=True,
        count=count,
    )


def _why_silent(request: Request, ledger: Ledger, ground: Ground, count: int) -> str:
    match ground:
        case Ground.DECLARED:
            return "the peer's declared response_cap"
        case Ground.SEEN:
            others = listed(*ledger.cut_off(request, count))
            return f"and the peer cut off {others or 'an answer'} at that count"
        case Ground.SHARED:
            others = listed(*ledger.sharing(request, count))
            return f"as many as {others}, and no success of this level brought more"
        case Ground.ALIKE:
            others = listed(*ledger.sharing(request, count))
            return f"as many as {others}, and no success by the same keys brought more"
        case Ground.REPEATED:
            others = listed(*ledger.sharing(request, count))
            return (
                f"as many as {others}: so many pieces end there by chance hardly ever"
            )
        case Ground.LARGEST:
            return "the most of all successes by the same keys"
        case Ground.ROUND:
            return "a round number, as caps often are"
        case _:  # pragma: no cover - there is no other
            assert_never(ground)


def _why_broken(request: Request, ledger: Ledger, ground: Ground, count: int) -> str:
    if ground is Ground.DECLARED:
        return "this is the peer's declared response_cap"
    if ground is Ground.ROUND:
        return "this is a round number, most likely the peer's cap"
    others = listed(*ledger.cut_off(request, count))
    also = f", like {others}" if others else ""
    return f"it always breaks off at this count{also}"


def _narrower(query: PlannedQuery | None) -> str:
    if query is not None and query.splitting is not None:
        return "lower window.floor, add keys to window.then, or narrow the query"
    return "narrow the query, or have its window cut it: window.split: adaptive"
