"""The capture, read back: what every higher room learns of a run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from batchfind.capture.chain import first_link, last_link, next_link
from batchfind.capture.codec import unpack
from batchfind.capture.database import (
    check_identity,
    connect_readonly,
    storage_error,
)
from batchfind.capture.documents import (
    read_ending,
    read_facts,
    read_object,
    read_verdict,
)
from batchfind.capture.records import (
    CaptureFault,
    RequestVerdict,
    StoredAttempt,
    StoredEvent,
    StoredMatches,
    StoredRequest,
)
from batchfind.capture.rows import REMEDY, AttemptRow, MatchesRow, Rows
from batchfind.errors import StorageError

_ATTEMPTS: Final = (
    "SELECT number, request, ordinal, facts, ending, CASE WHEN ending IS NULL THEN "
    "coalesce((SELECT link FROM matches WHERE attempt=number "
    "ORDER BY sequence DESC LIMIT 1), head) ELSE head END FROM attempt"
)


def _attempt(
    number: int,
    request: str,
    ordinal: int,
    facts: str | None,
    ending: str | None,
    head: bytes,
) -> StoredAttempt:
    return StoredAttempt(
        number=number,
        request=request,
        ordinal=ordinal,
        facts=None if facts is None else read_facts(facts),
        ending=None if ending is None else read_ending(ending),
        chain=head.hex(),
    )


def open_capture(path: Path) -> Capture:
    """Opens a run.db for reading; it is not changed.

    Works for a finished run in a read-only directory, for a run that was killed,
    and beside a run that is still writing.

    Args:
        path: of run.db.

    Returns:
        The capture; close it, or use it in a `with` statement.

    Raises:
        StorageError: it is missing, damaged, no capture, or of another version.
    """
    if not path.is_file():
        raise StorageError(
            f"{path}: there is no capture here: name a run directory that holds run.db"
        )
    try:
        connection = connect_readonly(path)
    except (sqlite3.Error, OSError) as error:
        raise storage_error(path, error) from error
    try:
        check_identity(connection, path)
        return Capture(path, connection)
    except sqlite3.Error as error:
        connection.close()
        raise storage_error(path, error) from error
    except BaseException:
        connection.close()
        raise


class Capture:
    """A run database open for reading.

    It may be handed from one thread to another, but is used by one at a time. No
    lock outlives a call, so that a run in progress is never held up.

    Attributes:
        path: of run.db.
        meta: facts about the run, among them `plan_digest`, `job`, `clock`.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use `open_capture`."""
        self.path = path
        self._db = connection
        self._rows = Rows(connection, path)
        self.meta: Mapping[str, str] = dict(
            self._rows.select("SELECT key, value FROM meta")
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        self.close()

    def close(self) -> None:
        """Closes the file; calling it again does nothing."""
        self._db.close()

    def requests(self, *, born: bool = False) -> tuple[StoredRequest, ...]:
        """Every request in plan order: the numeric order of their paths.

        Args:
            born: only those that were born while the run went on.
        """
        rows = self._rows.select(
            "SELECT id, parent, query, peer, key, spec, origin FROM request "
            "WHERE origin <> 'plan' OR NOT ?",
            born,
        )
        stored = [
            StoredRequest(
                id=identity,
                parent=parent,
                query=query,
                peer=peer,
                key=key,
                spec=read_object(spec),
                origin=origin,
            )
            for identity, parent, query, peer, key, spec, origin in rows
        ]
        try:
            return tuple(sorted(stored, key=lambda request: request.order))
        except ValueError as error:
            raise StorageError(
                f"{self.path}: the id of a request is damaged: {REMEDY}"
            ) from error

    def attempts(self, request: str) -> tuple[StoredAttempt, ...]:
        """The attempts at a request, first try first.

        Args:
            request: its id.

        Returns:
            Nothing for a request that was never asked.
        """
        rows = self._rows.select(
            f"{_ATTEMPTS} WHERE request=? ORDER BY ordinal", request
        )
        return tuple(_attempt(*row) for row in rows)

    def every_attempt(self) -> Mapping[str, tuple[StoredAttempt, ...]]:
        """The attempts at each request that was ever asked, first try first."""
        rows = self._rows.select(f"{_ATTEMPTS} ORDER BY request, ordinal")
        tries = groupby((_attempt(*row) for row in rows), key=attrgetter("request"))
        return {request: tuple(each) for request, each in tries}

    def matches(self, attempt: int) -> Iterator[StoredMatches]:
        """The responses of an attempt in the order they came, set by set.

        The hash chain is followed on the way, so that damaged bytes are never
        taken for an answer.

        Args:
            attempt: `StoredAttempt.number`.

        Yields:
            Sets of about 1 MiB; read one at a time.

        Raises:
            StorageError: what is stored is not what was recorded.
            LocalProtocolError: there is no such attempt.
        """
        yield from self._follow(
            self._rows.attempt(attempt), self._rows.matches(attempt)
        )

    def matches_of(self, attempts: list[int]) -> Iterator[tuple[int, StoredMatches]]:
        """As `matches` for several attempts, whose responses are few: read at once.

        Args:
            attempts: their numbers, 256 at most.

        Yields:
            The number of an attempt with a set of its responses.

        Raises:
            StorageError: what is stored is not what was recorded.
            LocalProtocolError: there is no such attempt.
        """
        rows = self._rows.attempts(attempts)
        sets = self._rows.matches_of(attempts)
        for attempt in attempts:
            for matches in self._follow(rows[attempt], sets.get(attempt, ())):
                yield attempt, matches

    def _follow(
        self, row: AttemptRow, sets: Iterable[MatchesRow]
    ) -> Iterator[StoredMatches]:
        """Sets of matches while they continue the hash chain of their attempt."""
        start = link = first_link(row.number, row.ordinal, row.facts, row.asked)
        first = sequence = 0
        for stored in sets:
            link = next_link(link, sequence, stored.first, stored.packed)
            expected = sequence, first, link
            if (stored.sequence, stored.first, stored.link) != expected:
                raise self._damaged(row, first, "its hash chain is broken")
            try:
                matches = unpack(stored.packed, first)
            except StorageError as error:
                raise self._damaged(row, first, str(error)) from error
            sequence, first = sequence + 1, first + stored.packed.count
            del stored  # not held beside what is made of it
            yield matches
            del matches
        head = start if row.ending is None else last_link(link, row.ending)
        if head != row.head:
            raise self._damaged(row, first, "they, or its ending, are not as recorded")

    def verdicts(self) -> dict[str, RequestVerdict]:
        """The stored verdicts by request id; empty before they were computed."""
        rows = self._rows.select("SELECT request, document FROM verdict")
        return {request: read_verdict(document) for request, document in rows}

    def events(self) -> tuple[StoredEvent, ...]:
        """What happened beside the attempts, in the order it happened."""
        rows = self._rows.select("SELECT at, kind, data FROM event ORDER BY id")
        return tuple(
            StoredEvent(at, kind, read_object(data)) for at, kind, data in rows
        )

    def verify(self) -> list[CaptureFault]:
        """Reads everything, follows every chain and checks the database's pages.

        Returns:
            Every fault found, at most one for each attempt; empty when all is well.
        """
        faults = []
        for check in (self._check_pages, self.requests, self.verdicts, self.events):
            try:
                check()
            except StorageError as error:
                faults.append(CaptureFault(None, None, str(error)))
        try:
            rows = self._rows.select(
                "SELECT number, request FROM attempt ORDER BY number"
            )
        except StorageError as error:
            return [*faults, CaptureFault(None, None, str(error))]
        for number, request in rows:
            try:
                self._check_attempt(number, request)
            except StorageError as error:
                faults.append(CaptureFault(number, request, str(error)))
        return faults

    def _check_pages(self) -> None:
        found = [text for (text,) in self._rows.select("PRAGMA quick_check(3)")]
        if found != ["ok"]:
            detail = "; ".join(found)
            raise StorageError(f"{self.path}: its pages are damaged ({detail})")

    def _check_attempt(self, number: int, request: str) -> None:
        self.attempts(request)
        for _ in self.matches(number):
            pass

    def _damaged(self, row: AttemptRow, first: int, why: str) -> StorageError:
        return StorageError(
            f"{self.path}: request {row.asked.request}, attempt {row.number}, "
            f"responses from {first}: {why}: {REMEDY}"
        )
