"""Cuts requests whose answers are doubted, each at most once in a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from batchfind.capture.records import StoredAttempt
from batchfind.execution.births import Birth, Births, GrowthNotes
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.census import Census
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.probing import Probing
from batchfind.execution.progress import RequestSplit
from batchfind.execution.wording import plural
from batchfind.plan.model import Plan, Request
from batchfind.plan.splitting import TooManyPieces, pieces_of


class Cutting:
    """Knows what is doubted, and makes pieces of it."""

    def __init__(
        self,
        plan: Plan,
        census: Census,
        rows: GrowthRows,
        probing: Probing,
        notes: GrowthNotes,
    ) -> None:
        """With all requests of the run; learns from those that were asked already."""
        self._plan = plan
        self._census = census
        self._rows = rows
        self._probing = probing
        self._notes = notes
        self._caps = Caps(plan)
        self._under_way: set[str] = set()
        for name in plan.queries:
            for request in census.of_query(name):
                if tries := census.attempts(request):
                    self._caps.learn(request, tries)

    def learn(self, request: Request) -> tuple[Request, ...]:
        """Takes in how a request ended; says who may have to be cut for it.

        Those are the request itself and others that are doubted only now, unless they
        are about to be asked again.
        """
        tries = self._census.attempts(request)
        doubted = [self._census[one] for one in self._caps.learn(request, tries)]
        closed = [one for one in doubted if not self._census.is_open(one)]
        return (request, *closed)

    def again(self, request: Request, tries: Sequence[StoredAttempt]) -> bool:
        """Whether the end of a request has to be seen a second time."""
        if self._plan.queries[request.query].splitting is None:
            return False
        return self._caps.again(request, self._census.attempts(request, tries))

    def doubt(self, request: Request) -> Doubt | None:
        """Why a request is to be cut; None when it is not, or was."""
        query = self._plan.queries[request.query]
        done = self._census.pieces(request) or request.id in self._under_way
        if query.splitting is None or request.extent is None or done:
            return None
        tries = self._census.attempts(request)
        return self._caps.doubt(request, tries) if tries else None

    async def cut(self, request: Request) -> Births:
        """The pieces of a request; () when it is not doubted or cannot be cut.

        Raises:
            StorageError: its rows cannot be read.
        """
        doubt = self.doubt(request)
        if doubt is None:
            return ()
        self._under_way.add(request.id)
        try:
            return await self._pieces(request, doubt)
        finally:
            self._under_way.discard(request.id)

    async def _pieces(self, request: Request, doubt: Doubt) -> Births:
        query, peer = self._plan.queries[request.query], self._plan.peers[request.peer]
        days = await self._days(request)
        try:
            pieces = pieces_of(
                request, query, peer, days=days, known=self._plan.dictionary
            )
        except TooManyPieces as error:
            return self._refuse(request, str(error))
        except ValueError:
            return ()  # a value of `then` that its peer's character sets cannot say
        pieces += self._probing.with_empty_value(request, pieces)
        if not pieces:
            return ()
        most = self._plan.policy.max_requests
        if self._census.count + len(pieces) > most:
            return self._refuse(
                request,
                f"request {request.id} would be cut into {len(pieces)} pieces, and the "
                f"run would have more than the {plural(most, 'request')} of "
                "run.max_requests",
            )
        self._probing.note_cut(request, pieces)
        self._census.born(pieces)
        ids = tuple(piece.id for piece in pieces)
        event = RequestSplit(
            request.id, request.query, request.peer, ids, doubt.message
        )
        notes = self._notes.allowed(request.query, [request.id])
        return (Birth(requests=pieces, notes=notes, event=event),)

    async def _days(self, request: Request) -> list[str]:
        """Days of a request's rows, where it has no bounds of its own to cut at."""
        extent, query = request.extent, self._plan.queries[request.query]
        open_ended = extent is not None and not (extent.first and extent.last)
        if query.splitting is None or not open_ended:
            return []
        counted = self._census.counting([request])
        return await asyncio.to_thread(self._rows.days, query, query.splitting, counted)

    def _refuse(self, request: Request, message: str) -> Births:
        notes = self._notes.refused(request.query, [request.id], message)
        return (Birth(notes=notes),)
