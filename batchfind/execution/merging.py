"""Which responses of a family stand where several of its requests brought a row.

Pieces of a request share bounds, peers return rows without a time in many of them,
and alternatives overlap. Rows are told apart by the keys of the query's identity;
nothing is merged within one request, nor beyond one family, unless the job says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeAlias

import numpy as np

from batchfind.dicom.columnar.model import BoolVec
from batchfind.execution.forest import Forest
from batchfind.execution.row_digests import Row, RowDigests
from batchfind.execution.row_identity import (
    axis_of,
    identities,
    item_identities,
    unset,
)
from batchfind.execution.standing import Standing
from batchfind.job.model import Dedupe
from batchfind.plan.model import PlannedQuery, Request
from batchfind.tables.keys import KeyRows, read_keys
from batchfind.tables.slabs import Part, Slab

Read: TypeAlias = Callable[[Sequence[Request]], Iterable[Slab]]
"""The responses that count of some requests, in their order."""


class Kept:
    """The responses of a query that enter its outputs."""

    def __init__(self, masks: Mapping[str, BoolVec] | None = None) -> None:
        """With a mask for each request some of whose responses are left out."""
        self._masks = masks or {}

    def without(self, masks: Mapping[str, BoolVec]) -> Kept:
        """The same, less what further masks leave out."""
        both = {**masks, **self._masks}
        for request in masks.keys() & self._masks.keys():
            one, other = self._masks[request], masks[request]
            # Each is as long as what it is about; what follows enters outputs.
            combined = np.ones(max(len(one), len(other)), np.bool_)
            combined[: len(one)] &= one
            combined[: len(other)] &= other
            both[request] = combined
        return Kept(both)

    def responses(self, slabs: Iterable[Slab]) -> Iterator[Slab]:
        """Those of some slabs that enter outputs, in slabs."""
        for slab in slabs:
            mask = self.of(slab)
            kept = slab if mask is None else slab.where(mask)
            if kept.parts:
                yield kept

    def of(self, slab: Slab) -> BoolVec | None:
        """Which responses of a slab enter outputs; None when all do."""
        if not self._masks:
            return None
        masks = [self._masks.get(part.origin.request) for part in slab.parts]
        if all(mask is None for mask in masks):
            return None
        return np.concatenate(
            [_of_part(part, mask) for part, mask in zip(slab.parts, masks, strict=True)]
        )


def _of_part(part: Part, mask: BoolVec | None) -> BoolVec:
    kept = np.ones(len(part.ends), np.bool_)
    if mask is not None:
        told = mask[part.first : part.first + len(kept)]
        kept[: len(told)] = told
    return kept


@dataclass(slots=True)
class Tally:
    """What comparing rows found out about one request; see `Findings`."""

    merged: int = 0
    conflicts: int = 0
    unset: int = 0
    lost: int = 0
    added: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """The responses of a query that stand.

    Attributes:
        tallies: by request id, for requests that were compared with others.
    """

    kept: Kept = field(default_factory=Kept)
    tallies: Mapping[str, Tally] = field(default_factory=dict)


def merge(query: PlannedQuery, forest: Forest, read: Read) -> Merged:
    """Compares the rows of every family of a query.

    Args:
        query: its `identity` tells rows apart, `dedupe` says where they merge.
        forest: all requests of the run.
        read: gives responses; it is asked for families of more than one request
            only, since nothing is merged within one.

    Returns:
        What stands. Of rows with equal identity and different bytes the later in plan
        order stands, of byte-identical ones the first. A row with an empty part in its
        identity, or with an identity that some request holds twice, merges only with
        byte-identical ones. With `dedupe: off` only what a request brought before it
        was cut gives way to the same rows of its pieces.

    Raises:
        StorageError: the capture is damaged, or there is no room to compare.
    """
    scopes = list(_scopes(query, forest))
    if not scopes:
        return Merged()
    masks: dict[str, BoolVec] = {}
    tallies: dict[str, Tally] = {}
    with RowDigests() as rows:
        for members in scopes:
            scope = _Scope(query, forest, members, rows)
            scope.fill(read(members))
            scope.drop_covered()
            scope.count_lost()
            scope.merge()
            masks |= scope.masks
            tallies |= scope.tallies
    return Merged(Kept(masks), tallies)


def _scopes(query: PlannedQuery, forest: Forest) -> Iterator[list[Request]]:
    """Requests whose rows are compared with each other, in plan order."""
    whole = query.dedupe is Dedupe.QUERY
    if not whole and not query.merges and query.splitting is None:
        return
    everyone = forest.of_query(query.name)
    families: dict[str, list[Request]] = {}
    for request in everyone:
        family = "" if whole else _family(query, forest, request)
        families.setdefault(family, []).append(request)
    yield from (members for members in families.values() if len(members) > 1)


def _family(query: PlannedQuery, forest: Forest, request: Request) -> str:
    if query.merges and query.dedupe is not Dedupe.OFF:
        return forest.family_of(request)
    return forest.root_of(request).id


class _Scope:
    """Requests whose rows are compared with each other.

    Attributes:
        masks: responses that stand, by id of requests that lose some.
        tallies: by request id.
    """

    def __init__(
        self,
        query: PlannedQuery,
        forest: Forest,
        members: Sequence[Request],
        rows: RowDigests,
    ) -> None:
        self.masks: dict[str, BoolVec] = {}
        self.tallies = {request.id: Tally() for request in members}
        self._query = query
        self._merges = query.dedupe is not Dedupe.OFF
        self._members = members
        self._rows = rows
        self._counts = [0] * len(members)
        self._positions = {one.id: at for at, one in enumerate(members)}
        self._axes = {
            one.id: axis_of(query.splitting, forest.pieces(one.id)) for one in members
        }
        self._last = _last_descendants(members, forest)

    def fill(self, slabs: Iterable[Slab]) -> None:
        """Takes in every response of the scope once."""
        query, splitting = self._query, self._query.splitting
        paths = dict.fromkeys(query.identity)
        if splitting is not None:
            axes = filter(None, self._axes.values())
            dates = (splitting.date, splitting.time)
            paths |= dict.fromkeys(path for path in (*dates, *axes) if path is not None)
        self._rows.begin()
        for rows in read_keys(query, slabs, list(paths)):
            keys = identities(rows, query.identity)
            self._take_items(rows)
            for request, run in groupby(range(len(rows)), rows.requests.__getitem__):
                self._take(request, rows, keys, list(run))
        self._rows.end()

    def _take_items(self, rows: KeyRows) -> None:
        """What tells the items of responses with several of them apart."""
        for at, items in item_identities(rows, self._query.identity):
            position = self._positions[rows.requests[at]]
            self._rows.add_items(position, rows.responses[at], items)

    def _take(
        self,
        request: str,
        rows: KeyRows,
        keys: Sequence[bytes | None],
        run: Sequence[int],
    ) -> None:
        """Consecutive responses of one request."""
        position, tally = self._positions[request], self.tallies[request]
        axis = self._axes[request]
        on_axis = rows.values[axis] if axis is not None else [()] * len(rows)
        self._rows.add(
            position,
            (
                Row(
                    position,
                    rows.responses[at],
                    keys[at] or rows.digests[at],
                    rows.digests[at],
                    any(on_axis[at]),
                )
                for at in run
            ),
        )
        self._counts[position] = rows.responses[run[-1]] + 1
        tally.unset += unset(rows, self._query.splitting, run)

    def drop_covered(self) -> None:
        """Counts what pieces added; a response whose items all came back gives way."""
        cut = [at for at, last in enumerate(self._last) if last > at]
        for position in cut:
            added = self._rows.added(position, self._last[position])
            self.tallies[self._members[position].id].added = added
        for position in cut:
            covered = self._rows.covered(position, self._last[position])
            if not covered:
                continue
            whole = set(self._rows.repeated(position, self._last[position]))
            for response in covered:
                if response not in whole:
                    self._drop(position, response)
                    self._rows.remove(position, response)

    def count_lost(self) -> None:
        """Looks for what a request brought and its pieces did not."""
        for position, request in enumerate(self._members):
            if self._axes[request.id] is not None:
                lost = self._rows.lost(position, self._last[position])
                self.tallies[request.id].lost = lost

    def merge(self) -> None:
        """Decides which responses stand."""
        if not self._merges:
            for position in range(len(self._members)):
                for response in self._rows.repeated(position, self._last[position]):
                    self._drop(position, response)
            return
        self._rows.distrust_repeated_keys()
        standing = Standing(self._drop, self._note_conflict)
        for key, request, response, content in self._rows.sorted():
            standing.take(key, request, response, content)

    def _drop(self, position: int, response: int) -> None:
        request = self._members[position].id
        if request not in self.masks:
            self.masks[request] = np.ones(self._counts[position], np.bool_)
        self.masks[request][response] = False
        self.tallies[request].merged += 1

    def _note_conflict(self, position: int) -> None:
        self.tallies[self._members[position].id].conflicts += 1


def _last_descendants(members: Sequence[Request], forest: Forest) -> list[int]:
    """For each request the position of the last that was cut from it, or its own."""
    last = list(range(len(members)))
    positions = {one.id: at for at, one in enumerate(members)}
    # What was cut from a request follows it in plan order, before anything else.
    for at in reversed(last):
        for piece in forest.pieces(members[at].id):
            last[at] = max(last[at], last[positions[piece.id]])
    return last
