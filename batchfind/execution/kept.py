"""What a run left of the earlier runs of its job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The runs of a job after `run.keep` was heeded.

    Attributes:
        runs: how many there are now.
        bytes: of their files.
        deleted: how many went.
        freed: bytes of those.
        failed: a sentence for each that should have gone and could not.
    """

    runs: int
    bytes: int
    deleted: int = 0
    freed: int = 0
    failed: tuple[str, ...] = ()

    def to_json(self) -> dict[str, int]:
        """The object under `kept` of `run --json`; `warnings` holds the sentences."""
        return {
            "runs": self.runs,
            "bytes": self.bytes,
            "deleted": self.deleted,
            "freed": self.freed,
        }
