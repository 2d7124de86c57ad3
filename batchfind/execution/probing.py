"""Requests that prove what becomes of rows without a time once a day is cut by time.

A peer that returns one such row for times that are open below returns all of them
so: one row is proof for the whole run. Where no answer holds one, those days are asked
on which one is known to be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchfind.execution.census import Census, Counted
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.record import is_open_below, time_asked
from batchfind.job.model import Unset
from batchfind.plan.model import Extent, Piecing, Plan, PlannedQuery, Request, Splitting
from batchfind.plan.splitting import unset_probe

_MOST = 8
"""Days that are probed in a run for one peer, model and time key."""


@dataclass(frozen=True, slots=True)
class Place:
    """A key by which a peer matches times."""

    peer: str
    sop_class: str
    time: str


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """What is to be read of one query's rows.

    Attributes:
        showing: answers to times that are open below.
        knowing: other answers that may hold rows of the days that were cut.
    """

    query: PlannedQuery
    splitting: Splitting
    showing: Sequence[Counted]
    knowing: Sequence[Counted]


class Probing:
    """Decides on probes for rows without a time."""

    def __init__(self, plan: Plan, census: Census, rows: GrowthRows) -> None:
        """Every place with a day that is cut already is due."""
        self._plan = plan
        self._census = census
        self._rows = rows
        self._due: set[Place] = set()
        for query in plan.queries.values():
            for request in census.of_query(query.name) if query.splitting else ():
                self.note_cut(request, census.pieces(request))

    def note_cut(self, request: Request, pieces: Sequence[Request]) -> None:
        """A request was cut: by time, and its place is due."""
        place = self._place(request)
        if place is not None and any(_by(one) is Piecing.TIME for one in pieces):
            self._due.add(place)

    def is_due(self, query: str) -> bool:
        """Whether probes may have to be made at a place of a query."""
        return any(query in self._queries(place) for place in self._due)

    def with_empty_value(
        self, request: Request, pieces: Sequence[Request]
    ) -> tuple[Request, ...]:
        """The piece that asks for an empty time, where a peer accepted to match it."""
        if not self._is_cut_day(request, pieces):
            return ()
        tries = self._census.attempts(request)
        if not any(
            one.facts and "empty_value" in one.facts.negotiated for one in tries
        ):
            return ()
        return (self._probe(request, len(pieces), empty_value=True),)

    async def next(self) -> tuple[Request, ...]:
        """Probes for a place whose requests have all ended; () when none is needed."""
        for place in sorted(self._due, key=str):
            queries = self._queries(place)
            if not all(map(self._census.at_rest, queries)):
                continue
            self._due.discard(place)
            probes = await self._of_place(place, queries)
            if probes:
                return probes
        return ()

    async def _of_place(
        self, place: Place, queries: Sequence[str]
    ) -> tuple[Request, ...]:
        here = [
            request
            for query in queries
            for request in self._census.of_query(query)
            if self._place(request) == place
        ]
        left = _MOST - sum(_by(one) is Piecing.UNSET for one in here)
        days = [one for one in here if self._is_to_prove(one)]
        if left <= 0 or not days:
            return ()
        wanted = frozenset(one.extent.first for one in days if one.extent)
        inquiries = [self._inquiry(query, here, wanted) for query in queries]
        known = await asyncio.to_thread(self._read, inquiries, wanted)
        chosen = [one for one in days if one.extent and one.extent.first in known]
        return tuple(
            self._probe(one, len(self._census.pieces(one)))
            for one in sorted(chosen, key=lambda one: one.order)[:left]
        )

    def _inquiry(
        self, name: str, here: Sequence[Request], days: frozenset[str]
    ) -> _Inquiry:
        query = self._plan.queries[name]
        splitting = query.splitting
        assert splitting is not None  # noqa: S101 - a place has no other queries
        own = [one for one in here if one.query == name]
        showing = [one for one in own if _is_up_to(one, splitting)]
        told = frozenset(one.id for one in showing)
        knowing = [
            one
            for one in own
            if one.id not in told and any(_includes(one.extent, day) for day in days)
        ]
        return _Inquiry(
            query,
            splitting,
            self._census.counting(showing),
            self._census.counting(knowing),
        )

    def _read(
        self, inquiries: Sequence[_Inquiry], days: frozenset[str]
    ) -> frozenset[str]:
        """Days with a row that has no time; none where a peer is known to find them."""
        for inquiry in inquiries:
            for _ in self._unset(inquiry, inquiry.showing):
                return frozenset()
        found: set[str] = set()
        for inquiry in inquiries:
            for text in self._unset(inquiry, inquiry.knowing):
                day = text.replace(".", "")[:8]
                if day in days:
                    found.add(day)
                if len(found) == min(_MOST, len(days)):
                    return frozenset(found)
        return frozenset(found)

    def _unset(self, inquiry: _Inquiry, counted: Sequence[Counted]) -> Iterator[str]:
        splitting = inquiry.splitting
        if splitting.time is None:
            return iter(())
        return self._rows.days_without_time(
            inquiry.query, splitting.date, splitting.time, counted
        )

    def _is_to_prove(self, request: Request) -> bool:
        pieces = self._census.pieces(request)
        probed = any(_by(one) is Piecing.UNSET for one in pieces)
        return not probed and self._is_cut_day(request, pieces)

    def _is_cut_day(self, request: Request, pieces: Sequence[Request]) -> bool:
        """Whether a day was cut by time here for the first time, with its rest."""
        splitting = self._plan.queries[request.query].splitting
        return (
            splitting is not None
            and splitting.time is not None
            and splitting.unset is Unset.PROBE
            and _by(request) is not Piecing.TIME
            and any(_by(one) is Piecing.TIME for one in pieces)
            and is_open_below(request, splitting)
        )

    def _probe(
        self, request: Request, number: int, *, empty_value: bool = False
    ) -> Request:
        return unset_probe(
            request,
            self._plan.queries[request.query],
            self._plan.peers[request.peer],
            number,
            empty_value=empty_value,
            known=self._plan.dictionary,
        )

    def _place(self, request: Request) -> Place | None:
        splitting = self._plan.queries[request.query].splitting
        if splitting is None or splitting.time is None:
            return None
        return Place(request.peer, request.sop_class, splitting.time.dotted)

    def _queries(self, place: Place) -> tuple[str, ...]:
        """Queries that are asked at a place."""
        return tuple(
            query.name
            for query in self._plan.queries.values()
            if query.splitting is not None
            and query.splitting.time is not None
            and query.sop_class == place.sop_class
            and query.splitting.time.dotted == place.time
        )


def _by(request: Request) -> Piecing | None:
    return None if request.extent is None else request.extent.by


def _is_up_to(request: Request, splitting: Splitting) -> bool:
    """Whether a range of times is asked for that is open below."""
    low, hyphen, _ = time_asked(request, splitting).partition("-")
    return bool(hyphen) and not low


def _includes(extent: Extent | None, day: str) -> bool:
    return extent is not None and extent.first <= day <= (extent.last or day)
