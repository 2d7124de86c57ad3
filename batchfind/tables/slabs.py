"""Sets of matches joined across requests, in pieces of a useful size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from batchfind.capture.records import StoredAttempt, StoredMatches, Verdict
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.plan.model import PlannedPeer, Request

if TYPE_CHECKING:  # to tell how a run ended it takes no arrays
    from batchfind.dicom.columnar.model import BoolVec

ROWS_PER_SLAB = 8192
BYTES_PER_SLAB = 3 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The request behind some responses, as far as tables need it.

    Attributes:
        request: its id.
        verdict: what its answer is worth.
        transfer_syntax: UID its Identifiers are encoded in.
        assume, override: the peer's character set policy for responses.
        bindings: matrix, row and window names with their text.
        kept: only so many responses enter tables, None for all.
        key: the request key, 64 hexadecimal digits.
        run_id: of the run; asked_at: when its attempt began, UTC, ISO 8601.
        dictionary: VRs of what was sent without one, and names.
        correction: values are mended before they are shown.
        cut_from: id of the root whose piece the request is, else empty.
    """

    request: str
    query: str
    peer: str
    verdict: Verdict
    transfer_syntax: str
    assume: str | None = None
    override: str | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    kept: int | None = None
    key: str = ""
    run_id: str = ""
    asked_at: str = ""
    dictionary: Dictionary = STANDARD
    correction: bool = False
    cut_from: str = ""

    @property
    def root(self) -> str:
        """Id of the request that all pieces of one were cut from, perhaps its own."""
        return self.cut_from or self.request


def origin_of(
    request: Request,
    peer: PlannedPeer,
    attempt: StoredAttempt,
    verdict: Verdict,
    run_id: str = "",
    *,
    dictionary: Dictionary = STANDARD,
    correction: bool = False,
) -> Origin:
    """The origin of the responses of one attempt.

    Args:
        request: as planned.
        peer: the peer asked.
        attempt: the one whose responses count; it has negotiated facts, since
            responses came.
        verdict: the request's.
        run_id: name of the run directory, for tables that show it.
        dictionary: of the plan.
        correction: as the query says.

    Raises:
        ValueError: when the attempt negotiated nothing, so has no responses.
    """
    if attempt.facts is None:
        raise ValueError(f"attempt {attempt.number} had no association")
    return Origin(
        request=request.id,
        query=request.query,
        peer=request.peer,
        verdict=verdict,
        transfer_syntax=attempt.facts.transfer_syntax,
        assume=peer.charset.assume,
        override=peer.charset.override,
        bindings=request.bindings,
        kept=None if attempt.ending is None else attempt.ending.kept,
        key=request.key,
        run_id=run_id,
        asked_at=attempt.facts.started,
        dictionary=dictionary,
        correction=correction,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive responses of one request.

    Attributes:
        first: index of the first response within its request, from 0.
        payload: Identifiers back to back.
        begin: where in `payload` the first Identifier begins.
        ends: where each Identifier ends.
        statuses: FF00 or FF01 each.
    """

    origin: Origin
    first: int
    payload: bytes
    begin: int
    ends: Sequence[int]
    statuses: Sequence[int]

    @property
    def size(self) -> int:
        """Identifier bytes."""
        return self.ends[-1] - self.begin if len(self.ends) else 0

    def identifiers(self) -> Iterator[bytes]:
        """The encoded Identifiers in order."""
        begin = self.begin
        for end in self.ends:
            yield self.payload[begin:end]
            begin = end

    def cut(self, start: int, stop: int) -> Part:
        """The responses from position `start` up to `stop`, without copying bytes."""
        begin = self.ends[start - 1] if start else self.begin
        return Part(
            self.origin,
            self.first + start,
            self.payload,
            begin,
            self.ends[start:stop],
            self.statuses[start:stop],
        )


@dataclass(frozen=True, slots=True)
class Slab:
    """Responses of one query in plan order; all in one transfer syntax.

    Attributes:
        parts: none empty; at least one, unless all responses were left out.
    """

    parts: tuple[Part, ...]

    @property
    def transfer_syntax(self) -> str:
        """UID all its Identifiers are encoded in."""
        return self.parts[0].origin.transfer_syntax

    @property
    def size(self) -> int:
        """Identifier bytes."""
        return sum(part.size for part in self.parts)

    def __len__(self) -> int:
        return sum(len(part.ends) for part in self.parts)

    def where(self, kept: BoolVec) -> Slab:
        """The responses of which the mask is true; without any it has no parts."""
        parts = []
        first = 0
        for part in self.parts:
            count = len(part.ends)
            stop = 0
            for stands, run in groupby(kept[first : first + count].tolist()):
                start, stop = stop, stop + sum(1 for _ in run)
                if stands:
                    parts.append(part.cut(start, stop))
            first += count
        return Slab(tuple(parts))

    def cut(self, start: int, stop: int) -> Slab:
        """The responses from position `start` up to `stop`; at least one."""
        parts = []
        for part in self.parts:
            count = len(part.ends)
            lower, upper = max(start, 0), min(stop, count)
            if lower < upper:
                parts.append(part.cut(lower, upper))
            start, stop = start - count, stop - count
        return Slab(tuple(parts))


def join(
    sets: Iterable[tuple[Origin, StoredMatches]],
    *,
    rows: int = ROWS_PER_SLAB,
    size: int = BYTES_PER_SLAB,
) -> Iterator[Slab]:
    """Slabs out of sets of matches.

    Args:
        sets: in plan order, each with the request it answers.
        rows: responses at most in one slab, 1 or more.
        size: Identifier bytes at most in one slab, unless one response alone has
            more.

    Yields:
        Slabs in the same order, holding every response that is kept, each once.
    """
    parts: list[Part] = []
    count = held = 0
    for whole in filter(None, (_kept(origin, matches) for origin, matches in sets)):
        if parts and parts[0].origin.transfer_syntax != whole.origin.transfer_syntax:
            yield Slab(tuple(parts))
            parts, count, held = [], 0, 0
        for piece in _pieces(whole, rows, size):
            full = count + len(piece.ends) > rows or held + piece.size > size
            if parts and full:
                yield Slab(tuple(parts))
                parts, count, held = [], 0, 0
            parts.append(piece)
            count, held = count + len(piece.ends), held + piece.size
            if held >= size:  # one that is large is gone before the next is read
                yield Slab(tuple(parts))
                parts, count, held = [], 0, 0
    if parts:
        yield Slab(tuple(parts))


def _kept(origin: Origin, matches: StoredMatches) -> Part | None:
    """The responses of a set that may enter tables."""
    count = len(matches.ends)
    if origin.kept is not None:
        count = max(0, min(count, origin.kept - matches.first))
    if not count:
        return None
    whole = Part(
        origin, matches.first, matches.payload, 0, matches.ends, matches.statuses
    )
    return whole if count == len(matches.ends) else whole.cut(0, count)


def _pieces(part: Part, rows: int, size: int) -> Iterator[Part]:
    """The part in pieces that each fit a slab."""
    if len(part.ends) <= rows and part.size <= size:
        yield part
        return
    start = 0
    while start < len(part.ends):
        begin = part.ends[start - 1] if start else part.begin
        stop = start + 1
        limit = min(start + rows, len(part.ends))
        while stop < limit and part.ends[stop] - begin <= size:
            stop += 1
        yield part.cut(start, stop)
        start = stop
