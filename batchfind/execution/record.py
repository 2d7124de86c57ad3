"""All facts of a run side by side, for verdicts that need more than one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from batchfind.capture.records import StoredAttempt
from batchfind.execution.caps import Caps, Doubt
from batchfind.execution.contribution import contributing
from batchfind.execution.doubts import Surroundings, is_beyond_ascii
from batchfind.execution.findings import NOTHING_FOUND, Findings
from batchfind.execution.forest import Forest
from batchfind.plan.model import Origin, Piecing, PlannedPeer, Request, Splitting
from batchfind.plan.negotiated import EMPTY_VALUE
from batchfind.plan.rewriting import text_at

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
        return self._caps.doubt(request, self._attempts(request))

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
            piece=request.origin is Origin.SPLIT,
            refused=self.refused(request),
        )

    def relied_on(self, request: Request) -> frozenset[str] | None:
        """Keys that shared rows out between this request and others; None for any."""
        if self._sharing[self.forest.family_of(request)] > 1:
            return None
        extent, splitting = request.extent, self.splitting(request)
        if splitting is None or extent is None or extent.by is None:
            return frozenset()
        return None if extent.then else axes(splitting, extent.by)

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
