"""What the operations of an association report: sets of matches and endings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Matches:
    """Pending C-FIND responses that arrived together, back to back.

    Attributes:
        message_id: the request they answer, 1 to 65535.
        payload: their Identifiers, one after the other, as received.
        ends: where each Identifier ends in `payload`, ascending; one a response.
        statuses: FF00 or FF01 for each response.

    Source: PS3.4 Section C.4.1.1.4.
    """

    message_id: int
    payload: bytes
    ends: Sequence[int]
    statuses: Sequence[int]

    def __len__(self) -> int:
        return len(self.ends)


@dataclass(frozen=True, slots=True)
class Final:
    """The response that ends a C-FIND.

    Attributes:
        message_id: the request it ends.
        status: any 16-bit value but FF00 and FF01.
        comment: (0000,0902) ErrorComment, decoded, unsanitised.
        offending: tags of (0000,0901) OffendingElement.
        error_id: (0000,0903) ErrorID.
        identifier: a data set some peers attach against the standard.

    Source: PS3.7 Section 9.3.2.2.
    """

    message_id: int
    status: int
    comment: str | None = None
    offending: tuple[int, ...] = ()
    error_id: int | None = None
    identifier: bytes | None = None


@dataclass(frozen=True, slots=True)
class Echoed:
    """The response to a C-ECHO.

    Source: PS3.7 Section 9.3.5.2.
    """

    message_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Irregularity:
    """Something against the standard that was tolerated.

    Attributes:
        message_id: the request concerned, or None for the association.
        text: one sentence without key values.
    """

    message_id: int | None
    text: str
