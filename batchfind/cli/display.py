"""What stderr shows while a run works: a live screen on a terminal, else lines."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

from batchfind.capture.records import Cause, RequestVerdict, Verdict
from batchfind.cli import console
from batchfind.cli.board import (
    Board,
    Group,
    retry_sentence,
    split_sentence,
    waits_sentence,
)
from batchfind.cli.text import clean, count, duration
from batchfind.execution.progress import (
    Event,
    FinishingStarted,
    Observer,
    PeerTrouble,
    PeerWaits,
    PlaceAwaited,
    RequestEnded,
    RequestRetried,
    RequestsGrown,
    RequestSplit,
    RunStarted,
    Stopping,
)

if TYPE_CHECKING:
    from batchfind.cli.showing import Responses

_SILENT_SECONDS = 5.0
_TROUBLE_LINES = 20
_SPLIT_LINES = 3  # for each query and peer; the closing counts all pieces


class Lines:
    """An observer that writes one plain line for each thing worth knowing.

    A group is announced when its last request ended; in between there is at most
    one line of progress in five seconds.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._spoken = 0.0
        self._troubles: set[tuple[str, str]] = set()
        self._retries: set[tuple[str, str]] = set()
        self._groups: dict[tuple[str, str], str] = {}
        self._splits: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def __call__(self, event: Event) -> None:
        """Take one event; never raises."""
        now = time.monotonic()
        self._board.observe(event, now)
        match event:
            case RunStarted():
                self._spoken = now
                console.note(f"run directory: {event.run_dir}")
                groups = self._board.groups.values()
                asked = sum(group.total for group in groups)
                console.note(f"{self._board.job}: {count(asked, 'request')}")
            case RequestEnded():
                self._ended(event, now)
            case RequestRetried():
                self._retried(event, now)
            case RequestSplit():
                self._split(event, now)
            case RequestsGrown():
                self._grown(event)
            case PeerTrouble():
                self._trouble(clean(event.peer), event.cause.code, event.cause.message)
            case PeerWaits() | PlaceAwaited():
                console.note(waits_sentence(event))
                self._spoken = now
            case Stopping():
                console.note(f"stopping: {clean(event.reason)}")
            case FinishingStarted():
                responses = count(event.responses, "response")
                console.note(f"writing {clean(event.query)}: {responses}")
            case _:
                self._progress(now)

    def _ended(self, event: RequestEnded, now: float) -> None:
        group = self._board.groups[event.query, event.peer]
        if group.done >= group.total:
            self._done(group, now)
        else:
            self._progress(now)

    def _done(self, group: Group, now: float) -> None:
        """All of a group ended; so it may again, when more was asked meanwhile."""
        sentence = _group_line(group)
        if self._groups.get((group.query, group.peer)) == sentence:
            return
        self._groups[group.query, group.peer] = sentence
        console.note(f"{sentence}, {duration(group.elapsed(now))}")
        self._spoken = now

    def _retried(self, event: RequestRetried, now: float) -> None:
        """The first time for each cause at each peer; then only progress."""
        told = event.peer, event.cause.code
        if told in self._retries or len(self._retries) >= _TROUBLE_LINES:
            self._progress(now)
            return
        self._retries.add(told)
        console.note(retry_sentence(event))
        self._spoken = now

    def _split(self, event: RequestSplit, now: float) -> None:
        """The first kinds of splits of each query and peer; then only progress."""
        told, sentence = self._splits[event.query, event.peer], split_sentence(event)
        if sentence in told or len(told) >= _SPLIT_LINES:
            self._progress(now)
            return
        told.add(sentence)
        console.note(sentence)
        self._spoken = now

    def _grown(self, event: RequestsGrown) -> None:
        made = [one for one in event.requests if self._board.trees.is_root(one)]
        if made:
            requests = count(len(made), "request")
            console.note(f"{clean(event.query)}: {requests} made of rows that came")

    def _trouble(self, peer: str, code: str, message: str) -> None:
        """The first trouble of each kind at each peer; the closing has them all."""
        if (peer, code) in self._troubles or len(self._troubles) >= _TROUBLE_LINES:
            return
        self._troubles.add((peer, code))
        console.note(f"{code}: {clean(message)}")

    def _progress(self, now: float) -> None:
        if now - self._spoken < _SILENT_SECONDS:
            return
        self._spoken = now
        groups = self._board.groups.values()
        done = sum(group.done for group in groups)
        total = count(sum(group.total for group in groups), "request")
        responses = count(sum(group.responses for group in groups), "response")
        console.note(f"{done:,} of {total} ended, {responses} received")


class Trace:
    """An observer that writes every event of a run, for `--debug`."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Take one event; never raises."""
        facts = _facts(event)
        name = type(event).__name__
        console.note(f"{time.monotonic() - self._began:9.3f} {name} {clean(facts)}")


def _facts(event: Event) -> str:
    """The event's scalars and causes; plans and results would fill the screen."""
    found = []
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, str | int | float | datetime):
            found.append(f"{field.name}={value}")
        elif isinstance(value, Cause):
            found.append(f"{value.code}: {value.message}")
        elif isinstance(value, RequestVerdict):
            found.append(f"{value.request} {value.verdict} {value.responses}")
    return " ".join(found)


def _group_line(group: Group) -> str:
    # Whether answers are complete is known only when all have been weighed.
    words = {Verdict.COMPLETE: "answered"}
    parts = ", ".join(
        f"{n:,} {words.get(verdict, verdict)}" for verdict, n in group.verdicts.items()
    )
    cut = f", cut into {count(group.pieces, 'piece')}" if group.pieces else ""
    return (
        f"{clean(group.query)} @ {clean(group.peer)}: {parts}{cut}, "
        f"{count(group.responses, 'response')} received"
    )


@contextmanager
def display(
    board: Board, *, quiet: bool, debug: bool, responses: Responses | None = None
) -> Iterator[tuple[Observer, ...]]:
    """The observers of a run, shown for as long as the block lasts.

    Args:
        board: is kept up to date, unless it is quiet.
        quiet: show nothing of how the run goes.
        debug: write every event, whatever else is shown.
        responses: shows them, too; above the live screen if both are on a terminal.
    """
    others: tuple[Observer, ...] = (Trace(),) if debug else ()
    if responses is not None:
        others += (responses,)
    if quiet:
        yield others
    elif debug or not _lively():
        yield (Lines(board), *others)
    else:
        from batchfind.cli.live import above, screen, standard_error  # noqa: PLC0415 - rich, on terminals only

        shown = standard_error()
        if responses is not None and responses.on_terminal:
            responses.write_by(above(shown))
        with screen(board, shown) as observer:
            yield (observer, *others)


def _lively() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in {"dumb", ""}
