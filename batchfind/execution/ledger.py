"""What the counts of responses at one place of a peer say about its cap.

A place is a SOP class at a level. What is known depends on which requests have ended
there, never on the order in which they did.

A peer may cap by what it is asked for, or by whom. So a larger answer speaks against a
cap only for requests that ask alike; what speaks for one is taken from wherever it is.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from batchfind.dicom.identifier import Identifier
from batchfind.plan.model import Request

#: Counts below are too common to be taken for a cap, unless one is declared or seen.
LEAST_SUSPICIOUS = 50
Circle: TypeAlias = tuple[Hashable, ...]
#: The circle of all requests of a place.
WHOLE_PLACE: Final[Circle] = ("place",)
#: How the name of a circle of pieces begins: of all that was cut of one question.
PIECES: Final = "pieces"
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What the attempts at one request say about a cap.

    Attributes:
        request: that was asked.
        splits: it can be cut, so a doubt costs two requests instead of a verdict.
        reach: most responses of any attempt that ended as success.
        circles: of requests that ask alike, the narrowest first; the last one is the
            whole place. Empty when no count of it can be guessed to be a cap.
        success: responses of the success that counts, or None.
        broken: responses after which an attempt broke off, none having more; else
            None.
        capped: responses at which the peer surely cut off, by these attempts alone;
            else None.
    """

    request: Request
    splits: bool
    reach: int = 0
    circles: tuple[Circle, ...] = ()
    success: int | None = None
    broken: int | None = None
    capped: int | None = None


class Ground(Enum):
    """Why a count is doubted."""

    DECLARED = auto()
    SEEN = auto()
    """Another request was cut off there."""
    SHARED = auto()
    """Several Identifiers ended there, and no success of the level brought more."""
    ALIKE = auto()
    """The same, among requests that ask alike."""
    REPEATED = auto()
    """Pieces of one question ended there again and again, though others have more."""
    LARGEST = auto()
    ROUND = auto()


def is_round(count: int) -> bool:
    """Whether a cap might have been set to this count by hand."""
    return count >= LEAST_SUSPICIOUS and not count % LEAST_SUSPICIOUS


@dataclass(slots=True)
class _Group:
    """Requests with one thing in common, the first few of them at hand."""

    members: dict[str, Tries] = field(default_factory=dict)
    first: list[tuple[tuple[int, ...], str]] = field(default_factory=list)

    def add(self, tries: Tries) -> None:
        self.members[tries.request.id] = tries
        place = tries.request.order, tries.request.id
        # One more than is named, in case the request itself is among them.
        if len(self.first) <= _NAMED or place < self.first[-1]:
            insort(self.first, place)
            del self.first[_NAMED + 1 :]

    def remove(self, tries: Tries) -> None:
        del self.members[tries.request.id]
        everyone = (one.request for one in self.members.values())
        self.first = sorted((one.order, one.id) for one in everyone)[: _NAMED + 1]


@dataclass(slots=True)
class _Circle:
    """Successes of requests that ask alike, as far as they may be capped."""

    largest: int = 0
    identifiers: dict[int, Counter[Identifier]] = field(default_factory=dict)

    def shares(self, count: int, least: int = 2) -> bool:
        """Whether several Identifiers ended at a count."""
        return len(self.identifiers.get(count, ())) >= least


@dataclass(frozen=True, slots=True)
class _State:
    """What is known about one count: seen, and shared in which circles."""

    seen: bool
    shared: frozenset[Circle]


class Ledger:
    """All that ended at one place.

    Attributes:
        declared: the cap as the administrator says, or None.
    """

    def __init__(self, declared: int | None, *, auto: bool) -> None:
        """For a place; `auto` says whether counts are doubted on their own."""
        self.declared = declared
        self._auto = auto and declared is None
        self._tries: dict[str, Tries] = {}
        self._ended: dict[int, _Group] = {}
        self._broken: dict[int, _Group] = {}
        self._capped: dict[int, _Group] = {}
        self._circles: dict[Circle, _Circle] = {}

    def learn(self, tries: Tries) -> tuple[str, ...]:
        """Takes in what is known of a request now.

        Returns:
            Ids of other requests that this gives a reason to doubt, in plan order.
        """
        counts = {count for count in (tries.success, tries.capped) if count}
        before = {count: self._state(tries, count) for count in counts}
        self._forget(tries.request.id)
        self._keep(tries)
        newly = {
            other.request.order: other.request.id
            for count, state in before.items()
            for other in self._newly(tries, count, state)
            if other.request.id != tries.request.id
        }
        return tuple(newly[order] for order in sorted(newly))

    def ground(self, tries: Tries) -> Ground | None:
        """Why a request that succeeded, or broke off, is doubted; else None."""
        count = tries.success if tries.success is not None else tries.broken
        return self._ground(tries, self._state(tries, count)) if count else None

    def trusts(self, count: int) -> bool:
        """Whether a success with so many responses is not doubted for any request."""
        if count == self.declared or count in self._capped:
            return not count
        return not self._suspects(count, splits=True)

    def confirms(self, count: int) -> bool:
        """Whether the peer is known to stop at a count more than once."""
        place = self._circles.get(WHOLE_PLACE, _Circle())
        return count == self.declared or count in self._capped or place.shares(count)

    def sharing(self, request: Request, count: int) -> tuple[tuple[str, ...], int]:
        """Ids of the first other requests that ended at a count, and how many did."""
        return _others(self._ended.get(count), request)

    def cut_off(self, request: Request, count: int) -> tuple[tuple[str, ...], int]:
        """Ids of the first other requests cut off at a count, and how many were."""
        return _others(self._capped.get(count), request)

    def _ground(self, tries: Tries, state: _State) -> Ground | None:
        count = tries.success if tries.success is not None else tries.broken
        if not count:
            return None
        if count == self.declared:
            return Ground.DECLARED
        if tries.success is None:
            even = tries.splits and is_round(count)
            seen = Ground.SEEN if state.seen else None
            return Ground.ROUND if even else seen
        if state.seen:
            return Ground.SEEN
        if not self._suspects(count, splits=tries.splits):
            return None
        return self._shared(tries, state, count) or self._tested(tries, count)

    def _tested(self, tries: Tries, count: int) -> Ground | None:
        """Why a success is doubted on its own, since it only has to be cut once."""
        if not tries.splits:
            return None
        alike = _Circle()
        if tries.circles:
            alike = self._circles.get(tries.circles[0], alike)
        if count >= alike.largest:
            return Ground.LARGEST
        return Ground.ROUND if is_round(count) else None

    def _shared(self, tries: Tries, state: _State, count: int) -> Ground | None:
        for circle in reversed(tries.circles):
            if circle not in state.shared:
                continue
            if circle[0] == PIECES:
                return Ground.REPEATED
            if count >= self._circles[circle].largest:
                return Ground.SHARED if circle == WHOLE_PLACE else Ground.ALIKE
        return None

    def _suspects(self, count: int, *, splits: bool) -> bool:
        """Whether other counts can speak against this one."""
        # A wrong declaration must not hide a cap. One that is exceeded shows that it
        # is wrong; where an answer can be cut, even that need not be waited for.
        unsure = self.declared is not None and (splits or count > self.declared)
        return (self._auto or unsure) and count >= LEAST_SUSPICIOUS

    def _newly(self, tries: Tries, count: int, before: _State) -> Iterator[Tries]:
        now = self._state(tries, count)
        if now == before:
            return
        for groups in (self._ended, self._broken):
            group = groups.get(count, _Group())
            for other in group.members.values():
                # Circles that this request is not in are as they were.
                known = self._state(other, count)
                others = known.shared - now.shared
                then = _State(before.seen, before.shared & known.shared | others)
                doubted = self._ground(other, known) is not None
                if doubted and self._ground(other, then) is None:
                    yield other

    def _state(self, tries: Tries, count: int) -> _State:
        shared = (
            circle
            for circle in tries.circles
            if circle in self._circles
            and self._circles[circle].shares(count, 3 if circle[0] == PIECES else 2)
        )
        return _State(count in self._capped, frozenset(shared))

    def _keep(self, tries: Tries) -> None:
        self._tries[tries.request.id] = tries
        for count, groups in self._groups(tries):
            groups.setdefault(count, _Group()).add(tries)
        for name in tries.circles:
            circle = self._circles.setdefault(name, _Circle())
            circle.largest = max(circle.largest, tries.reach)
            if tries.success and tries.success >= LEAST_SUSPICIOUS:
                counter = circle.identifiers.setdefault(tries.success, Counter())
                counter[tries.request.identifier] += 1

    def _forget(self, identity: str) -> None:
        old = self._tries.pop(identity, None)
        if old is None:
            return
        for count, groups in self._groups(old):
            groups[count].remove(old)
            if not groups[count].members:
                del groups[count]
        if not old.success or old.success < LEAST_SUSPICIOUS:
            return
        for name in old.circles:
            identifiers = self._circles[name].identifiers
            identifiers[old.success][old.request.identifier] -= 1
            identifiers[old.success] = +identifiers[old.success]

    def _groups(self, tries: Tries) -> Iterator[tuple[int, dict[int, _Group]]]:
        if tries.success:
            yield tries.success, self._ended
        elif tries.broken:
            yield tries.broken, self._broken
        if tries.capped:
            yield tries.capped, self._capped


def _others(group: _Group | None, request: Request) -> tuple[tuple[str, ...], int]:
    if group is None:
        return (), 0
    ids = [identity for _, identity in group.first if identity != request.id]
    count = len(group.members) - (request.id in group.members)
    return tuple(ids[:_NAMED]), count
