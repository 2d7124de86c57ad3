"""Rows of a run that is still going on: what it takes to make requests of them.

All of it is slow, so it belongs into a thread; every call has a capture of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from batchfind.capture.reader import Capture, open_capture
from batchfind.capture.records import StoredMatches, Verdict
from batchfind.dicom.paths import KeyPath
from batchfind.execution.census import Counted
from batchfind.plan.model import Plan, PlannedQuery, Splitting
from batchfind.tables.keys import KeyRows, read_keys
from batchfind.tables.slabs import Origin, join, origin_of


class GrowthRows:
    """Reads keys of responses that are durable."""

    def __init__(self, plan: Plan, path: Path) -> None:
        """From the capture at `path`, which is being written."""
        self._plan = plan
        self._path = path

    def keys(
        self, query: PlannedQuery, counted: Iterable[Counted], paths: Sequence[KeyPath]
    ) -> Iterator[KeyRows]:
        """Values of keys in the responses to some requests of a query, in order.

        Raises:
            StorageError: the capture cannot be read.
        """
        with open_capture(self._path) as capture:
            slabs = join(self._sets(query, counted, capture))
            yield from read_keys(query, slabs, paths)

    def days(
        self, query: PlannedQuery, splitting: Splitting, counted: Iterable[Counted]
    ) -> list[str]:
        """Values of the key by which days are cut."""
        return [
            text
            for rows in self.keys(query, counted, [splitting.date])
            for texts in rows.values[splitting.date]
            for text in texts
            if text
        ]

    def all_lack(
        self, query: PlannedQuery, path: KeyPath, counted: Iterable[Counted]
    ) -> bool:
        """Whether there are rows, and a key is there but without a value in each.

        A peer that leaves the key out, or a row that cannot be decoded, says nothing.

        Raises:
            StorageError: the capture cannot be read.
        """
        seen = False
        for rows in self.keys(query, counted, [path]):
            for texts in rows.values[path]:
                if not texts or any(text != "" for text in texts):
                    return False
                seen = True
        return seen

    def days_without_time(
        self,
        query: PlannedQuery,
        date: KeyPath,
        time: KeyPath,
        counted: Iterable[Counted],
    ) -> Iterator[str]:
        """Days of rows that have no time, as the peer writes them."""
        for rows in self.keys(query, counted, [date, time]):
            dates, times = rows.values[date], rows.values[time]
            for days, clocks in zip(dates, times, strict=True):
                for day, clock in zip(days, clocks, strict=False):
                    if day and not clock:
                        yield day

    def _sets(
        self, query: PlannedQuery, counted: Iterable[Counted], capture: Capture
    ) -> Iterator[tuple[Origin, StoredMatches]]:
        for request, attempt in counted:
            if attempt.facts is None:
                continue
            origin = origin_of(
                request,
                self._plan.peers[request.peer],
                attempt,
                Verdict.COMPLETE,
                dictionary=self._plan.dictionary,
                correction=query.data_correction,
            )
            for matches in capture.matches(attempt.number):
                yield origin, matches
