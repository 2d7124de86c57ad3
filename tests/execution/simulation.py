"""A run in memory: an archive that caps, requests that are cut, and their verdicts.

Nothing of a network is here, so that thousands of archives can be tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from batchfind.capture.records import (
    AttemptFacts,
    Cause,
    Ending,
    Outcome,
    RequestVerdict,
    StoredAttempt,
)
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import parse_path
from batchfind.execution.caps import Caps
from batchfind.execution.contribution import contributing
from batchfind.execution.findings import Findings
from batchfind.execution.forest import Forest
from batchfind.execution.silent_caps import Pedigree
from batchfind.execution.verdicts import judge_run
from batchfind.job.model import PeerLimits, ResponseCap, Unset
from batchfind.plan.model import (
    Extent,
    Origin,
    Piecing,
    Plan,
    PlannedThen,
    Request,
    Splitting,
)
from batchfind.plan.splitting import pieces_of, unset_probe
from tests.execution.plans import peer, plan, request, studies
from tests.peers.capped import DATE, MODALITIES, TIME, CappedArchive, Study, Style

STUDY_DATE, STUDY_TIME = parse_path("StudyDate"), parse_path("StudyTime")
MODALITY = parse_path("ModalitiesInStudy")
UID = parse_path("StudyInstanceUID")
FACTS = AttemptFacts(
    transfer_syntax="1.2.840.10008.1.2.1",
    peer_implementation="",
    peer_max_pdu=0,
    address="127.0.0.1:104",
    association=1,
    started="2026-01-31T03:15:00.000000+00:00",
)
Limit: TypeAlias = Callable[[int, dict[int, str]], tuple[int | None, Style]]
"""The cap of an answer and how it ends there, by what was asked before and the keys."""
_MOST_PROBES = 8
_MOST_PIECES = 200


def ending(
    outcome: Outcome, responses: int, code: str | None = None, **changes: Any
) -> Ending:
    """An ending as an attempt has it; every response is kept."""
    codes = {Outcome.CAPPED: "status-a700", Outcome.PARTIAL: "peer-abort"}
    code = code or codes.get(outcome, "peer-abort")
    told = f"pacs: {code}, after {responses} responses"
    cause = Cause(code=code, message=told, hint="look at the peer's log")
    fine = outcome in (Outcome.SUCCESS, Outcome.LIMITED)
    return Ending(
        outcome=outcome,
        responses=responses,
        kept=responses,
        cause=None if fine else cause,
        **changes,
    )


def attempts_of(request: Request, *endings: Ending | None) -> list[StoredAttempt]:
    """Attempts with these endings, oldest first."""
    return [
        StoredAttempt(
            number=ordinal,
            request=request.id,
            ordinal=ordinal,
            facts=FACTS,
            ending=each,
            chain="",
        )
        for ordinal, each in enumerate(endings, 1)
    ]


def splitting(**changes: Any) -> Splitting:
    """Studies are cut by date and time, down to a second."""
    facts: dict[str, Any] = {
        "date": STUDY_DATE,
        "time": STUDY_TIME,
        "floor": 1,
        "unset": Unset.PROBE,
    }
    return Splitting(**(facts | changes))


def further(values: Sequence[str], *, exhaustive: bool) -> PlannedThen:
    """An entry of `then` by modality."""
    return PlannedThen(MODALITY, tuple(values), exhaustive)


def window(first: str, last: str, identity: str = "0.0", **changes: Any) -> Request:
    """A request for the studies of some days."""
    day = first if first == last else f"{first}-{last}"
    identifier = (
        Element(DATE, "DA", day),
        Element(TIME, "TM", changes.pop("time", "")),
        Element(0x0008_0052, "CS", "STUDY"),
        Element(MODALITIES, "CS", changes.pop("modality", "")),
        Element(0x0010_0010, "PN", changes.pop("name", "")),
        Element(0x0020_000D, "UI", ""),
    )
    extent = Extent(first=first, last=last)
    facts: dict[str, Any] = {"identifier": identifier, "extent": extent}
    return request(identity, "pacs", **(facts | changes))


def planned(
    requests: Sequence[Request],
    cap: ResponseCap | None = None,
    split: Splitting | None = None,
    **changes: Any,
) -> Plan:
    """A plan of one query at one peer."""
    limits = PeerLimits(response_cap=cap or ResponseCap())
    made = plan(Path("/nowhere"), [peer("pacs", 104, limits=limits)], requests)
    facts: dict[str, Any] = {"splitting": split, "identity": (UID,), "merges": True}
    query = replace(studies(), **(facts | changes))
    return replace(made, queries={"studies": query})


@dataclass(slots=True)
class Simulation:
    """Asks an archive everything a plan gives rise to.

    Attributes:
        rows: what each attempt brought, by request id.
        tries: attempts, by request id.
        born: pieces, in the order they were made.
        refused: ids of requests whose pieces would have been too many.
        limit: the cap of each answer, where it is not always the archive's.
    """

    plan: Plan
    archive: CappedArchive
    rows: dict[str, list[list[Study]]] = field(default_factory=dict)
    tries: dict[str, list[StoredAttempt]] = field(default_factory=dict)
    born: list[Request] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    limit: Limit | None = None
    _parents: set[str | None] = field(default_factory=set)
    _asked: int = 0

    def run(self, turn: Sequence[int] = ()) -> Simulation:
        """Asks all there is to ask; `turn` shuffles which request is next."""
        caps = Caps(self.plan)
        pedigree = Pedigree(self._above, self._pieces_of, self._attempts, caps)
        known = {one.id: one for one in self.plan.requests}
        waiting, cut = list(known.values()), set[str]()
        for step in range(100_000):
            if not waiting:
                return self
            at = turn[step % len(turn)] % len(waiting) if turn else 0
            asked = waiting.pop(at)
            self._ask(asked)
            newly = caps.learn(asked, self.tries[asked.id])
            if caps.again(asked, self.tries[asked.id]):
                waiting.append(asked)
            above = self._above(asked)
            siblings = [one.id for one in self._pieces_of(above)] if above else []
            for identity in (asked.id, *newly, *siblings):
                one = known[identity]
                doubted = caps.doubt(one, self._attempts(one))
                doubted = doubted or pedigree.doubt(one, self.plan.peers[one.peer])
                if doubted is None or identity in cut or one in waiting:
                    continue
                cut.add(identity)
                children = self._pieces(one)
                known |= {child.id: child for child in children}
                waiting += children
        raise AssertionError("it never ends")

    def verdicts(self) -> dict[str, RequestVerdict]:
        """Final verdicts, from what the rows show."""
        return judge_run(
            self.forest(), self._attempts, self.findings(), refused=self.refused
        )

    def forest(self) -> Forest:
        """All that was asked."""
        return Forest(self.plan, self.born)

    def found(self, root: Request) -> set[str]:
        """UIDs of the rows that the family of a root brought."""
        members = self.forest().members(root)
        return {row.uid for one in members for row in self._contributed(one)}

    def truth(self, root: Request) -> set[str]:
        """UIDs of what the archive would return if it did not cap."""
        keys = _keys(root)
        return {one.uid for one in self.archive.studies if self._matches(one, keys)}

    def findings(self) -> dict[str, Findings]:
        """What a finishing pass would find."""
        forest, found = self.forest(), {}
        for root in forest.roots:
            seen: Counter[str] = Counter()
            for one in forest.members(root):
                rows = self._contributed(one)
                uids = [row.uid for row in rows]
                found[one.id] = Findings(
                    read=len(rows),
                    merged=sum(uid in seen for uid in uids),
                    unset=sum(not row.time for row in rows),
                    lost=self._lost(forest, one, rows),
                    added=self._added(forest, one, uids),
                )
                seen.update(uids)
        return found

    def _ask(self, asked: Request) -> None:
        keys = _keys(asked)
        rows = [one for one in self.archive.studies if self._matches(one, keys)]
        cap, style = self.archive.cap, self.archive.style
        if self.limit is not None:
            cap, style = self.limit(self._asked, keys)
        self._asked += 1
        capped = cap is not None and len(rows) > cap
        rows = rows[:cap] if capped else rows
        outcome, code = _ENDS[style] if capped else (Outcome.SUCCESS, "")
        if capped and not rows and outcome is Outcome.PARTIAL:
            outcome = Outcome.FAILED
        self.rows.setdefault(asked.id, []).append(rows)
        before = [one.ending for one in self.tries.get(asked.id, ())]
        now = ending(outcome, len(rows), code)
        self.tries[asked.id] = attempts_of(asked, *before, now)

    def _matches(self, study: Study, keys: dict[int, str]) -> bool:
        return self.archive.matches(study, keys)

    def _pieces(self, one: Request) -> list[Request]:
        query, at = self.plan.queries[one.query], self.plan.peers[one.peer]
        children = list(pieces_of(one, query, at))
        timed = any(
            child.extent and child.extent.by is Piecing.TIME for child in children
        )
        day = one.extent is not None and one.extent.by is not Piecing.TIME
        probes = sum(_is_probe(each) for each in self.born)
        rows = (row for tries in self.rows.values() for each in tries for row in each)
        unset = any(not row.time for row in rows)
        if timed and day and unset and probes < _MOST_PROBES:
            children.append(unset_probe(one, query, at, len(children)))
        if len(self.born) + len(children) > _MOST_PIECES:
            self.refused[one.id] = f"pacs: {_MOST_PIECES} pieces are allowed"
            return []
        self.born += children
        self._parents |= {child.parent for child in children}
        return children

    def _above(self, one: Request) -> Request | None:
        if one.origin is not Origin.SPLIT:
            return None
        everyone = (*self.plan.requests, *self.born)
        return next(other for other in everyone if other.id == one.parent)

    def _pieces_of(self, one: Request) -> Sequence[Request]:
        return [piece for piece in self.born if piece.parent == one.id]

    def _attempts(self, one: Request) -> Sequence[StoredAttempt]:
        return self.tries.get(one.id, [])

    def _contributed(self, one: Request) -> list[Study]:
        attempt = contributing(self._attempts(one), cut=one.id in self._parents)
        return [] if attempt is None else self.rows[one.id][attempt.ordinal - 1]

    def _added(self, forest: Forest, one: Request, uids: Sequence[str]) -> int:
        below = {
            row.uid for each in _below(forest, one) for row in self._contributed(each)
        }
        return len(below.difference(uids))

    def _lost(self, forest: Forest, one: Request, rows: Sequence[Study]) -> int:
        pieces = forest.pieces(one.id)
        if not pieces or pieces[0].extent is None:
            return 0
        below = {
            row.uid for each in _below(forest, one) for row in self._contributed(each)
        }
        by = pieces[0].extent.by
        value = {Piecing.DATE: "date", Piecing.TIME: "time", Piecing.THEN: "modality"}
        held = (row for row in rows if by and getattr(row, value[by]))
        return sum(row.uid not in below for row in held)


_ENDS = {
    Style.SILENT: (Outcome.SUCCESS, ""),
    Style.OUT_OF_RESOURCES: (Outcome.CAPPED, "status-a700"),
    Style.CANCELLED: (Outcome.CAPPED, "status-fe00"),
    Style.ABORT: (Outcome.PARTIAL, "peer-abort"),
}


def _is_probe(one: Request) -> bool:
    return one.extent is not None and one.extent.by is Piecing.UNSET


def _below(forest: Forest, one: Request) -> Iterator[Request]:
    for piece in forest.pieces(one.id):
        yield piece
        yield from _below(forest, piece)


def _keys(one: Request) -> dict[int, str]:
    return {
        each.tag: each.value
        for each in one.identifier
        if isinstance(each.value, str) and each.tag in (DATE, TIME, MODALITIES)
    }
