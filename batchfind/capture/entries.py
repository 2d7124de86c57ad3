"""What the event loop hands to the writer thread, in the order it happened."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from batchfind.capture.records import AttemptFacts, Ending, RequestVerdict
from batchfind.dimse.messages import Matches
from batchfind.plan.model import Request

Ticket: TypeAlias = "asyncio.Future[None]"
"""Resolved on the loop once the entry is durable; the writer never touches it."""


@dataclass(frozen=True, slots=True)
class Grow:
    """Requests were born; each comes after the one it was born from."""

    requests: tuple[Request, ...]
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Begin:
    """An attempt begins."""

    attempt: int
    request: str
    ordinal: int
    facts: AttemptFacts | None


@dataclass(frozen=True, slots=True)
class Put:
    """Responses came; `first` is the index of the first within the attempt."""

    attempt: int
    sequence: int
    first: int
    matches: Matches
    size: int


@dataclass(frozen=True, slots=True)
class End:
    """An attempt ended."""

    attempt: int
    ending: Ending
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Note:
    """An event, its data as JSON text."""

    at: str
    kind: str
    data: str


@dataclass(frozen=True, slots=True)
class Judge:
    """Verdicts that replace those stored before."""

    verdicts: tuple[RequestVerdict, ...]
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Barrier:
    """Everything before it shall be durable."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Close:
    """The last entry: make one file of the capture."""

    ticket: Ticket


Entry: TypeAlias = Grow | Begin | Put | End | Note | Judge | Barrier | Close
