"""Asks a plan whose requests give rise to others, at scripted peers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import RequestVerdict, StoredEvent
from batchfind.dicom.identifier import Element
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.execution.answers import Answers
from batchfind.execution.growing import Grower
from batchfind.execution.hours import Clock, wall_clock
from batchfind.execution.local import LocalExecutor
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import Event
from batchfind.execution.remaining import unanswered
from batchfind.execution.scheduler import Scheduler
from batchfind.execution.wiring import Wiring
from batchfind.job.model import PeerLimits, ResponseCap
from batchfind.plan.model import (
    Bind,
    Growing,
    Plan,
    PlannedQuery,
    Request,
    Splitting,
)
from tests.execution.plans import peer, plan, request, studies
from tests.execution.simulation import UID, splitting
from tests.peers import pdu

SYNTAX = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is in the capture afterwards, and what was told.

    Attributes:
        requests: born ones by id.
        tries: attempts that have ended, by request id.
        uids: Study Instance UIDs of every response.
        judged: verdicts from the capture, without reading rows.
        grown: queries with a request for every row they are to have one for.
    """

    verdicts: Mapping[str, RequestVerdict]
    requests: Mapping[str, Request]
    tries: Counter[str]
    uids: frozenset[str]
    events: Sequence[Event]
    notes: Sequence[StoredEvent]
    judged: Mapping[str, RequestVerdict]
    grown: Sequence[str] = ()

    def noted(self, kind: str) -> list[Mapping[str, Any]]:
        """Data of the journal's events of a kind."""
        return [dict(each.data) for each in self.notes if each.kind == kind]


def run(
    given: Plan,
    path: Path,
    stop_when: Callable[[Event], bool] | None = None,
    *,
    grows: bool = True,
    clock: Clock = wall_clock,
) -> Outcome:
    """Asks all there is to ask; goes on where a capture is there already.

    Args:
        given: what to ask.
        path: of the capture.
        stop_when: ends the run at an event.
        grows: else it is as if the run was killed before anything was born.
        clock: tells the time of day.
    """
    if not path.exists():
        asyncio.run(_create(given, path))
    work = _run(given, path, stop_when, grows=grows, clock=clock)
    return asyncio.run(work, debug=True)


async def _create(given: Plan, path: Path) -> None:
    journal = await Journal.create(path, {}, given)
    await journal.close()


async def _run(
    given: Plan,
    path: Path,
    stop_when: Callable[[Event], bool] | None,
    *,
    grows: bool,
    clock: Clock,
) -> Outcome:
    requests, grower = continuing(given, path)
    journal = await Journal.reopen(path)
    executor = LocalExecutor(lambda *_: None)
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if stop_when is not None and stop_when(event):
            scheduler.stop(Stop.INTERRUPTED, "interrupted")

    scheduler = Scheduler(
        given,
        Wiring(given, {}),
        executor,
        journal,
        tell,
        grower=grower if grows else None,
        clock=clock,
    )
    try:
        verdicts = await scheduler.run(requests)
    finally:
        await executor.close()
        await journal.close()
    return replace(outcome(given, path, verdicts, events), grown=grower.grown())


def continuing(given: Plan, path: Path) -> tuple[tuple[Request, ...], Grower]:
    """What is left to ask, as a resumed run finds it."""
    with open_capture(path) as capture:
        answers = Answers(given, capture)
        tries = {one.id: answers.attempts(one) for one in answers.forest.requests}
        grower = Grower(answers.forest, path, tries, answers.growth)
        return unanswered(answers), grower


def outcome(
    given: Plan,
    path: Path,
    verdicts: Mapping[str, RequestVerdict],
    events: Sequence[Event] = (),
) -> Outcome:
    """What a capture holds."""
    tries: Counter[str] = Counter()
    uids: set[str] = set()
    with open_capture(path) as capture:
        assert capture.verify() == []
        answers = Answers(given, capture)
        born = {one.id: one for one in answers.forest.requests if one.parent}
        for one in answers.forest.requests:
            for attempt in capture.attempts(one.id):
                tries[one.id] += attempt.ending is not None
                for matches in capture.matches(attempt.number):
                    uids |= set(_uids(matches.payload, matches.ends))
        notes = capture.events()
        judged = answers.judged()
    return Outcome(verdicts, born, tries, frozenset(uids), events, notes, judged)


def _uids(payload: bytes, ends: Sequence[int]) -> list[str]:
    found: list[bytes] = []
    begin = 0
    for end in ends:
        elements = pdu.parse_data_set(payload[begin:end], SYNTAX)
        found += [each.value for each in elements if each.tag == UID.tag]
        begin = end
    return [value.decode().strip(" \0") for value in found]


def splitting_plan(
    folder: Path,
    port: int,
    requests: Sequence[Request],
    *,
    cap: ResponseCap | None = None,
    split: Splitting | None = None,
    policy: Mapping[str, Any] | None = None,
    **limits: Any,
) -> Plan:
    """One query at one peer, cut where the peer caps."""
    bounds = PeerLimits(**({"response_cap": cap or ResponseCap()} | limits))
    pacs = peer("pacs", port, limits=bounds)
    made = plan(folder, [pacs], requests, policy=policy)
    query = replace(
        studies(), splitting=split or splitting(), identity=(UID,), merges=True
    )
    return replace(made, queries={"studies": query})


def child_query(
    name: str,
    parent: str,
    binds: Mapping[str, str],
    patterns: Sequence[Request],
    *,
    columns: Mapping[str, KeyPath] | None = None,
    limit: int = 1000,
) -> PlannedQuery:
    """A query for the rows of another."""
    growing = Growing(
        query=parent,
        binds=tuple(
            Bind(parse_path(own), parse_path(theirs)) for own, theirs in binds.items()
        ),
        columns=columns or {},
        limit=limit,
        patterns=tuple(patterns),
    )
    level = patterns[0].level
    return replace(studies(), name=name, level=level, growing=growing)


def pattern(identity: str, query: str, at: str, level: str, **keys: str) -> Request:
    """A request with empty keys, for the rows of others."""
    elements = [Element(0x0008_0052, "CS", level)]
    for key, text in keys.items():
        path = parse_path(key)
        elements.append(Element(path.tag, path.vr, text))
    identifier = tuple(sorted(elements, key=lambda one: one.tag))
    return request(identity, at, query=query, level=level, identifier=identifier)
