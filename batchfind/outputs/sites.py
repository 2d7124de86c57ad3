"""What a file output and a directory output have in common before publishing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from batchfind.errors import StorageError
from batchfind.outputs.destination import Destination
from batchfind.outputs.disk import write_new
from batchfind.outputs.intents import Intent
from batchfind.outputs.ownership import Covers
from batchfind.outputs.permissions import Permissions
from batchfind.outputs.sidecars import OwnedFile, Sidecar
from batchfind.outputs.staging_area import SIDECAR, StagingArea

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is, or will be, at a path.

    Attributes:
        bytes: of all files together.
        sha256: of the file, or of paths and digests of a directory's files.
        files: those of a directory; None for a single file.
    """

    rows: int
    bytes: int
    sha256: str
    files: tuple[OwnedFile, ...] | None = None


Describe = Callable[[Content], Sidecar]
"""The sidecar for what will stand at a path."""


class Site(Destination, Protocol):
    """A destination that can be closed and published."""

    @property
    def written(self) -> int:
        """Bytes it has taken so far."""
        ...

    def close(self, rows: int) -> Content:
        """Have everything on the disk; what it is."""
        ...

    def publish(
        self,
        old: Sidecar | None,
        describe: Describe,
        covers: Covers,
        *,
        exclusive: bool,
    ) -> None:
        """Put it at its path; the target's parent is held."""
        ...

    def withhold(self, target: Path) -> None:
        """Move it to a free path in a private directory."""
        ...

    def abandon(self) -> None:
        """Close what is open."""
        ...


def commit(
    area: StagingArea, intent: Intent, sidecar: Sidecar, permissions: Permissions
) -> None:
    """Publish what a staging area holds.

    Args:
        area: closed; it belongs to the intent afterwards.
        intent: what goes where.
        sidecar: what will stand there.
        permissions: of the sidecar.

    Raises:
        StorageError: something that is not ours is in the way; nothing changed.
        OSError: it cannot be published.
    """
    staged = area.place / SIDECAR
    try:
        write_new(staged, (piece.encode() for piece in sidecar.pieces()))
        permissions.give(staged)
        intent.write()
    except OSError:
        staged.unlink(missing_ok=True)
        raise
    # From here on the staging directory belongs to the intent, which outlives us.
    area.release()
    try:
        intent.carry_out()
    except FileExistsError as error:
        place = error.filename2 or error.filename or area.target
        raise StorageError(
            f"{place}: something that is not batchfind's stands where the output needs "
            f"to be; move it away, then run batchfind export --to-paths"
        ) from error
    area.keep_parents()


def write_whole(path: str, data: bytes, permissions: Permissions) -> None:
    """Write a new file; with as few calls as there can be, for there are many."""
    handle = os.open(path, _NEW, 0o666)
    try:
        permissions.give(handle)
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


def create(path: Path | str, permissions: Permissions) -> BinaryIO:
    """Open a new file for writing."""
    file = os.fdopen(os.open(path, _NEW, 0o666), "wb")
    try:
        permissions.give(file.fileno())
    except OSError:
        file.close()
        raise
    return file
