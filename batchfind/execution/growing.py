"""What the answers of a run give rise to: pieces, probes and requests for rows.

Whether an answer is doubted, how a request is cut and what is asked for a row are
decided elsewhere, by functions without side effects. Here it is seen to that each of
them is asked at the right moment and for the right requests, and never twice: who is
in the capture is never made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from batchfind.capture.records import StoredAttempt
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.census import Census
from batchfind.execution.forest import Forest
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.history import Growth
from batchfind.execution.probing import Probing
from batchfind.execution.progress import RequestsGrown, RequestSplit
from batchfind.execution.row_growth import Harvest, RowGrowth
from batchfind.execution.wording import plural
from batchfind.plan.model import Plan, PlannedQuery, Request
from batchfind.plan.splitting import TooManyPieces, pieces_of

_NO_ATTEMPTS: Final[Mapping[str, Sequence[StoredAttempt]]] = MappingProxyType({})
_NO_GROWTH: Final = Growth()


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What some answers gave rise to.

    Attributes:
        requests: new ones, all to be journalled or none.
        notes: kind and data of events for the journal.
        event: for observers, once the journal holds the requests.
    """

    requests: tuple[Request, ...] = ()
    notes: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    event: RequestSplit | RequestsGrown | None = None


Births = tuple[Birth, ...]


def can_grow(plan: Plan) -> bool:
    """Whether requests may be born while the plan is executed."""
    queries = plan.queries.values()
    return any(query.splitting or query.growing for query in queries)


class Grower:
    """Decides which requests are born, and when."""

    def __init__(
        self,
        forest: Forest,
        path: Path,
        attempts: Mapping[str, Sequence[StoredAttempt]] = _NO_ATTEMPTS,
        growth: Growth = _NO_GROWTH,
    ) -> None:
        """With what is known before the first request is asked.

        Args:
            forest: requests of the plan, and those born in earlier executions.
            path: of the capture, which others write meanwhile.
            attempts: every try of earlier executions by request id, oldest first.
            growth: what earlier executions noted.
        """
        plan = forest.plan
        self._plan = plan
        self._caps = Caps(plan)
        self._census = Census(forest, attempts)
        self._rows = GrowthRows(plan, path)
        self._probing = Probing(plan, self._census, self._rows)
        self._refused = dict(growth.refused)
        self._keyless = dict(growth.keyless)
        self._cutting: set[str] = set()
        self._following = asyncio.Lock()
        self._splits = any(query.splitting for query in plan.queries.values())
        self._growing = _parents_first(plan)
        self._due = set(self._growing)
        for request in forest.requests:
            if self._splits and request.id in attempts:
                self._caps.learn(request, self._census.attempts(request))

    def watches(self, request: Request) -> bool:
        """Whether it matters to anything how a request ends."""
        return self._splits or bool(self._made_for(request.query))

    def expect(self, requests: Iterable[Request]) -> None:
        """They are going to be asked: what depends on them has to wait."""
        self._census.open(requests)

    def again(self, request: Request, tries: Sequence[StoredAttempt]) -> bool:
        """Whether the end of a request has to be seen a second time."""
        if self._plan.queries[request.query].splitting is None:
            return False
        return self._caps.again(request, self._census.attempts(request, tries))

    def overdue(self) -> tuple[Request, ...]:
        """Requests that ended in an earlier execution, and were to be cut by it."""
        return tuple(
            request
            for query in self._plan.queries.values()
            if query.splitting is not None
            for request in self._census.of_query(query.name)
            if self._doubt(request) is not None
        )

    def may_ask(self) -> tuple[Request, ...]:
        """Requests to whose peers others may be born, before any is asked.

        Those that are overdue, and patterns of the queries that have requests for
        rows.
        """
        growing = (self._plan.queries[name].growing for name in self._growing)
        patterns = (one for each in growing if each for one in each.patterns)
        return (*self.overdue(), *patterns)

    async def catch_up(self, request: Request) -> Births:
        """What an overdue request gives rise to."""
        try:
            return await self._cut(request)
        finally:
            self._census.close(request)

    async def ended(self, request: Request, tries: Sequence[StoredAttempt]) -> Births:
        """What the ending of a request gives rise to, once it is durable.

        Args:
            request: that was asked.
            tries: of this execution, oldest first.
        """
        try:
            self._census.note(request, tries)
            self._due.update(self._made_for(request.query))
            if not self._splits:
                return ()
            tries = self._census.attempts(request)
            doubted = [self._census[one] for one in self._caps.learn(request, tries)]
            closed = [one for one in doubted if not self._census.is_open(one)]
            births: list[Birth] = []
            for one in (request, *closed):
                births += await self._cut(one)
            return tuple(births)
        finally:
            self._census.close(request)

    def skipped(self, request: Request) -> None:
        """A request is not asked after all."""
        self._census.close(request)

    async def follow(self) -> Births:
        """What is due now that all requests it depends on have ended."""
        async with self._following:
            if probes := await self._probing.next():
                if not self._has_room(probes):
                    return ()
                return (self._born(probes, _grown(probes)),)
            births: list[Birth] = []
            for query in self._growing.values():
                growing = query.growing
                ready = growing is not None and self._is_settled(growing.query)
                if query.name not in self._due or not ready:
                    continue
                self._due.discard(query.name)
                births.append(await self._grow(query))
                if births[-1].requests:
                    break
            return tuple(births)

    async def _cut(self, request: Request) -> Births:
        doubt = self._doubt(request)
        if doubt is None:
            return ()
        self._cutting.add(request.id)
        try:
            return await self._pieces(request, doubt)
        finally:
            self._cutting.discard(request.id)

    def _doubt(self, request: Request) -> Doubt | None:
        """Why a request is to be cut; None when it is not, or is already."""
        query = self._plan.queries[request.query]
        done = self._census.pieces(request) or request.id in self._cutting
        if query.splitting is None or request.extent is None or done:
            return None
        tries = self._census.attempts(request)
        return self._caps.doubt(request, tries) if tries else None

    async def _pieces(self, request: Request, doubt: Doubt) -> Births:
        query, peer = self._plan.queries[request.query], self._plan.peers[request.peer]
        known = self._plan.dictionary
        days = await self._days(request)
        try:
            pieces = pieces_of(request, query, peer, days=days, known=known)
        except TooManyPieces as error:
            return self._refuse([request.id], str(error))
        except ValueError:
            return ()  # a value of `then` that its peer's character sets cannot say
        if not pieces:
            return ()
        self._probing.note_cut(request, pieces)
        if not self._has_room(pieces):
            most = plural(self._plan.policy.max_requests, "request")
            return self._refuse(
                [request.id],
                f"request {request.id} would be cut into {len(pieces)} pieces, and the "
                f"run would have more than the {most} of run.max_requests",
            )
        pieces += self._probing.with_empty_value(request, pieces)
        event = RequestSplit(
            request.id,
            request.query,
            request.peer,
            tuple(piece.id for piece in pieces),
            doubt.message,
        )
        return (self._born(pieces, event, self._allowed_again([request.id])),)

    async def _days(self, request: Request) -> list[str]:
        """Days of a request's rows, where it has no bounds of its own to cut at."""
        extent, query = request.extent, self._plan.queries[request.query]
        open_ended = extent is not None and not (extent.first and extent.last)
        if query.splitting is None or not open_ended:
            return []
        counted = self._census.counting([request])
        return await asyncio.to_thread(self._rows.days, query, query.splitting, counted)

    async def _grow(self, query: PlannedQuery) -> Birth:
        growth = RowGrowth(self._plan, query, self._census)
        harvest = await asyncio.to_thread(growth.read, self._rows)
        if not harvest.refused:
            room = self._plan.policy.max_requests - self._census.count
            harvest.refused = growth.refusal(len(harvest.requests), room)
        notes = self._keyless_notes(harvest)
        if harvest.refused:
            (refusal,) = self._refuse(harvest.parents, harvest.refused)
            return Birth(notes=(*notes, *refusal.notes))
        if not harvest.requests:
            return Birth(notes=notes)
        notes = (*notes, *self._allowed_again(harvest.parents))
        requests = tuple(harvest.requests)
        return self._born(requests, _grown(requests), notes)

    def _keyless_notes(
        self, harvest: Harvest
    ) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        new = {
            parent: rows
            for parent, rows in harvest.keyless.items()
            if self._keyless.get(parent) != rows
        }
        self._keyless |= new
        return tuple(
            ("no-key", {"request": parent, "rows": rows})
            for parent, rows in new.items()
        )

    def _refuse(self, parents: Iterable[str], message: str) -> Births:
        """Nothing is born of some answers, which is to be known later."""
        new = [one for one in parents if self._refused.get(one, "") != message]
        self._refused |= dict.fromkeys(new, message)
        return (Birth(notes=tuple(_refusal(one, message) for one in new)),)

    def _allowed_again(
        self, parents: Iterable[str]
    ) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """What an earlier execution refused is done now."""
        again = [one for one in parents if self._refused.pop(one, "")]
        return tuple(_refusal(one, "") for one in again)

    def _born(
        self,
        requests: tuple[Request, ...],
        event: RequestSplit | RequestsGrown,
        notes: tuple[tuple[str, Mapping[str, Any]], ...] = (),
    ) -> Birth:
        self._census.born(requests)
        return Birth(requests=requests, notes=notes, event=event)

    def _has_room(self, requests: Sequence[Request]) -> bool:
        return self._census.count + len(requests) <= self._plan.policy.max_requests

    def _is_settled(self, name: str) -> bool:
        """Whether a query has all its requests, and all of them have ended."""
        growing = self._plan.queries[name].growing
        if not self._census.at_rest(name) or self._probing.is_due(name):
            return False
        return growing is None or (
            name not in self._due and self._is_settled(growing.query)
        )

    def _made_for(self, name: str) -> list[str]:
        """Queries that have requests for the rows of a query."""
        return [
            query.name
            for query in self._growing.values()
            if query.growing is not None and query.growing.query == name
        ]


def _parents_first(plan: Plan) -> dict[str, PlannedQuery]:
    """Queries with requests for rows, each after the one whose rows they are."""

    def depth(query: PlannedQuery) -> int:
        growing = query.growing
        return 0 if growing is None else 1 + depth(plan.queries[growing.query])

    queries = [query for query in plan.queries.values() if query.growing is not None]
    return {query.name: query for query in sorted(queries, key=depth)}


def _grown(requests: Sequence[Request]) -> RequestsGrown:
    return RequestsGrown(requests[0].query, tuple(one.id for one in requests))


def _refusal(request: str, message: str) -> tuple[str, Mapping[str, Any]]:
    return "growth-refused", {"request": request, "message": message}
