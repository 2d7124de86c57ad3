"""What a status of a C-FIND-RSP, or of a C-ECHO-RSP, says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class StatusCategory(Enum):
    """The kinds of status; UNKNOWN for values the standard gives to nobody."""

    PENDING = "pending"
    SUCCESS = "success"
    CANCEL = "cancel"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusMeaning:
    """One status in words.

    Attributes:
        category: decides what happens.
        text: a clause for people, without the number.
    """

    category: StatusCategory
    text: str


_NAMED: Final = {
    0x0000: (StatusCategory.SUCCESS, "the peer has answered in full"),
    0x0001: (StatusCategory.WARNING, "an optional attribute is not supported"),
    0x0105: (StatusCategory.FAILURE, "the peer knows no such attribute"),
    0x0106: (StatusCategory.FAILURE, "an attribute's value is invalid for the peer"),
    0x0107: (StatusCategory.WARNING, "the peer did not use all attributes"),
    0x0110: (
        StatusCategory.FAILURE,
        "processing failed at the peer, often a database error or timeout",
    ),
    0x0111: (StatusCategory.FAILURE, "the peer already has this SOP instance"),
    0x0112: (StatusCategory.FAILURE, "the peer has no such SOP instance"),
    0x0113: (StatusCategory.FAILURE, "the peer knows no such event type"),
    0x0114: (StatusCategory.FAILURE, "an argument is invalid for the peer"),
    0x0115: (StatusCategory.FAILURE, "an argument's value is invalid for the peer"),
    0x0116: (StatusCategory.WARNING, "an attribute's value is out of range"),
    0x0117: (StatusCategory.FAILURE, "an instance UID breaks the rules for UIDs"),
    0x0118: (StatusCategory.FAILURE, "the peer knows no such SOP class"),
    0x0119: (StatusCategory.FAILURE, "the instance is of another SOP class"),
    0x0120: (StatusCategory.FAILURE, "an attribute the peer needs is missing"),
    0x0121: (StatusCategory.FAILURE, "an attribute the peer needs has no value"),
    0x0122: (
        StatusCategory.FAILURE,
        "the peer does not support this information model",
    ),
    0x0123: (StatusCategory.FAILURE, "the peer knows no such action"),
    0x0124: (
        StatusCategory.FAILURE,
        "not authorised: the peer does not let this AE title or user query",
    ),
    0x0210: (StatusCategory.FAILURE, "the peer saw a message ID twice"),
    0x0211: (StatusCategory.FAILURE, "the peer does not know this operation"),
    0x0212: (StatusCategory.FAILURE, "the peer took the request to be mistyped"),
    0x0213: (StatusCategory.FAILURE, "a resource limit of the peer was reached"),
    0xA710: (
        StatusCategory.FAILURE,
        "the prior record key is invalid, so the next page cannot be asked for",
    ),
    0xA900: (
        StatusCategory.FAILURE,
        "the Identifier does not fit the information model: check level and keys",
    ),
    0xB001: (
        StatusCategory.WARNING,
        "the peer's response limit was reached; there is more to ask for",
    ),
    0xC100: (StatusCategory.FAILURE, "more than one patient matched"),
    0xC200: (StatusCategory.FAILURE, "the peer does not support the template"),
    0xFE00: (StatusCategory.CANCEL, "the peer ended the query as cancelled"),
    0xFF00: (StatusCategory.PENDING, "a match; all keys were used"),
    0xFF01: (
        StatusCategory.PENDING,
        "a match; the peer did not use some optional keys",
    ),
}

_RANGES: Final = (
    (
        range(0xA700, 0xA800),
        StatusCategory.FAILURE,
        "out of resources: the peer refuses a query or stops at its response limit",
    ),
    (
        range(0xA800, 0xA900),
        StatusCategory.FAILURE,
        "the peer does not support this information model",
    ),
    (
        range(0xA900, 0xAA00),
        StatusCategory.FAILURE,
        "the Identifier does not fit the information model: check level and keys",
    ),
    (
        range(0xC000, 0xD000),
        StatusCategory.FAILURE,
        "the peer was unable to process the query; look at its log",
    ),
    (range(0x0100, 0x0300), StatusCategory.FAILURE, "the peer reports a failure"),
    (range(0xA000, 0xB000), StatusCategory.FAILURE, "the peer reports a failure"),
    (range(0xB000, 0xC000), StatusCategory.WARNING, "the peer reports a warning"),
)

_UNKNOWN: Final = StatusMeaning(
    StatusCategory.UNKNOWN, "the standard does not define this status"
)


def meaning(status: int) -> StatusMeaning:
    """The meaning of a status; every one of the 65 536 has one.

    Args:
        status: (0000,0900), 0 to 65535.

    Returns:
        Category and words; UNKNOWN for a status of no C-FIND SOP Class, which is
        never a success.

    Raises:
        ValueError: outside 0 to 65535.

    Source: PS3.4 Tables C.4-1, K.4-1, Q.4-1 and HH.4.1-1, PS3.7 Annex C.
    """
    if not 0 <= status <= 0xFFFF:
        raise ValueError(f"a status has 16 bits, not {status}")
    if status in _NAMED:
        return StatusMeaning(*_NAMED[status])
    for statuses, category, text in _RANGES:
        if status in statuses:
            return StatusMeaning(category, text)
    return _UNKNOWN


def status_code(status: int) -> str:
    """The cause code of a status: `status-a700`."""
    return f"status-{status:04x}"
