"""The loop that makes cases and keeps what a harness lets out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import Target


@dataclass(frozen=True, slots=True)
class Finding:
    """A case that a harness did not survive."""

    case: bytes
    error: Exception


def cases(target: Target, seed: int) -> Iterator[bytes]:
    """Cases without end; the same ones for the same seed and corpus."""
    random = Random(f"{target.name} {seed}")  # noqa: S311 - nothing secret
    mutator = Mutator(random, target.tokens)
    while True:
        yield mutator.case(target.seeds)


def tried(target: Target, case: bytes) -> Finding | None:
    """What a case does to the harness; None when it is survived."""
    try:
        target.harness(case)
    except Exception as error:  # noqa: BLE001 - any is a finding
        return Finding(case, error)
    return None


def shortened(target: Target, finding: Finding, tries: int = 2000) -> Finding:
    """The same kind of error from as few bytes as a simple search finds."""
    size = len(finding.case) // 2
    while size and tries:
        position = 0
        while position < len(finding.case) and tries:
            tries -= 1
            less = finding.case[:position] + finding.case[position + size :]
            found = tried(target, less)
            if found is not None and type(found.error) is type(finding.error):
                finding = found
            else:
                position += size
        size //= 2
    return finding
