"""Caps that peers kept silent about, given away by the pieces of what was cut.

A success whose pieces brought rows that it lacked was capped, whatever its status said.
Where that happens at different counts, nobody can tell what fits into an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from batchfind.capture.records import Ending, Outcome, StoredAttempt
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.contribution import answer
from batchfind.execution.ledger import LEAST_SUSPICIOUS
from batchfind.execution.wording import plural, whom
from batchfind.plan.model import Piecing, PlannedPeer, Request

Place: TypeAlias = tuple[str, str, str]
_NAMED = 4
_HINT = (
    "have its administrator set one limit, or none; or use keys or steps so narrow "
    "that no answer has 50 responses, and check one of them by other means"
)


def place_of(request: Request) -> Place:
    """Where a peer may cap: the peer, SOP class and level of a request."""
    return request.peer, request.sop_class, request.level or ""


def proven(cut: Iterable[tuple[Request, int]]) -> Mapping[Place, tuple[int, ...]]:
    """At which different counts each place was silently capped.

    Args:
        cut: requests that were, with the count of their success.

    Returns:
        Counts in descending order.
    """
    found: dict[Place, set[int]] = {}
    for request, count in cut:
        found.setdefault(place_of(request), set()).add(count)
    return {place: tuple(sorted(all_, reverse=True)) for place, all_ in found.items()}


def varying(
    request: Request, peer: PlannedPeer, counts: Sequence[int], own: int
) -> Doubt:
    """The doubt in any answer of a peer that stops at different counts.

    Args:
        request: of such a place.
        peer: its peer.
        counts: at which it stopped.
        own: responses of the request.
    """
    shown = [f"{count:,}" for count in counts[:_NAMED]] + ["…"] * (len(counts) > _NAMED)
    return Doubt(
        code="capped",
        message=(
            f"{whom(request, peer)}: it says success and stops at different counts "
            f"({', '.join(shown)}): what fits into an answer cannot be told"
        ),
        hint=_HINT,
        silent=True,
        count=own,
    )


def unconfirmed(
    request: Request, peer: PlannedPeer, own: int, above: Request, count: int
) -> Doubt:
    """The doubt in a piece of what was capped at a count that was met only once.

    Args:
        request: the piece.
        peer: its peer.
        own: its responses.
        above: what it was cut from.
        count: responses of that.
    """
    return Doubt(
        code="capped",
        message=(
            f"{whom(request, peer)}: request {above.id} was cut off at "
            f"{plural(count, 'response')} without a word, and nothing shows that "
            f"{plural(own, 'response')} may not be cut off as well"
        ),
        hint=(
            "lower window.floor, add keys to window.then, or narrow the query; or say "
            "in limits.response_cap where the peer caps"
        ),
        silent=True,
        count=own,
    )


def is_doubted_piece(piece: Request, ending: Ending | None) -> bool:
    """Whether a piece of such a request is doubted: a success that is large enough."""
    return (
        not is_probe(piece)
        and ending is not None
        and ending.outcome is Outcome.SUCCESS
        and ending.responses >= LEAST_SUSPICIOUS
    )


@dataclass(frozen=True, slots=True)
class Pedigree:
    """What was cut from what, while a run goes on.

    Attributes:
        above: what a request was cut from, or None.
        pieces: what a request was cut into directly.
        attempts: every try at a request, oldest first.
        caps: knows how all of them ended.
    """

    above: Callable[[Request], Request | None]
    pieces: Callable[[Request], Sequence[Request]]
    attempts: Callable[[Request], Sequence[StoredAttempt]]
    caps: Caps

    def doubt(self, piece: Request, peer: PlannedPeer) -> Doubt | None:
        """Why a piece is to be cut for what became of its siblings; else None."""
        above = self.above(piece)
        own = answer(self.attempts(piece))
        if above is None or own is None or not is_doubted_piece(piece, own):
            return None
        count = self._unconfirmed(above)
        if count is None:
            return None
        return unconfirmed(piece, peer, own.responses, above, count)

    def _unconfirmed(self, cut: Request) -> int | None:
        """The count at which a request seems to be capped, met only once; else None.

        Nothing is known before all pieces have ended. Pieces by time overlap, so that
        it may be a false alarm: it is not passed on to pieces of pieces.
        """
        count = _success(self.attempts(cut))
        if not count or self.caps.confirms(cut, count):
            return None
        pieces = (one for one in self.pieces(cut) if not is_probe(one))
        sizes = [_success(self.attempts(one)) for one in pieces]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes) or sum(known) <= count:
            return None
        above = self.above(cut)
        return None if above and self._unconfirmed(above) else count


def is_probe(request: Request) -> bool:
    """Whether it only asks what becomes of rows without a time."""
    return request.extent is not None and request.extent.by is Piecing.UNSET


def _success(attempts: Sequence[StoredAttempt]) -> int | None:
    ended = answer(attempts)
    if ended is None or ended.outcome is not Outcome.SUCCESS:
        return None
    return ended.responses
