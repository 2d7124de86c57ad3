"""What the capture stores and every higher room reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from batchfind.errors import Retry


class Outcome(StrEnum):
    """How an attempt ended, as a fact."""

    SUCCESS = "success"
    LIMITED = "limited"
    CAPPED = "capped"
    PARTIAL = "partial"
    FAILED = "failed"


class Verdict(StrEnum):
    """What a request's answer is worth."""

    COMPLETE = "complete"
    LIMITED = "limited"
    SUSPECT = "suspect"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"
    SPLIT = "split"
    """Cut into pieces, whose verdicts count instead; never a planned request's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why an answer is not simply complete.

    Attributes:
        code: a word of the cause table, such as `peer-abort` or `status-a700`.
        message: one sentence naming peer, address, AE titles and what happened.
        hint: what to do next, or an empty string.
        phase: connect, association, query, cancel, release or plan.
    """

    code: str
    message: str
    hint: str = ""
    phase: str = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFacts:
    """What was agreed before the first response.

    Attributes:
        transfer_syntax: UID accepted for the Identifiers.
        peer_implementation: class UID and version name as the peer gave them.
        peer_max_pdu: bytes, 0 for unlimited.
        address: peer address as connected, `host:port`.
        association: number of the association within this run, from 1.
        started: UTC, ISO 8601 with microseconds.
        tls: protocol version and cipher suite, such as `TLSv1.3
            TLS_AES_256_GCM_SHA384`, or empty.
        negotiated: options of extended negotiation that the peer accepted.
        operations: operations we may have in flight, 1 or more.
    """

    transfer_syntax: str
    peer_implementation: str
    peer_max_pdu: int
    address: str
    association: int
    started: str
    tls: str = ""
    negotiated: tuple[str, ...] = ()
    operations: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended.

    Attributes:
        status: final DIMSE status, or None when none came.
        comment: the peer's ErrorComment, unsanitised.
        cause: None for a plain success.
        responses: pending responses received in all.
        kept: responses that outputs may hold: fewer than `responses` when the
            query's own cancel policy fired.
        bytes: Identifier bytes received.
        seconds: wall time of the attempt.
        warnings: tolerated irregularities, one sentence each.
        pages: C-FINDs sent, more than one when the peer answers in pages.
        retry: whether asking again can help.
    """

    outcome: Outcome
    status: int | None = None
    comment: str | None = None
    cause: Cause | None = None
    responses: int = 0
    kept: int = 0
    bytes: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    pages: int = 1
    retry: Retry = Retry.NEVER


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """A set of matches as read back.

    Attributes:
        first: index of its first response within the attempt, from 0.
        payload: Identifiers back to back.
        ends: end of each Identifier in `payload`.
        statuses: FF00 or FF01 each.
    """

    first: int
    payload: bytes
    ends: Sequence[int]
    statuses: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """One try at a request.

    Attributes:
        number: database row of the attempt.
        request: id of its request.
        ordinal: 1 for the first try.
        facts: None when no association came about.
        ending: None when the process died during it.
        chain: head of its hash chain, 64 hexadecimal digits.
    """

    number: int
    request: str
    ordinal: int
    facts: AttemptFacts | None
    ending: Ending | None
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestVerdict:
    """The stored verdict of a request.

    Attributes:
        attempt: the attempt whose responses count (`StoredAttempt.number`), or None.
        defects: responses that could not be decoded, by kind.
        replaced: bytes that became U+FFFD in all its text.
        pieces: ids of the requests it was cut into; the verdict is then that of
            the whole family for a planned request, and SPLIT for any other.
        assumptions: what is taken for granted in a complete verdict, one sentence
            each.
        merged: responses left out because an equal row of the family stands for
            them.
        conflicts: rows of equal identity and different content; the later stands.
        mismatches: responses that do not match the keys they were asked by.
        dropped: how many of those were left out.
    """

    request: str
    verdict: Verdict
    cause: Cause | None = None
    attempt: int | None = None
    responses: int = 0
    attempts: int = 0
    seconds: float = 0.0
    defects: Mapping[str, int] = field(default_factory=dict)
    replaced: int = 0
    warnings: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    merged: int = 0
    conflicts: int = 0
    mismatches: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A request as it stands in the capture.

    Attributes:
        parent: id of the request it was born from, or None.
        key: request key, 64 hexadecimal digits.
        spec: the whole request as JSON values, as in plan.json.
        origin: `plan`, `split` or `for_each`.
    """

    id: str
    parent: str | None
    query: str
    peer: str
    key: str
    spec: Mapping[str, Any]
    origin: str

    @property
    def order(self) -> tuple[int, ...]:
        """The numeric parts of `id`: sorts requests into plan order."""
        return tuple(int(part) for part in self.id.split("."))


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something worth remembering that belongs to no attempt.

    Attributes:
        at: UTC, ISO 8601 with microseconds.
        kind: a word such as `peer-trouble`.
        data: JSON values.
    """

    at: str
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CaptureFault:
    """A place where the capture is not what was recorded.

    Attributes:
        attempt: number of the attempt, or None for the file as a whole.
        request: id of its request, or None.
        message: one sentence.
    """

    attempt: int | None
    request: str | None
    message: str
