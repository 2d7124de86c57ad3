"""What cutting a request costs at most, for a plan to say before anything is asked."""

from __future__ import annotations

from datetime import date
from itertools import accumulate
from operator import mul

from batchfind.plan.extents import days_are_cut, is_one_day, times_asked
from batchfind.plan.model import Extent, PlannedQuery, Request, Splitting


def pieces_at_most(request: Request, query: PlannedQuery) -> int | None:
    """How many pieces a request ends in, if its peer caps all that can be cut.

    Returns:
        Pieces that are not cut any more, 1 when the request cannot be cut; None when
        its days are open, so that nobody can tell.
    """
    extent = _extent_to_cut(request, query)
    if extent is None or query.splitting is None:
        return 1
    spans = _spans(request, query.splitting, extent)
    return None if spans is None else spans * _products(query.splitting, extent)[-1]


def requests_at_most(request: Request, query: PlannedQuery) -> int | None:
    """How many requests a request becomes at most: itself and all that is cut from it.

    Returns:
        As `pieces_at_most`, with those that are cut again. Probes for rows without a
        time are not among them.
    """
    extent = _extent_to_cut(request, query)
    if extent is None or query.splitting is None:
        return 1
    spans = _spans(request, query.splitting, extent)
    if spans is None:
        return None
    # Halving takes one request less than it gives pieces; each further key then makes
    # so many of every piece.
    return spans - 1 + spans * sum(_products(query.splitting, extent))


def _extent_to_cut(request: Request, query: PlannedQuery) -> Extent | None:
    """The extent of a request; None when it cannot be cut at all."""
    splitting, extent = query.splitting, request.extent
    if splitting is None or extent is None:
        return None
    can = is_one_day(extent) or days_are_cut(request, splitting)
    return extent if can else None


def _spans(request: Request, splitting: Splitting, extent: Extent) -> int | None:
    """Pieces of time down to the floor; None when the days are open."""
    if not extent.first or not extent.last:
        return None
    times = times_asked(request, splitting, extent)
    first, last = date.fromisoformat(extent.first), date.fromisoformat(extent.last)
    days = (last - first).days + 1
    return days * (1 if times is None else times.units(splitting.floor))


def _products(splitting: Splitting, extent: Extent) -> list[int]:
    """Pieces of one piece of time: 1, and so many after each further key."""
    counts = (len(further.values) for further in splitting.then[extent.then :])
    return list(accumulate(counts, mul, initial=1))
