"""Any exception as an exit code, one readable message and one JSON object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click

from batchfind.cli.text import clean, clean_lines
from batchfind.errors import (
    BatchfindError,
    InputError,
    JobError,
    Problem,
    Severity,
    StateError,
    StorageError,
)
from batchfind.execution.results import ExitCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a command could not do its work.

    Attributes:
        retryable: running the same command again can help.
        problems: places in files, when the job is at fault.
    """

    exit_code: ExitCode
    message: str
    retryable: bool = False
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The one object `--json` prints for it."""
        return {
            "exit_code": int(self.exit_code),
            "retryable": self.retryable,
            "error": self._sentence,
            "problems": [problem_json(problem) for problem in self.problems],
        }

    @property
    def _sentence(self) -> str:
        """The message, or of several problems the first error, as one line."""
        errors = [one for one in self.problems if one.severity is Severity.ERROR]
        rest = len(self.problems) - 1
        if not errors or not rest:
            return self.message
        more = "one more" if rest == 1 else f"{rest} more"
        return f"{clean(str(errors[0]))} (and {more} in 'problems')"


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem as an object; line 0 is the whole file, column 0 the whole line."""
    return {
        "file": problem.mark.file,
        "line": problem.mark.line,
        "column": problem.mark.column,
        "path": problem.path,
        "message": problem.message,
        "severity": problem.severity.value,
    }


def explain(error: BaseException) -> Failure:
    """The failure an exception stands for; what we did not foresee is our bug."""
    if isinstance(error.__cause__, KeyboardInterrupt):
        error = error.__cause__  # Python wraps it where a class is being made
    match error:
        case KeyboardInterrupt() | click.Abort():
            return Failure(exit_code=ExitCode.INTERRUPTED, message="interrupted")
        case click.ClickException():
            return Failure(exit_code=ExitCode.INVALID, message=_usage(error))
        case JobError():
            return _job_failure(error)
        case InputError():
            return Failure(exit_code=ExitCode.INVALID, message=clean_lines(str(error)))
        case StateError():
            return Failure(
                exit_code=ExitCode.STATE,
                message=clean_lines(str(error)),
                retryable=error.locked,
            )
        case StorageError():
            return Failure(
                exit_code=ExitCode.STORAGE,
                message=clean_lines(str(error)),
                retryable=not error.lasting,
            )
        case BatchfindError() if str(error):
            return Failure(
                exit_code=ExitCode.INTERNAL,
                message=f"{clean_lines(str(error))} (internal error; see --debug)",
            )
        case _:
            return Failure(exit_code=ExitCode.INTERNAL, message=_bug(error))


def _job_failure(error: JobError) -> Failure:
    return Failure(
        exit_code=ExitCode.INVALID,
        message=clean_lines(str(error)),
        problems=error.problems,
    )


def _usage(error: click.ClickException) -> str:
    message = clean(error.format_message())
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "batchfind"
    return f"{message} (see '{where} --help')"


def _bug(error: BaseException) -> str:
    """Where it happened, without its text: that may hold values of a patient."""
    frames = [frame for frame in extract_tb(error.__traceback__) if _ours(frame)]
    name = type(error).__name__
    if not frames:
        return f"internal error: {name}; add --debug for the traceback"
    last = frames[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    return f"internal error: {name} at {place}; add --debug for the traceback"


def _ours(frame: Any) -> bool:
    return "batchfind" in Path(frame.filename).parts
