"""The journal: what the event loop calls to keep what was asked and answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from batchfind.capture.documents import to_document
from batchfind.capture.entries import (
    Barrier,
    Begin,
    Close,
    End,
    Entry,
    Grow,
    Judge,
    Note,
    Put,
    Ticket,
)
from batchfind.capture.records import AttemptFacts, Ending, RequestVerdict
from batchfind.capture.store import Opened, Store
from batchfind.capture.writer import Closed, Committed, Failed, Report, Writer
from batchfind.dimse.messages import Matches
from batchfind.errors import LocalProtocolError, StorageError
from batchfind.plan.model import Plan, Request

QUEUE_BYTES: Final = 16 << 20
"""`put` waits until no more bytes of responses than that are not yet committed, unless
a single set has more."""


@dataclass(slots=True)
class _Progress:
    """Where the next set of an open attempt goes."""

    sequence: int = 0
    first: int = 0


class Journal:
    """Takes attempts and their responses; a thread behind it writes run.db.

    Made by `create` or `reopen`, within a running loop. For each attempt: `begin`,
    any number of `put`, `end`; at last `close`, whatever happened before. Nothing
    here blocks the loop. After the disk failed, every call raises StorageError.

    Attributes:
        path: of run.db.
        wal: write-ahead logging is on; some network file systems refuse it.
        single_file: after `close`: run.db is one file that opens read-only; False
            when a reader kept it in use.
    """

    def __init__(self, path: Path, opening: Callable[[], Store]) -> None:
        """Use `create` or `reopen`."""
        self.wal = False
        self.single_file = False
        self.path = path
        self._loop = asyncio.get_running_loop()
        self._requests: frozenset[str] = frozenset()
        self._born: dict[str, str] = {}
        self._ordinals: dict[str, int] = {}
        self._last = 0
        self._attempts: dict[int, _Progress] = {}
        self._queued = 0
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self._tickets: set[Ticket] = set()
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._closing = False
        self._opened = self._ticket()
        self._writer = Writer(path, opening, self._report)

    @classmethod
    async def create(cls, path: Path, meta: Mapping[str, str], plan: Plan) -> Journal:
        """A new capture; the whole plan is durable when this returns.

        Args:
            path: of run.db, which must not exist.
            meta: facts about the run; `plan_digest`, `job` and `clock` are added.
            plan: its requests are stored with origin `plan`.

        Returns:
            The journal, ready for the first attempt.

        Raises:
            StateError: a capture is there already.
            StorageError: it cannot be written.
        """
        facts = dict(meta)
        journal = cls(path, lambda: Store.create(path, facts, plan))
        await journal._opened
        return journal

    @classmethod
    async def reopen(cls, path: Path) -> Journal:
        """The capture of an earlier execution, also of one that was killed.

        Attempts without ending stay as they are; new ones are numbered on.

        Args:
            path: of an existing run.db.

        Returns:
            The journal, ready for further attempts.

        Raises:
            StorageError: it is no capture of this version, or cannot be written.
        """
        journal = cls(path, lambda: Store.reopen(path))
        await journal._opened
        return journal

    def grow(self, requests: Sequence[Request]) -> asyncio.Future[None]:
        """Stores requests that were born while the run goes on, all or none.

        Attempts at them may begin at once. One that is stored already is left as it
        is.

        Args:
            requests: each after the one it was born from.

        Returns:
            Done when they are durable.

        Raises:
            StorageError: another request has the id of one of them, or the writer has
                failed before.
        """
        self._check()
        new = []
        for request in requests:
            known = self._born.get(request.id)
            taken = known is not None or request.id in self._requests
            if taken and known != request.key:
                raise StorageError(
                    f"{self.path}: another request {request.id} is stored: run again"
                )
            if known is None:
                new.append(request)
        self._born |= {request.id: request.key for request in new}
        ticket = self._ticket()
        self._writer.add(Grow(tuple(new), ticket))
        return ticket

    def begin(self, request: str, facts: AttemptFacts | None) -> int:
        """Begins an attempt.

        Args:
            request: id of a request of the plan, or of one given to `grow`.
            facts: what was negotiated, or None when no association came about.

        Returns:
            The attempt's number, from 1, unique in this capture.

        Raises:
            StorageError: the writer has failed.
            LocalProtocolError: the request is unknown, or the journal is closed.
        """
        self._check()
        if request not in self._requests and request not in self._born:
            raise LocalProtocolError(f"request {request} is not in the capture")
        self._last += 1
        ordinal = self._ordinals.get(request, 0) + 1
        self._ordinals[request] = ordinal
        self._attempts[self._last] = _Progress()
        self._writer.add(Begin(self._last, request, ordinal, facts))
        return self._last

    async def put(self, attempt: int, matches: Matches) -> None:
        """Queues responses; waits only while 16 MiB would be queued with them.

        Args:
            attempt: a number `begin` returned, not ended yet.
            matches: the next responses of the attempt.

        Raises:
            StorageError: the writer has failed.
            LocalProtocolError: the attempt is not open.
        """
        self._check()
        size = len(matches.payload)
        if self._turn.locked() or self._is_full(size):
            async with self._turn:  # in turn, or large sets would wait for ever
                while self._is_full(size):
                    self._room.clear()
                    await self._room.wait()
                    self._check()
        progress = self._open_attempt(attempt)
        if not len(matches):
            return
        self._writer.add(Put(attempt, progress.sequence, progress.first, matches, size))
        progress.sequence += 1
        progress.first += len(matches)
        self._queued += size

    def end(self, attempt: int, ending: Ending) -> asyncio.Future[None]:
        """Ends an attempt.

        Args:
            attempt: a number `begin` returned, not ended yet.
            ending: how it ended.

        Returns:
            Done when the ending and all responses before it survive a kill of the
            process; its exception is a StorageError when they will not.

        Raises:
            StorageError: the writer has failed before.
            LocalProtocolError: the attempt is not open.
        """
        self._check()
        self._open_attempt(attempt)
        del self._attempts[attempt]
        ticket = self._ticket()
        self._writer.add(End(attempt, ending, ticket))
        return ticket

    def event(self, kind: str, data: Mapping[str, Any]) -> None:
        """Stores something worth remembering that belongs to no attempt.

        Args:
            kind: a word such as `peer-trouble`.
            data: JSON values; no key values, no secrets.

        Raises:
            StorageError: the writer has failed before.
        """
        self._check()
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        self._writer.add(Note(now, kind, to_document(data)))

    def verdicts(self, verdicts: Iterable[RequestVerdict]) -> asyncio.Future[None]:
        """Stores verdicts, in place of earlier ones of the same requests.

        Returns:
            Done when they are durable.

        Raises:
            StorageError: the writer has failed before.
        """
        self._check()
        ticket = self._ticket()
        self._writer.add(Judge(tuple(verdicts), ticket))
        return ticket

    async def barrier(self) -> None:
        """Waits until everything called before is durable.

        Raises:
            StorageError: it will never be.
        """
        self._check()
        ticket = self._ticket()
        self._writer.add(Barrier(ticket))
        await ticket

    async def failed(self) -> str:
        """Waits until nothing can be written any more, perhaps for ever; says why."""
        await self._failed.wait()
        return str(self._failure)

    async def close(self) -> None:
        """Commits with synchronous=FULL and makes one file of the capture.

        Calling it again does nothing.

        Raises:
            StorageError: not everything could be written; what was durable stays.
        """
        if self._closing:
            return
        self._closing = True
        self._raise_failure()
        ticket = self._ticket()
        self._writer.add(Close(ticket))
        try:
            await ticket
        finally:
            if ticket.done() and not ticket.cancelled():
                self._writer.join()  # its last report is in: it is ending now

    def _is_full(self, size: int) -> bool:
        """Whether a set of so many bytes has to wait."""
        return bool(self._queued) and self._queued + size > QUEUE_BYTES

    def _check(self) -> None:
        self._raise_failure()
        if self._closing:
            raise LocalProtocolError("the journal is closed")

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise _fresh(self._failure)

    def _open_attempt(self, attempt: int) -> _Progress:
        try:
            return self._attempts[attempt]
        except KeyError:
            raise LocalProtocolError(f"attempt {attempt} is not open") from None

    def _ticket(self) -> Ticket:
        ticket = self._loop.create_future()
        self._tickets.add(ticket)
        return ticket

    def _resolve(self, ticket: Ticket) -> None:
        self._tickets.discard(ticket)
        if not ticket.done():  # else whoever waited for it was cancelled
            ticket.set_result(None)

    def _report(self, report: Report) -> None:
        """Called by the writer thread."""
        self._loop.call_soon_threadsafe(self._learn, report)

    def _learn(self, report: Report) -> None:
        match report:
            case Opened():
                self.wal = report.wal
                self._requests = report.requests
                self._born = dict(report.born)
                self._ordinals = dict(report.ordinals)
                self._last = report.last
                self._resolve(self._opened)
            case Committed():
                self._settle(report.entries)
            case Closed():
                self.single_file = report.single_file
                self._settle(report.entries)
            case Failed():
                self._fail(report.error)

    def _settle(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            match entry:
                case Put(size=size):
                    self._queued -= size
                case Begin() | Note():
                    pass
                case _:
                    self._resolve(entry.ticket)
        self._room.set()

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._failed.set()
        self._room.set()
        for ticket in self._tickets:
            if not ticket.done():
                ticket.set_exception(_fresh(error))
                ticket.exception()  # the next call raises it: no need to await this
        self._tickets.clear()


def _fresh(error: Exception) -> Exception:
    """An exception of its own for each place that raises it."""
    if isinstance(error, StorageError):
        return StorageError(str(error))
    return error
