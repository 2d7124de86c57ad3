"""What a job expects of its answers, and whether it came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation of a query.

    Attributes:
        name: its field in the job, such as `min_rows`.
        expected: what the job says, as text.
        found: what came, as text.
        met: whether that is as expected.
        message: one sentence when it is not, else empty.
    """

    query: str
    name: str
    expected: str
    found: str
    met: bool
    message: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Expectation:
        """What `to_json` made."""
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """The object under `expectations` of `run --json`."""
        return {
            "query": self.query,
            "name": self.name,
            "expected": self.expected,
            "found": self.found,
            "met": self.met,
            "message": self.message,
        }
