"""What this machine refuses a run that finishes, as one sentence with its remedy."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from batchfind.errors import StorageError

_REMEDIES: Final = {
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "end other programs: this machine has too many files open",
    errno.ENOMEM: "give the process more memory",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of the quota",
}


@contextmanager
def machine_faults(doing: str) -> Iterator[None]:
    """Tells what the operating system refuses in the block as a `StorageError`.

    Args:
        doing: what cannot go on then, such as `rendering query studies`.

    Raises:
        StorageError: instead of any `OSError` or `MemoryError`.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        raise StorageError(_sentence(error, doing)) from error


def _sentence(error: OSError | MemoryError, doing: str) -> str:
    """Without the text of the error, which may hold values."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else error.errno
    why = os.strerror(number) if number else type(error).__name__
    remedy = _REMEDIES.get(number or 0, "check this machine and its disks")
    return (
        f"{doing} was given up: {why}; {remedy} and go on: the capture keeps every "
        "answer that came"
    )
