"""Runs requests of a hand-made plan through scheduler, executor and journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.capture.records import Ending, RequestVerdict
from batchfind.execution.credentials import Credentials
from batchfind.execution.hours import Clock, wall_clock
from batchfind.execution.local import LocalExecutor
from batchfind.execution.outcomes import Stop
from batchfind.execution.progress import Event
from batchfind.execution.scheduler import Scheduler
from batchfind.execution.wiring import Wiring
from batchfind.net.settings import Endpoint
from batchfind.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a plan's requests.

    Attributes:
        verdicts: provisional, by request id.
        identifiers: raw Identifiers captured, by request id.
        endings: by request id; None for requests that were skipped.
        complaints: what peers did instead of releasing.
        events: everything observers were told.
    """

    verdicts: dict[str, RequestVerdict]
    identifiers: dict[str, list[bytes]]
    endings: dict[str, Ending | None]
    complaints: list[str]
    events: list[Event]


Ask: TypeAlias = Callable[..., Asked]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Asks every request of a plan.

    `stop_when` ends the run at an event; `clock` tells the time of day.
    """
    folders = iter(range(10_000))

    def run(
        plan: Plan,
        stop_when: Callable[[Event], bool] | None = None,
        clock: Clock = wall_clock,
    ) -> Asked:
        path = tmp_path / f"{next(folders)}.db"
        return asyncio.run(_asked(plan, path, stop_when, clock), debug=True)

    return run


async def _asked(
    plan: Plan, path: Path, stop_when: Callable[[Event], bool] | None, clock: Clock
) -> Asked:
    events: list[Event] = []
    complaints: list[str] = []
    stop = asyncio.Event()

    def tell(event: Event) -> None:
        events.append(event)
        if stop_when is not None and stop_when(event):
            stop.set()

    def complain(_: Endpoint, sentence: str) -> None:
        complaints.append(sentence)

    journal = await Journal.create(path, {}, plan)
    executor = LocalExecutor(complain, Credentials.load(plan))
    scheduler = Scheduler(plan, Wiring(plan, {}), executor, journal, tell, clock=clock)

    async def watch() -> None:
        await stop.wait()
        scheduler.stop(Stop.INTERRUPTED, "interrupted")

    watcher = asyncio.create_task(watch())
    try:
        verdicts = await scheduler.run(plan.requests)
    finally:
        watcher.cancel()
        await executor.close()
        await journal.close()
    identifiers, endings = _read(plan, path)
    return Asked(verdicts, identifiers, endings, complaints, events)


def _read(
    plan: Plan, path: Path
) -> tuple[dict[str, list[bytes]], dict[str, Ending | None]]:
    identifiers: dict[str, list[bytes]] = {}
    endings: dict[str, Ending | None] = {}
    with open_capture(path) as capture:
        for request in plan.requests:
            identifiers[request.id] = []
            endings[request.id] = None
            for attempt in capture.attempts(request.id):
                endings[request.id] = attempt.ending
                for matches in capture.matches(attempt.number):
                    begin = 0
                    for end in matches.ends:
                        identifiers[request.id].append(matches.payload[begin:end])
                        begin = end
    return identifiers, endings
