"""Cuts a request whose peer caps into requests that ask for less each.

Days are cut into disjoint halves down to one day, a day into times that share their
bounds, and what is as short as the query allows by the values of further keys. An
interval of days that is open is cut at the median of the days its rows show, since
it has no middle.

A DT key holds day and time at once. All its pieces share their bounds, for a value may
be no more than a date, which has no last microsecond in every order.

Nothing is ever cut across midnight: a range of times with several days means each of
the days to one peer and one long period to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.errors import BatchfindError
from batchfind.job.transport_model import Asked
from batchfind.plan.extents import (
    as_day,
    days_are_cut,
    days_key,
    is_one_day,
    last_of_first_half,
    times_asked,
    within,
)
from batchfind.plan.model import (
    Extent,
    Origin,
    Piecing,
    PlannedPeer,
    PlannedQuery,
    Request,
    Splitting,
)
from batchfind.plan.negotiated import EMPTY_VALUE
from batchfind.plan.rewriting import Rewriter, text_at

MOST_PIECES: Final = 256
"""Pieces one request is cut into at most; none are made where there would be more."""

UNSET_TIMES: Final = "-000000"
"""Times up to midnight: peers that match no time against a range do so here."""

_MIDNIGHT: Final = "000000"
_ONE_DAY: Final = timedelta(days=1)


class TooManyPieces(BatchfindError):
    """A request would be cut into more pieces than one may have."""

    cause = "limit"
    hint = "give each key of `then` fewer values"


def pieces_of(
    request: Request,
    query: PlannedQuery,
    peer: PlannedPeer,
    *,
    days: Sequence[str] = (),
    known: Dictionary = STANDARD,
) -> tuple[Request, ...]:
    """What a capped request is cut into.

    Args:
        request: of `query`.
        query: says how its requests are cut.
        peer: the peer the request goes to.
        days: values of the date key in its rows, in any order; only read for an
            interval of days with an open end.
        known: VRs of private elements given by number.

    Returns:
        Pieces that together ask for all the request asks for, each for less than it;
        ids are the request's and a number from 0. () when it cannot be cut: the query
        does not split, the floor is reached and no further key is left, or its days
        are open and no row shows one.

    Raises:
        TooManyPieces: when a further key has more values than `MOST_PIECES`.
        ValueError: when a value of a further key cannot be sent.

    Source: PS3.4 Section C.2.2.2.5.
    """
    if query.splitting is None or request.extent is None:
        return ()
    cut = _cut(request, query.splitting, request.extent, days)
    if cut is None:
        return ()
    if len(cut.parts) > MOST_PIECES:
        raise TooManyPieces(
            f"request {request.id} would be cut into {len(cut.parts)} pieces by"
            f" {cut.keys[0]}, and {MOST_PIECES} are allowed"
        )
    rewriter = Rewriter(request, cut.keys, peer, known)
    return tuple(
        _piece(rewriter, request, number, part) for number, part in enumerate(cut.parts)
    )


def unset_probe(
    request: Request,
    query: PlannedQuery,
    peer: PlannedPeer,
    number: int,
    *,
    empty_value: bool = False,
    known: Dictionary = STANDARD,
) -> Request:
    """Asks for the rows of a day that have no time.

    Args:
        request: the one day that was cut by time; its times are open below, for
            otherwise rows without a time are no part of what it asks.
        query: says how its requests are cut.
        peer: the peer the request goes to.
        number: last part of the id: pieces of the request have the ones before.
        empty_value: asks by `""`, which is for peers that accepted empty value
            matching; else by the range `-000000`.
        known: VRs of private elements given by number.

    Returns:
        A piece with the extent of `-000000` in either case.

    Raises:
        ValueError: when the request is not one day with times open below.

    Source: PS3.4 Sections C.2.2.2.5.2 and C.2.2.2.7.
    """
    splitting, extent = query.splitting, request.extent
    if (
        splitting is None
        or splitting.time is None
        or extent is None
        or not is_one_day(extent)
        or text_at(request.identifier, splitting.time).strip().partition("-")[0]
    ):
        raise ValueError(f"request {request.id} is no day whose times are open below")
    text = EMPTY_VALUE if empty_value else UNSET_TIMES
    if empty_value:
        needed = {**request.negotiation, "empty_value": Asked.REQUIRE}
        request = replace(request, negotiation=needed)
    reach = replace(extent, low="", high=_MIDNIGHT, by=Piecing.UNSET)
    rewriter = Rewriter(request, (splitting.date, splitting.time), peer, known)
    return _piece(rewriter, request, number, _Part(reach, (extent.first, text)))


@dataclass(frozen=True, slots=True)
class _Part:
    """One piece: its extent, and the texts of the keys it is cut by."""

    extent: Extent
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cut:
    """The keys a request is cut by, and its pieces."""

    keys: tuple[KeyPath, ...]
    parts: tuple[_Part, ...]


def _piece(rewriter: Rewriter, request: Request, number: int, part: _Part) -> Request:
    return rewriter.request(
        part.texts,
        id=f"{request.id}.{number}",
        origin=Origin.SPLIT,
        parent=request.id,
        family=request.family or request.id,
        extent=part.extent,
    )


def _cut(
    request: Request, splitting: Splitting, extent: Extent, days: Iterable[str]
) -> _Cut | None:
    if not is_one_day(extent):
        return _by_days(request, splitting, extent, days)
    by_times = _by_moments if splitting.date.vr == "DT" else _by_times
    return by_times(request, splitting, extent) or _by_further_key(splitting, extent)


def _by_days(
    request: Request, splitting: Splitting, extent: Extent, days: Iterable[str]
) -> _Cut | None:
    last = last_of_first_half(extent, days)
    if last is None or not days_are_cut(request, splitting):
        return None
    halves = (
        replace(extent, last=as_day(last), by=Piecing.DATE),
        replace(extent, first=as_day(last + _ONE_DAY), by=Piecing.DATE),
    )
    if splitting.date.vr == "DT":
        return _at_moment(request, splitting, halves[1].first + _MIDNIGHT, halves)
    parts = tuple(_Part(half, (days_key(half),)) for half in halves)
    return _Cut((splitting.date,), parts)


def _by_times(request: Request, splitting: Splitting, extent: Extent) -> _Cut | None:
    times = times_asked(request, splitting, extent)
    if splitting.time is None or times is None:
        return None
    parts = tuple(
        _Part(within(extent, half), (extent.first, f"{half.low}-{half.high}"))
        for half in times.halves(splitting.floor)
    )
    return _Cut((splitting.date, splitting.time), parts) if parts else None


def _by_moments(request: Request, splitting: Splitting, extent: Extent) -> _Cut | None:
    times = times_asked(request, splitting, extent)
    halves = () if times is None else times.halves(splitting.floor)
    if not halves:
        return None
    extents = tuple(within(extent, half) for half in halves)
    return _at_moment(request, splitting, extent.first + halves[0].high, extents)


def _by_further_key(splitting: Splitting, extent: Extent) -> _Cut | None:
    if extent.then >= len(splitting.then):
        return None
    further = splitting.then[extent.then]
    reach = replace(extent, by=Piecing.THEN, then=extent.then + 1)
    parts = tuple(_Part(reach, (value,)) for value in further.values)
    return _Cut((further.key,), parts)


def _at_moment(
    request: Request, splitting: Splitting, moment: str, halves: Sequence[Extent]
) -> _Cut | None:
    """The range of a DT key cut at a moment; its own bounds stay as written."""
    low, hyphen, high = text_at(request.identifier, splitting.date).partition("-")
    if not hyphen or "-" in high:
        return None  # no range, or one with an offset from UTC
    texts = f"{low}-{moment}", f"{moment}-{high}"
    parts = (_Part(half, (text,)) for half, text in zip(halves, texts, strict=True))
    return _Cut((splitting.date,), tuple(parts))
