"""All facts of a run side by side, for verdicts that need more than one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from batchfind.capture.records import Ending, Outcome, StoredAttempt
from batchfind.dicom.models import model_of
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.contribution import answer, contributing
from batchfind.execution.doubts import Surroundings, is_beyond_ascii
from batchfind.execution.findings import NOTHING_FOUND, Findings
from batchfind.execution.forest import Forest
from batchfind.execution.silent_caps import (
    Place,
    is_doubted_piece,
    place_of,
    proven,
    unconfirmed,
    varying,
)
from batchfind.plan.model import Origin, Piecing, PlannedPeer, Request, Splitting
from batchfind.plan.negotiated import EMPTY_VALUE
from batchfind.plan.rewriting import text_at
from batchfind.tables.asked import KeyReader

Attempts = Callable[[Request], Sequence[StoredAttempt]]


class Record:
    """The facts of a run, none of which depends on the order they became known in.

    Attributes:
        forest: its requests.
        rows_read: there are findings; else nothing that needs rows is judged.
    """

    def __init__(
        self,
        forest: Forest,
        attempts: Attempts,
        findings: Mapping[str, Findings] | None,
        refused: Mapping[str, str],
        caps: Caps | None = None,
    ) -> None:
        self.forest = forest
        self.rows_read = findings is not None
        self._attempts = attempts
        self._findings = findings or {}
        self._refused = refused
        self._caps = caps or learned(forest, attempts)
        self._differing: dict[str, frozenset[str]] = {}
        self._sharing = Counter(forest.family_of(root) for root in forest.roots)

    def attempts(self, request: Request) -> Sequence[StoredAttempt]:
        """Every try at a request, oldest first."""
        return self._attempts(request)

    def counting(self, request: Request) -> StoredAttempt | None:
        """The attempt whose responses count."""
        cut = bool(self.forest.pieces(request.id))
        return contributing(self._attempts(request), cut=cut)

    def findings(self, request: Request) -> Findings:
        """What was found in its rows; nothing while they were not read."""
        return self._findings.get(request.id, NOTHING_FOUND)

    def cap(self, request: Request) -> Doubt | None:
        """Why its peer may have more than it brought, or None."""
        doubt = self._caps.doubt(request, self._attempts(request))
        if doubt is not None or not self._silent:
            return doubt
        own = answer(self._attempts(request))
        if own is None or not is_doubted_piece(request, own):
            return None
        return self.varying(request, own.responses) or self._unconfirmed(request, own)

    def varying(self, request: Request, own: int) -> Doubt | None:
        """The doubt in a request with so many responses at a peer without one cap."""
        counts = self._silent.get(place_of(request), ())
        if len(counts) < 2:
            return None
        return varying(request, self.peer(request), counts, own)

    def _unconfirmed(self, piece: Request, own: Ending) -> Doubt | None:
        """The doubt in a piece of what was capped at a count that was met only once."""
        if piece.origin is not Origin.SPLIT or piece.parent is None:
            return None
        above = self.forest[piece.parent]
        count = self._cut_short.get(above.id)
        if count is None or self._caps.confirms(above, count):
            return None
        # Its own pieces are proof of what it is: none of them brought anything new.
        if self.forest.pieces(piece.id):
            return None
        return unconfirmed(piece, self.peer(piece), own.responses, above, count)

    @cached_property
    def _cut_short(self) -> Mapping[str, int]:
        """Requests whose success lacked rows of their pieces, and with what count."""
        found = {}
        for request in self.forest.requests:
            if not self.findings(request).added:
                continue
            ended = answer(self._attempts(request))
            if ended is not None and ended.outcome is Outcome.SUCCESS:
                found[request.id] = ended.responses
        return found

    @cached_property
    def _silent(self) -> Mapping[Place, tuple[int, ...]]:
        return proven((self.forest[one], n) for one, n in self._cut_short.items())

    def peer(self, request: Request) -> PlannedPeer:
        """The peer it goes to."""
        return self.forest.plan.peers[request.peer]

    def splitting(self, request: Request) -> Splitting | None:
        """How requests of its query are cut."""
        return self.forest.plan.queries[request.query].splitting

    def refused(self, request: Request) -> str:
        """Why the requests born of its answer were not asked, or empty."""
        return self._refused.get(request.id, "")

    def around(self, request: Request) -> Surroundings:
        """What the rest of the run says about a request that was not cut."""
        return Surroundings(
            cap=self.cap(request),
            charset_proven=self._is_charset_proven(request),
            relied_on=self.relied_on(request),
            divided_by=self.divided_by(request),
            piece=request.origin is Origin.SPLIT,
            refused=self.refused(request),
        )

    def relied_on(self, request: Request) -> frozenset[str] | None:
        """Keys that shared rows out between this request and others; None for any."""
        if self._sharing[self.forest.family_of(request)] > 1:
            return None
        extent, splitting = request.extent, self.splitting(request)
        bound = self._bound(request)
        if splitting is None or extent is None or extent.by is None:
            return bound
        by = None if extent.then else axes(splitting, extent.by)
        return None if by is None else by | bound

    def divided_by(self, request: Request) -> frozenset[str]:
        """Keys that tell which of several requests a row belongs to.

        Those are the keys that `for_each` fills in, those of `any_of`, and those of a
        window that is cut, whether or not this request was. Empty where no response
        contradicts a key.
        """
        if not self.findings(request).contradicted:
            return frozenset()
        keys = self._bound(request) | self._alternating(request)
        splitting = self.splitting(request)
        if splitting is None:
            return keys
        then = (entry.key.dotted for entry in splitting.then)
        return keys.union(axes(splitting, Piecing.TIME) or (), then)

    def _bound(self, request: Request) -> frozenset[str]:
        """The keys that `for_each` fills in."""
        growing = self.forest.plan.queries[request.query].growing
        binds = growing.binds if growing is not None else ()
        return frozenset(bind.child.dotted for bind in binds)

    def _alternating(self, request: Request) -> frozenset[str]:
        """The keys in which the alternatives of an `any_of` differ."""
        family = self.forest.family_of(request)
        if self._sharing[family] < 2:
            return frozenset()
        if family not in self._differing:
            plan = self.forest.plan
            model = model_of(plan.queries[request.query].model)
            reader = KeyReader(model, plan.dictionary)
            held = [
                {key.name: key.text for key in reader.keys(root)}
                for root in self.forest.roots
                if self.forest.family_of(root) == family
            ]
            names = frozenset(name for keys in held for name in keys)
            self._differing[family] = frozenset(
                name for name in names if len({keys.get(name) for keys in held}) > 1
            )
        return self._differing[family]

    def finds_unset(self, request: Request) -> bool:
        """Whether its peer returns rows without a time for times open below.

        One such row shows it, of any request with the same model and time key.
        """
        place = _time_key(request, self.splitting(request))
        return place is not None and place in self._times

    @cached_property
    def _times(self) -> frozenset[_TimeKey]:
        shown = set()
        for request in self.forest.requests:
            splitting, findings = self.splitting(request), self.findings(request)
            place = _time_key(request, splitting)
            if place is None or splitting is None or not findings.unset:
                continue
            # A peer that never returns the key says nothing about empty values.
            told = place.time not in findings.absent
            low, hyphen, _ = time_asked(request, splitting).partition("-")
            if told and hyphen and not low:
                shown.add(place)
        return frozenset(shown)

    def _is_charset_proven(self, request: Request) -> bool:
        """Responses, and keys in ASCII alone, need no proof."""
        attempt = self.counting(request)
        if attempt and attempt.ending and attempt.ending.responses:
            return True
        if not is_beyond_ascii(request):
            return True
        return (request.peer, request.charset) in self._charsets

    @cached_property
    def _charsets(self) -> frozenset[tuple[str, tuple[str, ...]]]:
        """Peers that found something by a key beyond ASCII, each with its terms."""
        proven = set()
        for request in self.forest.requests:
            if not is_beyond_ascii(request) or self.findings(request).absent:
                continue
            attempt = self.counting(request)
            if attempt and attempt.ending and attempt.ending.responses:
                proven.add((request.peer, request.charset))
        return frozenset(proven)


def learned(forest: Forest, attempts: Attempts) -> Caps:
    """What all answers of a run say about the caps of its peers."""
    caps = Caps(forest.plan)
    for request in forest.requests:
        caps.learn(request, attempts(request))
    return caps


@dataclass(frozen=True, slots=True)
class _TimeKey:
    """A key by which a peer matches times."""

    peer: str
    sop_class: str
    time: str


def _time_key(request: Request, splitting: Splitting | None) -> _TimeKey | None:
    if splitting is None or splitting.time is None:
        return None
    return _TimeKey(request.peer, request.sop_class, splitting.time.dotted)


def time_asked(request: Request, splitting: Splitting) -> str:
    """Text of the time key that pairs with the date cut; empty without one."""
    if splitting.time is None:
        return ""
    return text_at(request.identifier, splitting.time).strip()


def is_open_below(request: Request, splitting: Splitting) -> bool:
    """Whether the times asked for have no lower bound."""
    return not time_asked(request, splitting).partition("-")[0]


def asks_for_unset(request: Request, splitting: Splitting) -> bool:
    """Whether only rows without a time are asked for, by an empty value."""
    return time_asked(request, splitting) == EMPTY_VALUE


def axes(splitting: Splitting, by: Piecing) -> frozenset[str] | None:
    """Dotted paths of the keys a cut relies on; None for any key."""
    if by is Piecing.THEN:
        return None
    if by is Piecing.DATE or splitting.time is None:
        return frozenset((splitting.date.dotted,))
    return frozenset((splitting.date.dotted, splitting.time.dotted))
