"""Collects every problem of a job before any is raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from batchfind.errors import JobError, Mark, Problem, Severity

MOST_PROBLEMS: Final = 100
"""More are counted, not kept: nobody reads them, and a hostile file has millions."""

_GUARDED: Final = "YAML cannot read this line, which holds a secret; put it in quotes"
_GRAM: Final = 4


class Report:
    """The problems found so far, each place and message once.

    Once `full`, further problems are counted and dropped; an error among them still
    stops the job.
    """

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}
        self._dropped: int = 0
        self._failed = False
        self._guarded: dict[tuple[str, int], str] = {}

    def guard(self, file: str, lines: Mapping[int, str]) -> None:
        """Lets no message about the YAML of these lines show what they hold."""
        self._guarded |= {(file, line): text for line, text in lines.items()}

    def error(self, mark: Mark, path: str, message: str) -> None:
        """Adds what stops the job."""
        secret = self._guarded.get((mark.file, mark.line), "")
        if not path and reveals(message, secret):
            message = _GUARDED
        self._add(Problem(mark, path, message))

    def warning(self, mark: Mark, path: str, message: str) -> None:
        """Adds what the user should know although the job can run."""
        self._add(Problem(mark, path, message, Severity.WARNING))

    def _add(self, problem: Problem) -> None:
        self._failed = self._failed or problem.severity is Severity.ERROR
        if self.full:
            self._dropped += 1
        else:
            self._problems[problem] = None

    @property
    def full(self) -> bool:
        """Whether so many problems are known that looking for more is pointless."""
        return len(self._problems) >= MOST_PROBLEMS

    def knows(self, file: str, line: int) -> bool:
        """Whether a problem on this line is reported already."""
        return any(
            (one.mark.file, one.mark.line) == (file, line) for one in self._problems
        )

    @property
    def failed(self) -> bool:
        """Whether any problem stops the job."""
        return self._failed

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem kept, by file, line and column."""
        return tuple(sorted(self._problems, key=lambda one: (one.mark, one.path)))

    def failure(self) -> JobError:
        """All problems, warnings among them, as the error that ends loading."""
        found = self.problems
        if self._dropped:
            note = f"{self._dropped} further problems are not shown; mend these first"
            found = (*found, Problem(Mark(found[-1].mark.file), "", note))
        return JobError(found)


def reveals(message: str, secret: str) -> bool:
    """Whether a message shows a part of a text that is to stay secret."""
    size = min(_GRAM, len(secret))
    return size > 0 and any(
        secret[at : at + size] in message for at in range(len(secret) - size + 1)
    )
