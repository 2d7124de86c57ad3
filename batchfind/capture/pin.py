"""Pins: a small file in a run directory that keeps the run from being pruned."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from batchfind.errors import StorageError, UsageError

PIN_FILE: Final = "pin.json"
LONGEST_REASON: Final = 500

_MOST_BYTES: Final = 8192


@dataclass(frozen=True, slots=True)
class Pin:
    """Why a run stays.

    Attributes:
        reason: as given, or an empty string.
        since: ISO 8601 in UTC; empty when the file does not tell.
    """

    reason: str = ""
    since: str = ""

    def to_json(self) -> dict[str, str]:
        """What the file holds."""
        return {"since": self.since, "reason": self.reason}


def pin_run(run: Path, reason: str, now: datetime) -> Pin | None:
    """Keeps a run from being pruned, also one that is under way.

    The file counts, whatever its text; it stays while its text is replaced.

    Args:
        run: a run directory.
        reason: for people; at most 500 characters.
        now: aware.

    Returns:
        The pin that the run had before, or None.

    Raises:
        UsageError: the reason is too long.
        StorageError: the file cannot be written, or the run is gone.
    """
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"the reason has {len(reason)} characters: write at most {LONGEST_REASON}"
        )
    before = pin_of(run)
    pin = Pin(reason, now.astimezone(UTC).isoformat(timespec="seconds"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(run / PIN_FILE, flags, 0o600), "wb") as file:
            file.truncate(0)
            file.write(json.dumps(pin.to_json()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _settle(run)
    except OSError as error:
        raise _unchanged(run, "pinned", error) from error
    return before


def unpin_run(run: Path) -> Pin | None:
    """Lets a run be pruned again.

    Args:
        run: a run directory.

    Returns:
        The pin that it had, or None.

    Raises:
        StorageError: the file cannot be removed.
    """
    before = pin_of(run)
    try:
        (run / PIN_FILE).unlink(missing_ok=True)
        _settle(run)
    except OSError as error:
        raise _unchanged(run, "unpinned", error) from error
    return before


def pin_of(run: Path) -> Pin | None:
    """The pin of a run, or None; one that cannot be read pins all the same."""
    path = run / PIN_FILE
    if not os.path.lexists(path):
        return None
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        with os.fdopen(os.open(path, flags), "rb") as file:
            known = json.loads(file.read(_MOST_BYTES))
        return Pin(str(known["reason"]), str(known["since"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Pin()


def _settle(run: Path) -> None:
    """Makes a name's coming or going outlast a loss of power."""
    descriptor = os.open(run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unchanged(run: Path, what: str, error: OSError) -> StorageError:
    return StorageError(
        f"{run}: it cannot be {what} ({error.strerror}): check that the run is still "
        "there, its owner and mode, and the disk"
    )
