"""Whether responses match the keys they were asked by, a column at a time.

A judgement needs a key and a text, so each different pair is judged once. What a
peer left out, and what nobody can judge, is no mismatch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from batchfind.dicom.judging import Judge
from batchfind.dicom.paths import KeyPath
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.plan.model import PlannedQuery
from batchfind.tables.asked import AskedKey
from batchfind.tables.columns import LevelColumns
from batchfind.tables.decode import Decoder
from batchfind.tables.decoded import Decoded
from batchfind.tables.entries import Entries
from batchfind.tables.layout import Layout, layout_of
from batchfind.tables.level import Wanted
from batchfind.tables.slabs import Slab

BoolVec: TypeAlias = npt.NDArray[np.bool_]
IntVec: TypeAlias = npt.NDArray[np.int64]
Route: TypeAlias = tuple[int, ...]
"""Slots of the sequences around a key from the outside in, then its own."""

_NO_RESPONSES: Final = np.zeros(0, np.bool_)
_REMEMBERED: Final = 1 << 16
_RESERVED: Final = 0xFF01


class Asked(Protocol):
    """The matching keys of some requests."""

    @property
    def paths(self) -> Sequence[KeyPath]:
        """Of all of them, without item numbers."""

    def of(self, request: str) -> Question:
        """What the responses of a request are held against, by its id."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the responses of a request are held against.

    Attributes:
        keys: its matching keys.
        judged: values are compared; else it is only noted which keys came back.
    """

    keys: tuple[AskedKey, ...]
    judged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What holding some responses against their keys found out.

    Attributes:
        reserved: responses with status FF01, by request id; not where there are none.
        read: responses that could be decoded, by request id.
        absent: dotted paths of matching keys that none of these holds, by request
            id; a request has no entry when they hold all.
        mismatches: how many do not match some key, by request id; not where all do.
        mismatched: of each response, whether it does not match some key; of length 0
            when all match.
        names: a string array of the same length: dotted paths of the keys that a
            response does not match, joined by a backslash; null where it does.
    """

    reserved: Mapping[str, int] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mismatches: Mapping[str, int] = field(default_factory=dict)
    mismatched: BoolVec = field(default_factory=lambda: _NO_RESPONSES)
    names: pa.Array | None = None


class Verifier:
    """Holds the responses of a query against what their requests asked."""

    def __init__(self, layout: Layout, question: Callable[[str], Question]) -> None:
        """Before the first slab.

        Args:
            layout: holds every path of the keys.
            question: of a request, by its id; asked once a request.
        """
        self._layout = layout
        self._ask = question
        self._questions: dict[str, Question] = {}
        self._routes: dict[KeyPath, Route] = {}
        self._known: dict[tuple[Judge, str], bool] = {}

    def verify(self, decoded: Decoded, columns: LevelColumns) -> Verified:
        """What is to be known about the responses of a slab.

        Args:
            decoded: the responses.
            columns: of the data sets.
        """
        parts = decoded.slab.parts
        questions = [self._question(part.origin.request) for part in parts]
        asked = _by_path(questions)
        work = _Work(decoded, columns)
        lacking: list[set[str]] = [set() for _ in parts]
        found: dict[KeyPath, BoolVec] = {}
        for path, keys in asked.items():
            route = self._route(path)
            if work.is_sequence(route):
                continue
            for part in work.parts_without(route, keys):
                lacking[part].add(path.dotted)
            judged = {part: key for part, key in keys.items() if questions[part].judged}
            mismatches = self._mismatches(work, route, judged)
            if mismatches is not None:
                found[path] = mismatches
        read, absent = _by_request(work, lacking)
        verdict = Verified(reserved=work.reserved(), read=read, absent=absent)
        return self._with_mismatches(verdict, work, found) if found else verdict

    def _question(self, request: str) -> Question:
        if request not in self._questions:
            self._questions[request] = self._ask(request)
        return self._questions[request]

    def _route(self, path: KeyPath) -> Route:
        if path not in self._routes:
            node, slots = self._layout.root, []
            for step in path.steps:
                slots.append(node.slot(step))
                node = node.attributes[slots[-1]].node or node
            self._routes[path] = tuple(slots)
        return self._routes[path]

    def _mismatches(
        self, work: _Work, route: Route, keys: Mapping[int, AskedKey]
    ) -> BoolVec | None:
        """Entries that do not match, or None: all do, or nobody can tell."""
        judged = {part: key for part, key in keys.items() if key.judge is not None}
        if not judged:
            return None
        which, distinct = _codes(judged, work.parts)
        entries, columns = work.level(route)
        wanted = which[work.part_of[entries.owners]]
        encoded = columns.text(route[-1]).array.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        held = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        compared = np.flatnonzero((wanted >= 0) & (held >= 0))
        pairs = wanted[compared] * len(texts) + held[compared]
        different, where = np.unique(pairs, return_inverse=True)
        key_of, text_of = np.divmod(different, max(len(texts), 1))
        judgements = [
            self._is_mismatch(distinct[key], texts[text])
            for key, text in zip(key_of.tolist(), text_of.tolist(), strict=True)
        ]
        if not any(judgements):
            return None
        found = np.zeros(len(entries), np.bool_)
        found[compared] = np.array(judgements, np.bool_)[where.ravel()]
        return found

    def _is_mismatch(self, key: AskedKey, text: str) -> bool:
        if text == key.text or key.judge is None:
            return False
        verdict = self._known.get((key.judge, text))
        if verdict is None:
            if len(self._known) == _REMEMBERED:
                self._known.clear()
            verdict = self._known[key.judge, text] = key.judge(text) is False
        return verdict

    def _with_mismatches(
        self, verdict: Verified, work: _Work, found: Mapping[KeyPath, BoolVec]
    ) -> Verified:
        """The responses that do not match, with names."""
        routes = {self._route(path): each for path, each in found.items()}
        bad = {route[0]: work.bad(route[:1], routes) for route in routes}
        paths = sorted(found, key=lambda path: [step.tag for step in path.steps])
        marks = np.stack(
            [
                work.owners_of(self._route(path), found[path])
                & bad[self._route(path)[0]]
                for path in paths
            ]
        )
        mismatched: BoolVec = np.logical_or.reduce(marks)
        if not mismatched.any():
            return verdict
        return replace(
            verdict,
            mismatches=work.by_request(mismatched),
            mismatched=mismatched,
            names=_names([path.dotted for path in paths], marks),
        )


class _Work:
    """A slab's responses, part by part."""

    def __init__(self, decoded: Decoded, columns: LevelColumns) -> None:
        self._decoded = decoded
        self._columns = columns
        counts = [len(part.ends) for part in decoded.slab.parts]
        self.parts = len(counts)
        self.part_of: IntVec = np.repeat(np.arange(len(counts)), counts)
        self._begins: IntVec = np.cumsum(counts, dtype=np.int64) - counts
        self._readable = np.ones(len(self.part_of), np.bool_)
        self._readable[list(decoded.defects)] = False
        self.read: IntVec = np.add.reduceat(
            self._readable.astype(np.int64), self._begins
        )

    @property
    def requests(self) -> list[str]:
        """Id of each part's request."""
        return [part.origin.request for part in self._decoded.slab.parts]

    def reserved(self) -> dict[str, int]:
        """Responses with status FF01, by request."""
        statuses = [np.asarray(part.statuses) for part in self._decoded.slab.parts]
        return self.by_request(np.concatenate(statuses) == _RESERVED)

    def by_request(self, marks: BoolVec) -> dict[str, int]:
        """How many responses are marked, by request, of those that have any."""
        counts: Counter[str] = Counter()
        if marks.any():
            sums = np.add.reduceat(marks.astype(np.int64), self._begins)
            for request, count in zip(self.requests, sums.tolist(), strict=True):
                counts[request] += count
        return dict(+counts)

    def level(self, route: Route) -> tuple[Entries, LevelColumns]:
        """The level a key stands in."""
        entries, columns = self._decoded.root, self._columns
        for slot in route[:-1]:
            entries, columns = entries.children[slot], columns.children[slot]
        return entries, columns

    def is_sequence(self, route: Route) -> bool:
        """Whether tables take for a sequence what was asked as none."""
        entries, _ = self.level(route)
        return entries.node.attributes[route[-1]].vr == "SQ"

    def parts_without(self, route: Route, asked: Mapping[int, AskedKey]) -> list[int]:
        """Those of some parts with responses, none of which holds a key."""
        entries, columns = self.level(route)
        text = columns.text(route[-1])
        present = pc.is_valid(text.array).to_numpy(zero_copy_only=False)
        if text.broken:
            present = present.copy()
            present[list(text.broken)] = True
        if present.all() and len(route) == 1:
            return []
        held = np.zeros(len(self.part_of), np.bool_)
        held[entries.owners[present]] = True
        without = ~np.logical_or.reduceat(held & self._readable, self._begins)
        without &= self.read > 0
        return [part for part in np.flatnonzero(without).tolist() if part in asked]

    def owners_of(self, route: Route, found: BoolVec) -> BoolVec:
        """Which responses the entries found belong to."""
        entries, _ = self.level(route)
        owners = np.zeros(len(self.part_of), np.bool_)
        owners[entries.owners[found]] = True
        return owners

    def bad(self, route: Route, found: Mapping[Route, BoolVec]) -> BoolVec:
        """The entries around an attribute or sequence that it contradicts.

        A sequence does so when it has items, and something in each of them does: one
        item that may match is enough.

        Source: PS3.4 Section C.2.2.2.6.
        """
        if route in found:
            return found[route]
        depth = len(route)
        inner = {one[: depth + 1] for one in found if one[:depth] == route}
        items = np.logical_or.reduce([self.bad(one, found) for one in sorted(inner)])
        entries, _ = self.level(route)
        counts = entries.counts(route[-1])
        parents = np.repeat(np.arange(len(entries)), counts)
        good = np.zeros(len(entries), np.bool_)
        good[parents[~items]] = True
        return (counts > 0) & ~good


def _by_path(questions: Sequence[Question]) -> dict[KeyPath, dict[int, AskedKey]]:
    """The keys asked, by part, in the order of paths."""
    found: dict[KeyPath, dict[int, AskedKey]] = {}
    for part, question in enumerate(questions):
        for key in question.keys:
            found.setdefault(key.path, {})[part] = key
    return found


def _codes(
    keys: Mapping[int, AskedKey], parts: int
) -> tuple[IntVec, Sequence[AskedKey]]:
    """The different keys, and which of them each part has; -1 for none."""
    which: IntVec = np.full(parts, -1, np.int64)
    numbers: dict[tuple[str, object], int] = {}
    distinct: list[AskedKey] = []
    for part, key in keys.items():
        number = numbers.setdefault((key.text, key.judge), len(numbers))
        if number == len(distinct):
            distinct.append(key)
        which[part] = number
    return which, distinct


def _by_request(
    work: _Work, lacking: Sequence[set[str]]
) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
    """What parts were read and lack, by request."""
    read: Counter[str] = Counter()
    absent: dict[str, frozenset[str]] = {}
    counts = work.read.tolist()
    for request, count, without in zip(work.requests, counts, lacking, strict=True):
        if not count:
            continue
        before = absent.pop(request, frozenset())
        still = before & without if request in read else frozenset(without)
        read[request] += count
        if still:
            absent[request] = still
    return dict(read), absent


def _names(names: Sequence[str], marks: BoolVec) -> pa.Array:
    """The names of the marks that each column has; null without any."""
    distinct, where = np.unique(marks, axis=1, return_inverse=True)
    texts = [
        "\\".join(name for name, mark in zip(names, each, strict=True) if mark) or None
        for each in distinct.T.tolist()
    ]
    return pa.array(texts, pa.string()).take(pa.array(where.ravel()))


def verify_slabs(
    query: PlannedQuery,
    slabs: Iterable[Slab],
    asked: Asked,
) -> Iterator[tuple[Slab, Verified]]:
    """Holds responses against their keys without making tables of them.

    Args:
        query: the query all slabs belong to.
        slabs: as joined.
        asked: the keys of their requests.

    Yields:
        One piece after another, in the order of the slabs, with every response once.
    """
    layout = layout_of(replace(query, columns=(), explode=None), asked.paths)
    decoder = Decoder(layout, Wanted())
    verifier = Verifier(layout, asked.of)
    for slab in slabs:
        for decoded in decoder.decode(slab):
            big_endian = decoded.slab.transfer_syntax == EXPLICIT_BE
            columns = LevelColumns(decoded.root, big_endian=big_endian)
            yield decoded.slab, verifier.verify(decoded, columns)
