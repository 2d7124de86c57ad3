"""Whether responses match the keys they were asked by, a column at a time.

A judgement needs a key and a text, so each different pair is judged once. What a
peer left out, and what nobody can judge, is no mismatch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa

from batchfind.dicom.judging import Judge
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.plan.model import PlannedQuery
from batchfind.tables.asked import Asked, AskedKey, Question
from batchfind.tables.columns import LevelColumns
from batchfind.tables.decode import Decoder
from batchfind.tables.decoded import Decoded
from batchfind.tables.held import BoolVec, Held, IntVec, Route
from batchfind.tables.layout import Layout, layout_of
from batchfind.tables.level import Wanted
from batchfind.tables.slabs import Slab

_NO_RESPONSES: Final = np.zeros(0, np.bool_)
_REMEMBERED_KEYS: Final = 64
_REMEMBERED_TEXTS: Final = 1 << 17
_LONGEST_REMEMBERED: Final = 256
_NOTHING: Final[AbstractSet[str]] = frozenset()
_BITS: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What holding some responses against their keys found out.

    Attributes:
        reserved: responses with status FF01, by request id; not where there are none.
        read: responses that could be decoded, by request id.
        absent: dotted paths of matching keys that none of these holds, by request
            id; a request has no entry when they hold all.
        mismatches: how many do not match some key, by request id; not where all do.
        contradicted: dotted paths of the keys that they do not match, likewise.
        mismatched: of each response, whether it does not match some key; of length 0
            when all match.
        names: a string array of the same length: dotted paths of the keys that a
            response does not match, joined by a backslash; null where it does.
    """

    reserved: Mapping[str, int] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mismatches: Mapping[str, int] = field(default_factory=dict)
    contradicted: Mapping[str, frozenset[str]] = field(default_factory=dict)
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
        self._routes: dict[str, Route] = {}
        self._known: dict[Judge | None, dict[str, bool]] = {}

    def verify(self, decoded: Decoded, columns: LevelColumns) -> Verified:
        """What is to be known about the responses of a slab.

        Args:
            decoded: the responses.
            columns: of the data sets.
        """
        parts = decoded.slab.parts
        questions = [self._question(part.origin.request) for part in parts]
        work = Held(decoded, columns)
        lacking: dict[int, set[str]] = {}
        found: dict[str, BoolVec] = {}
        for name, keys in _by_name(questions).items():
            route = self._route(next(iter(keys.values())))
            if work.is_sequence(route):
                continue
            for part in work.parts_without(route, keys):
                lacking.setdefault(part, set()).add(name)
            judged = {
                part: key
                for part, key in keys.items()
                if key.judge is not None and questions[part].judged
            }
            mismatches = self._mismatches(work, route, judged) if judged else None
            if mismatches is not None:
                found[name] = mismatches
        read, absent = _by_request(work, lacking)
        verdict = Verified(reserved=work.reserved(), read=read, absent=absent)
        return self._with_mismatches(verdict, work, found) if found else verdict

    def _question(self, request: str) -> Question:
        if request not in self._questions:
            self._questions[request] = self._ask(request)
        return self._questions[request]

    def _route(self, key: AskedKey) -> Route:
        if key.name not in self._routes:
            node, slots = self._layout.root, []
            for step in key.path.steps:
                slots.append(node.slot(step))
                node = node.attributes[slots[-1]].node or node
            self._routes[key.name] = tuple(slots)
        return self._routes[key.name]

    def _mismatches(
        self, work: Held, route: Route, keys: Mapping[int, AskedKey]
    ) -> BoolVec | None:
        """Entries that do not match, or None: all do, or nobody can tell."""
        which, distinct = _codes(keys, work.parts)
        entries, columns = work.level(route)
        encoded = columns.text(route[-1]).array.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        held = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        wanted = which[work.part_of[entries.owners]]
        compared = np.flatnonzero((wanted >= 0) & (held >= 0))
        if len(distinct) == 1:
            judgements, where = self._judged(distinct[0], texts), held[compared]
        else:
            pairs = wanted[compared] * len(texts) + held[compared]
            different, where = np.unique(pairs, return_inverse=True)
            key_of, text_of = np.divmod(different, max(len(texts), 1))
            judgements = [
                texts[text] != distinct[key].text
                and self._judged(distinct[key], texts[text : text + 1])[0]
                for key, text in zip(key_of.tolist(), text_of.tolist(), strict=True)
            ]
        if not any(judgements):
            return None
        found = np.zeros(len(entries), np.bool_)
        found[compared] = np.array(judgements, np.bool_)[where]
        return found

    def _judged(self, key: AskedKey, texts: Sequence[str]) -> list[bool]:
        """Which of some texts do not match; those judged lately are remembered."""
        known = self._known.get(key.judge)
        if known is None:
            if len(self._known) == _REMEMBERED_KEYS:
                self._known.clear()
            known = self._known[key.judge] = {}
        if len(known) > _REMEMBERED_TEXTS:
            known.clear()
        judge = key.judge or _undecided
        long: dict[str, bool] = {}
        for text in set(texts) - known.keys():
            kept = known if len(text) <= _LONGEST_REMEMBERED else long
            kept[text] = judge(text) is False
        if long:
            return [long[text] if text in long else known[text] for text in texts]
        return [known[text] for text in texts]

    def _with_mismatches(
        self, verdict: Verified, work: Held, found: Mapping[str, BoolVec]
    ) -> Verified:
        """The responses that do not match, with names."""
        routes = {self._routes[name]: each for name, each in found.items()}
        bad = {route[0]: work.bad(route[:1], routes) for route in routes}
        marks = {}
        for name in sorted(found, key=self._order):
            route = self._routes[name]
            marks[name] = work.owners_of(route, found[name]) & bad[route[0]]
        mismatched: BoolVec = np.logical_or.reduce(list(marks.values()))
        if not mismatched.any():
            return verdict
        return replace(
            verdict,
            mismatches=work.by_request(mismatched),
            contradicted=_contradicted(work, marks),
            mismatched=mismatched,
            names=_names(marks),
        )

    def _order(self, name: str) -> tuple[int, ...]:
        """By tags from the outside in."""
        node, tags = self._layout.root, []
        for slot in self._routes[name]:
            tags.append(node.attributes[slot].tag)
            node = node.attributes[slot].node or node
        return tuple(tags)


def _undecided(_: str) -> None:
    """The judgement of what nobody can tell."""


def _by_name(questions: Sequence[Question]) -> dict[str, dict[int, AskedKey]]:
    """The keys asked by name, and then by part."""
    found: dict[str, dict[int, AskedKey]] = {}
    for part, question in enumerate(questions):
        for key in question.keys:
            found.setdefault(key.name, {})[part] = key
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
    work: Held, lacking: Mapping[int, set[str]]
) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
    """What parts were read and lack, by request."""
    read: dict[str, int] = {}
    absent: dict[str, frozenset[str]] = {}
    for part, (request, count) in enumerate(
        zip(work.requests, work.read.tolist(), strict=True)
    ):
        if not count:
            continue
        still: AbstractSet[str] = lacking.get(part, _NOTHING)
        if request in read:
            still = still & absent.pop(request, _NOTHING)
        read[request] = read.get(request, 0) + count
        if still:
            absent[request] = frozenset(still)
    return read, absent


def _contradicted(
    work: Held, marks: Mapping[str, BoolVec]
) -> dict[str, frozenset[str]]:
    """The names of the marks that some response has, by request."""
    found: dict[str, set[str]] = {}
    for name, marked in marks.items():
        for request in work.by_request(marked):
            found.setdefault(request, set()).add(name)
    return {request: frozenset(names) for request, names in found.items()}


def _names(marks: Mapping[str, BoolVec]) -> pa.Array:
    """The names of the marks that each response has; null without any."""
    found = np.array(list(marks.values()))
    weights = np.array([1 << at for at in range(len(marks))], object)
    if len(marks) < _BITS:
        weights = weights.astype(np.int64)
    distinct, where = np.unique(weights @ found, return_inverse=True)
    texts = [
        "\\".join(name for at, name in enumerate(marks) if code >> at & 1) or None
        for code in distinct.tolist()
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
