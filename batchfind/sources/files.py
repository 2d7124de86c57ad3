"""Reads input files whole, within a limit, and says what is wrong with them."""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path

from batchfind.errors import JobError, Mark, Problem


def input_problem(path: Path | str, message: str, line: int = 0) -> JobError:
    """The error for one thing wrong in an input file; line 0 means all of it."""
    return JobError([Problem(Mark(str(path), line), "", message)])


def read_bytes(path: Path, limit: int) -> bytes:
    """All bytes of a file.

    Args:
        path: the file.
        limit: most bytes it may have.

    Returns:
        At most `limit` bytes.

    Raises:
        JobError: when it is missing, no file, unreadable, empty or too large.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        raise input_problem(path, f"there is no such file{_neighbour(path)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise input_problem(path, f"cannot be read: {reason.lower()}") from None
    if len(raw) > limit:
        raise input_problem(path, f"is larger than {limit >> 20} MiB; split it")
    if not raw:
        raise input_problem(path, "the file is empty")
    return raw


def sha256(raw: bytes) -> str:
    """Lower-case hexadecimal SHA-256 (64 characters) of a file's bytes."""
    return hashlib.sha256(raw).hexdigest()


def _neighbour(path: Path) -> str:
    """A file beside it that may be meant."""
    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
