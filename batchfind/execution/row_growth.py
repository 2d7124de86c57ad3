"""The requests that a query has for the rows of another: `for_each`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchfind.dicom.paths import KeyPath
from batchfind.execution.census import Census, Counted
from batchfind.execution.growth_rows import GrowthRows
from batchfind.execution.wording import plural
from batchfind.job.model import Dedupe
from batchfind.plan.growth import children_of
from batchfind.plan.model import Growing, Plan, PlannedQuery, Request
from batchfind.plan.rewriting import text_at
from batchfind.tables.keys import KeyRows

_SPARE = 10_000
"""Distinct rows that may be unusable before a family is taken for too large."""

_Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Family:
    """Requests whose rows are merged, and the children that they have already.

    Attributes:
        first: number of the next child.
    """

    parent: Request
    counted: Sequence[Counted]
    known: frozenset[_Key]
    first: int


@dataclass(slots=True)
class Harvest:
    """What the rows of a query give.

    Attributes:
        requests: new ones, those of one row next to each other.
        keyless: rows without a usable key, by id of the first of their family; of
            every family that was read.
        parents: ids of the requests that have, or may have, rows nobody asked for.
        refused: why none of the requests are to be asked; or empty.
    """

    requests: list[Request] = field(default_factory=list)
    keyless: dict[str, int] = field(default_factory=dict)
    parents: list[str] = field(default_factory=list)
    refused: str = ""


@dataclass(slots=True)
class _Row:
    """A distinct row: the later of equal ones says what children carry along."""

    values: Mapping[KeyPath, str]
    count: int = 0


class RowGrowth:
    """Children of one query for all rows that have none yet."""

    def __init__(self, plan: Plan, query: PlannedQuery, census: Census) -> None:
        """Takes down what is known now; the rest may be done in a thread.

        Raises:
            ValueError: the query does not grow.
        """
        if query.growing is None:
            raise ValueError(f"query {query.name} has no for_each")
        self._plan = plan
        self._query = query
        self._growing: Growing = query.growing
        self._room = plan.policy.max_requests - census.count
        self._allowed = query.growing.limit - len(census.of_query(query.name))
        self._most = max(0, min(self._allowed, self._room)) + _SPARE
        #: Children of all families at a peer, where rows merge across them.
        self._shared: dict[str, set[_Key]] | None = None
        if plan.queries[query.growing.query].dedupe is Dedupe.QUERY:
            self._shared = {}
            for child in census.of_query(query.name):
                known = self._shared.setdefault(child.peer, set())
                known.add(self._key_of(child))
        peers = frozenset(pattern.peer for pattern in query.growing.patterns)
        self._families = [
            self._family(parent, census.counting(members), census)
            for parent, members in census.families(query.growing.query)
            if parent.peer in peers
        ]

    def read(self, rows: GrowthRows) -> Harvest:
        """Reads every family, one at a time.

        Raises:
            StorageError: the capture cannot be read.
        """
        harvest = Harvest()
        for family in self._families:
            if harvest.refused:
                harvest.parents += [family.parent.id] if family.counted else []
                continue
            new = self._new_rows(family, rows)
            if len(new) > self._most:
                # Not all rows were read, so none of them may pass for all.
                harvest.parents.append(family.parent.id)
                harvest.refused = self.refusal(len(new), self._room)
            else:
                self._add(family, new, harvest)
        if harvest.refused:
            harvest.requests.clear()
        return harvest

    def refusal(self, count: int, room: int) -> str:
        """Why so many new requests are not asked; empty when they are.

        Args:
            count: of new requests.
            room: so many more requests the run may have.
        """
        name = self._query.name
        if count > self._allowed:
            return (
                f"query {name} would have more than the {self._growing.limit} requests "
                "of for_each.max, so none were made for new rows"
            )
        if count > room:
            most = plural(self._plan.policy.max_requests, "request")
            return (
                f"with those of query {name} the run would have more than the {most} "
                "of run.max_requests, so none were made for new rows"
            )
        return ""

    def _family(
        self, parent: Request, counted: Sequence[Counted], census: Census
    ) -> _Family:
        children = census.children(self._query.name, parent.id)
        numbers = (child.order[-1] for child in children)
        return _Family(
            parent,
            counted,
            frozenset(self._key_of(child) for child in children),
            max(numbers, default=-1) + 1,
        )

    def _key_of(self, child: Request) -> _Key:
        """The values that a child was made of."""
        return tuple(
            _plain(text_at(child.identifier, bind.child))
            for bind in self._growing.binds
        )

    def _new_rows(self, family: _Family, rows: GrowthRows) -> list[_Row]:
        """Distinct rows without children, in the order of the first of equals."""
        parents = self._plan.queries[self._growing.query]
        bound = [bind.parent for bind in self._growing.binds]
        paths = list(dict.fromkeys((*bound, *self._growing.columns.values())))
        found: dict[_Key, _Row] = {}
        known: frozenset[_Key] | set[_Key] = family.known
        if self._shared is not None:
            known = self._shared.setdefault(family.parent.peer, set())
        for part in rows.keys(parents, family.counted, paths):
            for values in _rows_of(part, paths):
                key = tuple(_plain(values[path]) for path in bound)
                if key in known:
                    continue
                row = found.setdefault(key, _Row(values))
                row.values = values
                row.count += 1
            if len(found) > self._most:
                break
        if self._shared is not None:
            self._shared[family.parent.peer].update(found)
        return list(found.values())

    def _add(self, family: _Family, new: Sequence[_Row], harvest: Harvest) -> None:
        parent = family.parent
        harvest.keyless[parent.id] = 0
        if not new:
            return
        unusable: set[int] = set()
        by_pattern = []
        for pattern in self._growing.patterns:
            if pattern.peer != parent.peer:
                continue
            grown = children_of(
                pattern,
                self._growing,
                parent,
                [row.values for row in new],
                self._plan.peers[parent.peer],
                first=family.first,
                known=self._plan.dictionary,
            )
            by_pattern.append(grown.requests)
            unusable.update(grown.unusable)
        children = sorted(
            (one for requests in by_pattern for one in requests),
            key=lambda one: (one.order[-1], one.order),
        )
        harvest.keyless[parent.id] = sum(new[at].count for at in unusable)
        if not children:
            return
        harvest.requests += children
        harvest.parents.append(parent.id)
        harvest.refused = self.refusal(len(harvest.requests), self._room)


def _rows_of(part: KeyRows, paths: Sequence[KeyPath]) -> Iterator[dict[KeyPath, str]]:
    """Rows of responses: one an item where keys lie in a sequence, else one each."""
    columns = [part.values[path] for path in paths]
    for at, texts in enumerate(zip(*columns, strict=True)):
        if at in part.undecodable:
            continue
        for item in range(_items(paths, texts)):
            yield {
                path: _nth(found, item if path.is_nested else 0)
                for path, found in zip(paths, texts, strict=True)
            }


def _items(paths: Sequence[KeyPath], texts: Iterable[Sequence[str | None]]) -> int:
    counts = [
        len(found) for path, found in zip(paths, texts, strict=True) if path.is_nested
    ]
    return max(1, *counts) if counts else 1


def _nth(texts: Sequence[str | None], at: int) -> str:
    return (texts[at] or "") if at < len(texts) else ""


def _plain(text: str) -> str:
    """A value without its padding. Source: PS3.5 Section 6.2."""
    return text.strip(" \0")
