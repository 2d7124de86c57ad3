"""What the answers of a run give rise to: pieces, probes and requests for rows.

Whether an answer is doubted, how a request is cut and what is asked for a row are
decided elsewhere, by functions without side effects. Here it is seen to that each of
them is asked at the right moment and for the right requests, and never twice: what is
in the capture is never made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from batchfind.capture.records import StoredAttempt
from batchfind.execution.births import Birth, Births, GrowthNotes, Note
from batchfind.execution.census import Census
from batchfind.execution.cutting import Cutting
from batchfind.execution.forest import Forest
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.history import Growth
from batchfind.execution.probing import Probing
from batchfind.execution.progress import RequestsGrown
from batchfind.execution.row_growth import RowGrowth
from batchfind.plan.model import Plan, PlannedQuery, Request

_NO_ATTEMPTS: Final[Mapping[str, Sequence[StoredAttempt]]] = MappingProxyType({})
_NO_GROWTH: Final = Growth()


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
        self._plan = plan = forest.plan
        self._census = Census(forest, attempts)
        self._rows = GrowthRows(plan, path)
        self._notes = GrowthNotes(growth)
        self._probing = Probing(plan, self._census, self._rows)
        self._cutting = Cutting(
            plan, self._census, self._rows, self._probing, self._notes
        )
        self._splits = any(query.splitting for query in plan.queries.values())
        self._growing = _parents_first(plan)
        self._due = set(self._growing)
        self._following = asyncio.Lock()
        self._abandoned = False

    def watches(self, request: Request) -> bool:
        """Whether it matters to anything how a request ends."""
        return self._splits or bool(self._made_for(request.query))

    def expect(self, requests: Iterable[Request]) -> None:
        """They are going to be asked: what depends on them has to wait."""
        self._census.open(requests)

    def again(self, request: Request, tries: Sequence[StoredAttempt]) -> bool:
        """Whether the end of a request has to be seen a second time.

        Args:
            request: that was asked.
            tries: of this execution, oldest first.
        """
        return self._cutting.again(request, tries)

    def overdue(self) -> tuple[Request, ...]:
        """Requests that ended in an earlier execution, and were to be cut by it."""
        return tuple(
            request
            for query in self._plan.queries.values()
            if query.splitting is not None
            for request in self._census.of_query(query.name)
            if self._cutting.doubt(request) is not None
        )

    async def catch_up(self, request: Request) -> Births:
        """What an overdue request gives rise to.

        Raises:
            StorageError: the capture cannot be read.
        """
        try:
            return await self._cutting.cut(request)
        finally:
            self._census.close(request)

    async def ended(self, request: Request, tries: Sequence[StoredAttempt]) -> Births:
        """What the ending of a request gives rise to, once it is durable.

        Args:
            request: that was asked.
            tries: of this execution, oldest first.

        Raises:
            StorageError: the capture cannot be read.
        """
        try:
            self._census.note(request, tries)
            self._due.update(self._made_for(request.query))
            births: list[Birth] = []
            for one in self._cutting.learn(request) if self._splits else ():
                births += await self._cutting.cut(one)
            return tuple(births)
        finally:
            self._census.close(request)

    def skipped(self, request: Request) -> None:
        """A request is not asked after all."""
        self._census.close(request)

    async def follow(self) -> Births:
        """The first of what is due now that all it depends on has ended.

        To be called until nothing is: what one query gives rise to is asked already
        while the rows for the next are read.

        Raises:
            StorageError: the capture cannot be read.
        """
        async with self._following:
            while probes := await self._probing.next():
                if births := self._probes(probes):
                    return births
            for query in self._growing.values():
                if self._is_ready(query):
                    self._due.discard(query.name)
                    return (await self._grow(query),)
            return ()

    def abandon(self) -> None:
        """Something was decided on that will never be: the run is being stopped."""
        self._abandoned = True

    def grown(self) -> tuple[str, ...]:
        """Queries with a request for every row they are to have one for.

        Only asked once nothing is under way any more.
        """
        if self._abandoned:
            return ()
        return tuple(
            query.name
            for query in self._growing.values()
            if query.growing is not None
            and query.name not in self._due
            and self._is_settled(query.growing.query)
        )

    def _probes(self, probes: tuple[Request, ...]) -> Births:
        if self._census.count + len(probes) > self._plan.policy.max_requests:
            return ()  # the days they were for stay without a proof
        return (self._born(probes),)

    async def _grow(self, query: PlannedQuery) -> Birth:
        growth = RowGrowth(self._plan, query, self._census)
        harvest = await asyncio.to_thread(growth.read, self._rows)
        if not harvest.refused:
            # Requests may have been cut meanwhile.
            room = self._plan.policy.max_requests - self._census.count
            harvest.refused = growth.refusal(len(harvest.requests), room)
        name = query.name
        notes = self._notes.keyless(name, harvest.keyless)
        if harvest.refused:
            refusals = self._notes.refused(name, harvest.parents, harvest.refused)
            return Birth(notes=(*notes, *refusals))
        notes += self._notes.allowed(name, harvest.keyless)
        if not harvest.requests:
            return Birth(notes=notes)
        return self._born(tuple(harvest.requests), notes)

    def _born(
        self, requests: tuple[Request, ...], notes: tuple[Note, ...] = ()
    ) -> Birth:
        self._census.born(requests)
        ids = tuple(request.id for request in requests)
        event = RequestsGrown(requests[0].query, ids)
        return Birth(requests=requests, notes=notes, event=event)

    def _is_ready(self, query: PlannedQuery) -> bool:
        """Whether rows are there that a query may have no requests for yet."""
        growing = query.growing
        return (
            query.name in self._due
            and growing is not None
            and self._is_settled(growing.query)
        )

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
