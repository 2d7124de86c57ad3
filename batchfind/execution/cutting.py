"""Cuts requests whose answers are doubted, each at most once in a run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from batchfind.capture.records import StoredAttempt
from batchfind.dicom.paths import KeyPath
from batchfind.execution.births import Birth, Births, GrowthNotes
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.census import Census
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.probing import Probing
from batchfind.execution.progress import RequestSplit
from batchfind.execution.silent_caps import Pedigree
from batchfind.execution.wording import plural
from batchfind.plan.model import Extent, Origin, Piecing, Plan, Request, Splitting
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
        self._pedigree = Pedigree(
            self._above, census.pieces, census.attempts, self._caps
        )
        self._under_way: set[str] = set()
        for name in plan.queries:
            for request in census.of_query(name):
                if tries := census.attempts(request):
                    self._caps.learn(request, tries)

    def learn(self, request: Request) -> tuple[Request, ...]:
        """Takes in how a request ended; says who may have to be cut for it.

        Those are the request itself, others that are doubted only now, and those that
        were cut from the same one, unless they are about to be asked again.
        """
        tries = self._census.attempts(request)
        doubted = [self._census[one] for one in self._caps.learn(request, tries)]
        above = self._above(request)
        siblings = self._census.pieces(above) if above is not None else ()
        others = {one.id: one for one in (*doubted, *siblings) if one is not request}
        closed = [one for one in others.values() if not self._census.is_open(one)]
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
        if not tries:
            return None
        doubt = self._caps.doubt(request, tries)
        return doubt or self._pedigree.doubt(request, self._plan.peers[request.peer])

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

    def _above(self, request: Request) -> Request | None:
        """What a request was cut from, or None."""
        if request.origin is not Origin.SPLIT or request.parent is None:
            return None
        return self._census[request.parent]

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
        if not pieces or await self._is_in_vain(request, pieces[0]):
            return ()
        pieces += self._probing.with_empty_value(request, pieces)
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
            request.id, request.query, request.peer, ids, doubt.message, doubt.count
        )
        notes = self._notes.allowed(request.query, [request.id])
        return (Birth(requests=pieces, notes=notes, event=event),)

    async def _is_in_vain(self, request: Request, piece: Request) -> bool:
        """Whether the pieces of a request would only hold its rows once more."""
        query = self._plan.queries[request.query]
        key = in_vain_without(request.extent, piece.extent, query.splitting)
        if key is None:
            return False
        counted = self._census.counting([request])
        return await asyncio.to_thread(self._rows.all_lack, query, key, counted)

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


def in_vain_without(
    extent: Extent | None, next_extent: Extent | None, splitting: Splitting | None
) -> KeyPath | None:
    """The key whose absence from all rows makes it pointless to cut once more.

    A peer that returns rows without a value for each range of values, more of them
    than its cap, fills every piece with them, however short it is. One that returns
    them for ranges open below alone fills no more than the first piece of each cut.

    Args:
        extent: of the request that is to be cut.
        next_extent: of one of its pieces.
        splitting: of their query.

    Returns:
        None where a cut can help in any case: it is the first by its key, or the
        range has no lower bound.
    """
    if extent is None or next_extent is None or splitting is None:
        return None
    if extent.by is not next_extent.by:
        return None
    match extent.by:
        case Piecing.DATE if extent.first:
            return splitting.date
        case Piecing.TIME if extent.low:
            return splitting.time
        case _:
            return None
