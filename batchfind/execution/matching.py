"""What the responses of a query say about the keys they were asked by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from batchfind.capture.records import StoredAttempt
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath
from batchfind.job.model import Verify
from batchfind.plan.model import PlannedQuery, Request
from batchfind.tables.asked import KeyReader, Question
from batchfind.tables.slabs import Slab
from batchfind.tables.verify import Verified, verify_slabs

BoolVec: TypeAlias = npt.NDArray[np.bool_]
IntVec: TypeAlias = npt.NDArray[np.int64]
Counting: TypeAlias = Callable[[Request], StoredAttempt | None]
"""The attempt at a request whose responses count."""


class Questions:
    """The matching keys of a query's requests, each taken apart once.

    Attributes:
        paths: of the keys of all requests, without item numbers.
    """

    def __init__(
        self,
        query: PlannedQuery,
        requests: Iterable[Request],
        counting: Counting,
        root_of: Callable[[Request], Request],
        known: Dictionary = STANDARD,
    ) -> None:
        """Of these requests.

        Args:
            query: they belong to it.
            requests: whose responses are going to be read.
            counting: tells what was negotiated for them.
            root_of: the request that one was cut from first of all, or itself.
            known: VRs and names.
        """
        self._reader = KeyReader(model_of(query.model), known)
        self._judged = query.verify_matches is not Verify.OFF
        self._questions = {
            request.id: self._question(request, counting(request), root_of(request))
            for request in requests
        }
        paths = {
            key.name: key.path
            for question in self._questions.values()
            for key in question.keys
        }
        self.paths: tuple[KeyPath, ...] = tuple(paths.values())

    def of(self, request: str) -> Question:
        """What the responses of a request are held against, by its id."""
        return self._questions[request]

    def _question(
        self, request: Request, attempt: StoredAttempt | None, root: Request
    ) -> Question:
        facts = attempt.facts if attempt is not None else None
        if facts is None:
            return Question(())
        keys = self._reader.keys(request, facts.negotiated)
        if root is not request:
            # The bounds of a piece are ours. A peer that compares times as text may
            # return a row in another piece than its meaning has it in: it is wanted.
            asked = self._reader.keys(root, facts.negotiated)
            judges = {key.name: key.judge for key in asked}
            keys = tuple(replace(key, judge=judges.get(key.name)) for key in keys)
        return Question(keys, self._judged)


@dataclass(slots=True)
class KeyTally:
    """What is being found out about the keys of one request; see `Findings`."""

    read: int = 0
    reserved: int = 0
    mismatches: int = 0
    _absent: frozenset[str] = field(default_factory=frozenset)
    _contradicted: set[str] = field(default_factory=set)

    @property
    def absent(self) -> tuple[str, ...]:
        """Keys that no response holds, though there are responses."""
        return tuple(sorted(self._absent))

    @property
    def contradicted(self) -> tuple[str, ...]:
        """Keys that some response does not match."""
        return tuple(sorted(self._contradicted))

    def contradict(self, names: Iterable[str]) -> None:
        """More keys that some response does not match."""
        self._contradicted.update(names)

    def note(self, read: int, absent: frozenset[str]) -> None:
        """More responses, `read` of which can be decoded, none with these keys."""
        self._absent = self._absent & absent if self.read else absent
        self.read += read


def take(tallies: Mapping[str, KeyTally], verified: Verified) -> None:
    """Enters what was found out about some responses; `tallies` by request id."""
    for request, read in verified.read.items():
        tallies[request].note(read, verified.absent.get(request, frozenset()))
    for request, count in verified.reserved.items():
        tallies[request].reserved += count
    for request, count in verified.mismatches.items():
        tallies[request].mismatches += count
    for request, names in verified.contradicted.items():
        tallies[request].contradict(names)


@dataclass(frozen=True, slots=True)
class Unmatched:
    """The responses that a query with `verify_matches: drop` leaves out.

    Attributes:
        masks: which responses stay, by id of requests that lose some.
    """

    masks: Mapping[str, BoolVec] = field(default_factory=dict)

    def count(self, request: str) -> int:
        """How many responses of a request are left out."""
        mask = self.masks.get(request)
        return 0 if mask is None else int(np.count_nonzero(~mask))


def unmatched(
    query: PlannedQuery, slabs: Iterable[Slab], questions: Questions
) -> Unmatched:
    """Looks for responses that do not match the keys they were asked by.

    Args:
        query: reads nothing unless it drops such responses.
        slabs: all responses that count, in plan order.
        questions: of its requests.

    Raises:
        StorageError: the capture is damaged.
    """
    if query.verify_matches is not Verify.DROP:
        return Unmatched()
    dropped: dict[str, list[IntVec]] = {}
    ends: dict[str, int] = {}
    for slab, verified in verify_slabs(query, slabs, questions):
        begin = 0
        for part in slab.parts:
            request, end = part.origin.request, begin + len(part.ends)
            ends[request] = part.first + len(part.ends)
            found = np.flatnonzero(verified.mismatched[begin:end])
            if len(found):
                dropped.setdefault(request, []).append(found + part.first)
            begin = end
    masks: dict[str, BoolVec] = {}
    for request, pieces in dropped.items():
        masks[request] = np.ones(ends[request], np.bool_)
        masks[request][np.concatenate(pieces)] = False
    return Unmatched(masks)
