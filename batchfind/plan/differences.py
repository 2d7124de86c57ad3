"""What two plans ask otherwise, in words that hold no value of any key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from batchfind.plan.model import Plan, PlannedQuery, Request
from batchfind.plan.request_differences import facets, listed, moved

_LISTED: Final = 5


def differences(stored: Plan, given: Plan) -> str:
    """What a plan asks otherwise than a stored one.

    Another time zone is a difference of its own, whatever dates it gives.

    Args:
        stored: of a run.
        given: of the job as it is now.

    Returns:
        Phrases joined by semicolons, with names of keys but without any of their
        values; empty when both ask the same.
    """
    found = list(_zones(stored, given))
    if stored.digest != given.digest:
        found += _of_questions(stored, given)
    return "; ".join(found)


def _zones(stored: Plan, given: Plan) -> Iterator[str]:
    if stored.timezone != given.timezone:
        yield f"time zone {moved(stored.timezone, given.timezone)}"
    for name, old in stored.peers.items():
        new = given.peers.get(name)
        if new is None or old.timezone == new.timezone:
            continue
        zones = old.timezone or stored.timezone, new.timezone or given.timezone
        if zones[0] != zones[1]:
            yield f"time zone of peer {name} {moved(*zones)}"


def _of_questions(stored: Plan, given: Plan) -> Iterator[str]:
    if stored.job != given.job:
        yield f"job {stored.job} -> {given.job}"
    yield from _named("query", "queries", stored.queries, given.queries)
    yield from _named("peer", "peers", stored.peers, given.peers)
    changes = tuple(_changes(stored, given))
    yield from _told(changes, len(tuple(_asked(stored))))
    ways = tuple(_ways(stored, given))
    yield from ways
    same = stored.queries.keys() == given.queries.keys()
    if not changes and not ways and same and stored.peers.keys() == given.peers.keys():
        yield "the order of the requests, or which of them are merged"


def _named(
    one: str, several: str, old: Mapping[str, object], new: Mapping[str, object]
) -> Iterator[str]:
    """Names that are only in one of two mappings."""
    for names, what in (
        ([name for name in old if name not in new], "no longer asked"),
        ([name for name in new if name not in old], "new"),
    ):
        if names:
            noun, verb = (one, "is") if len(names) == 1 else (several, "are")
            yield f"{noun} {listed(names)} {verb} {what}"


@dataclass(frozen=True, slots=True)
class _Change:
    """A request that another took the place of, or that is only in one plan."""

    old: Request | None
    new: Request | None
    what: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Requests with the same are told together."""
        one = self.old or self.new
        assert one is not None  # noqa: S101 - one of the two is given
        return one.query, one.peer, self.what

    @property
    def id(self) -> str:
        """In the stored plan, where it is there."""
        one = self.old or self.new
        assert one is not None  # noqa: S101 - as above
        return one.id


def _changes(stored: Plan, given: Plan) -> Iterator[_Change]:
    """Requests of queries and peers that both plans have, and that differ."""
    old, new = _grouped(stored), _grouped(given)
    both = stored.queries.keys() & given.queries.keys()
    peers = stored.peers.keys() & given.peers.keys()
    for place in dict.fromkeys((*old, *new)):
        if place[0] not in both or place[1] not in peers:
            continue
        before, after = old.get(place, []), new.get(place, [])
        gone, come = _only_in(before, after), _only_in(after, before)
        for one, other in zip_longest(gone, come):
            what = "gone" if other is None else "new"
            if one is not None and other is not None:
                what = ", ".join(facets(stored, one, given, other)) or "otherwise"
            yield _Change(one, other, what)


def _asked(plan: Plan) -> Iterator[Request]:
    yield from plan.requests
    for query in plan.queries.values():
        if query.growing is not None:
            yield from query.growing.patterns


def _grouped(plan: Plan) -> dict[tuple[str, str], list[Request]]:
    found: dict[tuple[str, str], list[Request]] = {}
    for request in _asked(plan):
        found.setdefault((request.query, request.peer), []).append(request)
    return found


def _only_in(some: Iterable[Request], others: Iterable[Request]) -> list[Request]:
    """Requests without an equal one among others, each of which equals one."""
    left = Counter((one.key, one.extent) for one in others)
    found = []
    for one in some:
        if left[one.key, one.extent]:
            left[one.key, one.extent] -= 1
        else:
            found.append(one)
    return found


def _told(changes: Sequence[_Change], total: int) -> Iterator[str]:
    """All changes as one phrase; those of one kind at one peer together."""
    if not changes:
        return
    groups: dict[tuple[str, str, str], list[str]] = {}
    for change in changes:
        groups.setdefault(change.place, []).append(change.id)
    lines = [
        f"{query} at {peer} ({_ids(ids)}): {what}"
        for (query, peer, what), ids in groups.items()
    ]
    more = len(lines) - _LISTED
    if more > 0:
        lines[_LISTED:] = [f"and {more} more"]
    all_of = "1 request" if total == 1 else f"{total} requests"
    gone = sum(change.new is None for change in changes)
    come = sum(change.old is None for change in changes)
    counts = [
        f"{count} {_verb(count, *forms)}"
        for count, forms in (
            (
                len(changes) - gone - come,
                (f"of {all_of} differs", f"of {all_of} differ"),
            ),
            (gone, (f"of {all_of} is gone", f"of {all_of} are gone")),
            (come, ("is new", "are new")),
        )
        if count
    ]
    yield f"{', '.join(counts)}: {'; '.join(lines)}"


def _verb(count: int, one: str, several: str) -> str:
    return one if count == 1 else several


def _ids(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:2])
    return shown if len(ids) <= 2 else f"{shown} and {len(ids) - 2} more"


def _ways(stored: Plan, given: Plan) -> Iterator[str]:
    """Queries whose answers give rise to other requests than before."""
    for name, old in stored.queries.items():
        new = given.queries.get(name)
        if new is None:
            continue
        if old.splitting != new.splitting:
            yield f"query {name}: how its window is cut"
        if _grown(old) != _grown(new):
            yield f"query {name}: for_each"


def _grown(query: PlannedQuery) -> object:
    """What decides which requests the rows of another query become."""
    growing = query.growing
    if growing is None:
        return None
    return growing.query, growing.binds, dict(growing.columns), growing.limit
