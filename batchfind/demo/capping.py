"""How a demo peer ends an answer that has more matches than it will give."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CapStyle(StrEnum):
    """What a peer does after the last response it gives."""

    SILENT = "silent"
    A700 = "a700"
    FE00 = "fe00"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Cap:
    """A peer's limit of responses.

    Attributes:
        count: responses to one request at most, 1 or more.
        style: how an answer ends that has more matches.
    """

    count: int
    style: CapStyle = CapStyle.SILENT
