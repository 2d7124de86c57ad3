"""Gathers every problem of a plan, each one once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from batchfind.errors import JobError, Mark, Problem, Severity

MOST_ERRORS: Final = 100
"""More are counted, not shown: a rows file may hold a million bad cells."""


class Problems:
    """Problems found while a job is expanded.

    A template or value that is wrong in a thousand requests is wrong once in the
    job, so a problem with the place and subject of an earlier one is dropped.
    """

    def __init__(self, known: Iterable[Problem] = ()) -> None:
        """Begins with the warnings that are known already."""
        self._warnings = {_key(problem, None): problem for problem in known}
        self._errors: dict[tuple[Mark, str, str], Problem] = {}

    def error(
        self, mark: Mark, path: str, message: str, *, about: str | None = None
    ) -> None:
        """Notes what stops the job; `about` is its subject, else the message."""
        problem = Problem(mark, path, message)
        self._errors.setdefault(_key(problem, about), problem)

    def warn(
        self, mark: Mark, path: str, message: str, *, about: str | None = None
    ) -> None:
        """Notes what does not stop the job."""
        problem = Problem(mark, path, message, Severity.WARNING)
        self._warnings.setdefault(_key(problem, about), problem)

    @property
    def errors(self) -> int:
        """How many errors there are so far."""
        return len(self._errors)

    def finish(self) -> tuple[Problem, ...]:
        """The warnings by file, line and column, when there is nothing worse.

        Raises:
            JobError: with every warning and the first `MOST_ERRORS` errors.
        """
        warnings = list(self._warnings.values())
        if not self._errors:
            return tuple(sorted(warnings, key=_place))
        errors = sorted(self._errors.values(), key=_place)
        shown = sorted([*errors[:MOST_ERRORS], *warnings], key=_place)
        hidden = len(errors) - MOST_ERRORS
        if hidden > 0:
            note = f"{hidden} further problems are not shown; mend these first"
            shown.append(Problem(Mark(errors[0].mark.file), "", note))
        raise JobError(shown)


def _key(problem: Problem, about: str | None) -> tuple[Mark, str, str]:
    return problem.mark, problem.path, about or problem.message


def _place(problem: Problem) -> tuple[Mark, str]:
    return problem.mark, problem.path
