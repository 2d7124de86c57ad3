"""The writer thread: takes entries from a queue and commits them in groups."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

from batchfind.capture.database import storage_error
from batchfind.capture.entries import Barrier, Close, Entry, Judge, Put
from batchfind.capture.store import Opened, Store

GROUP_SECONDS: Final = 0.05
"""A transaction stays open at most so long while entries keep coming."""
LINGER_SECONDS: Final = 0.005
"""A transaction is not closed sooner: many small requests share one."""
BUSY_LINGER_SECONDS: Final = 0.025
"""As long as that after a full one: closing costs as much as dozens of requests."""
BUSY_ENTRIES: Final = 16
"""Entries of a transaction that was a full one."""
GROUP_BYTES: Final = 8 << 20
"""A transaction takes at most so many bytes of responses."""


@dataclass(frozen=True, slots=True)
class Committed:
    """These entries are durable."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The writer has stopped; nothing after the last commit was kept."""

    error: Exception


@dataclass(frozen=True, slots=True)
class Closed:
    """The capture is closed; `single_file`: nothing but run.db remains."""

    entries: tuple[Entry, ...]
    single_file: bool


Report: TypeAlias = Opened | Committed | Failed | Closed


class Writer:
    """A thread that owns the store from its opening to its closing.

    A daemon: a process that ends without closing the journal must not wait for
    it, and the capture survives that as it survives a kill.
    """

    def __init__(
        self, path: Path, opening: Callable[[], Store], report: Callable[[Report], None]
    ) -> None:
        """Starts the thread.

        Args:
            path: of run.db, for messages.
            opening: makes the store, within the thread.
            report: called within the thread for every report, in order.
        """
        self._path = path
        self._opening = opening
        self._report = report
        self._inbox: SimpleQueue[Entry] = SimpleQueue()
        self._linger = LINGER_SECONDS
        self._thread = threading.Thread(
            target=self._run, name="batchfind-capture", daemon=True
        )
        self._thread.start()

    def add(self, entry: Entry) -> None:
        """Queues an entry; never waits."""
        self._inbox.put(entry)

    def join(self) -> None:
        """Waits for the end of the thread; Closed or Failed is its last report."""
        self._thread.join()

    def _run(self) -> None:
        last: Report
        try:
            last = self._work()
        except (sqlite3.Error, OSError) as error:
            last = Failed(storage_error(self._path, error))
        except Exception as error:  # noqa: BLE001  # the loop raises it, whatever it is
            last = Failed(error)
        self._tell(last)

    def _tell(self, report: Report) -> None:
        # A loop that was closed takes no reports; what is committed stays.
        with contextlib.suppress(RuntimeError):
            self._report(report)

    def _work(self) -> Report:
        store = self._opening()
        try:
            self._report(store.opened())
            while True:
                group = self._write_group(store)
                if isinstance(group[-1], Close):
                    return Closed(group, store.finish())
                self._report(Committed(group))
                del group  # not held while waiting for the next one
        finally:
            store.abandon()

    def _write_group(self, store: Store) -> tuple[Entry, ...]:
        """One transaction: what the queue holds, within the limits of a group."""
        entry: Entry | None = self._inbox.get()
        started = time.monotonic()
        group: list[Entry] = []
        size = 0
        store.begin()
        while entry is not None:
            store.apply(entry)
            group.append(entry)
            size += entry.size if isinstance(entry, Put) else 0
            taken = time.monotonic() - started
            full = size >= GROUP_BYTES or taken >= GROUP_SECONDS
            urgent = isinstance(entry, Barrier | Close | Judge)
            entry = None if full or urgent else self._next(self._linger - taken)
        store.commit()
        busy = len(group) >= BUSY_ENTRIES
        self._linger = BUSY_LINGER_SECONDS if busy else LINGER_SECONDS
        return tuple(group)

    def _next(self, linger: float) -> Entry | None:
        """The next entry, if there is one by the time that is left to linger."""
        # Asleep, not waiting for the queue: then every entry would wake the thread.
        if linger > 0 and self._inbox.empty():
            time.sleep(linger)
        try:
            return self._inbox.get_nowait()
        except Empty:
            return None
