"""The folder that holds the runs of one job, seen without following any link.

Everything is looked up from an open descriptor of the folder: whoever replaces the
folder, or a run in it, by a link meanwhile cannot lead us elsewhere.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from batchfind.capture.pin import PIN_FILE
from batchfind.capture.run_directory import CAPTURE, PRUNED
from batchfind.errors import StorageError

_RUN_NAME: Final = re.compile(r"([0-9]{8}T[0-9]{6}\.[0-9]{6})Z-[0-9a-f]{8}")
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


def started_of(name: str) -> datetime | None:
    """When a run began, by the name that batchfind gave its directory.

    Args:
        name: such as `20260131T041500.000000Z-1a2b3c4d`.

    Returns:
        An aware time in UTC; None for a name that is not ours.
    """
    found = _RUN_NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run directory of ours.

    Attributes:
        started: by its name, in UTC.
    """

    name: str
    started: datetime
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class JobFolder:
    """An open `<run.dir>/<job>`; use it in a `with` statement."""

    path: Path
    descriptor: int

    @classmethod
    def open(cls, path: Path) -> JobFolder:
        """Opens it.

        Raises:
            StorageError: it is a link or no folder, or cannot be read.
        """
        try:
            return cls(path, os.open(path, _OPEN))
        except OSError as error:
            reason = error.strerror
            if path.is_symlink():
                reason = "it is a symbolic link: name the folder itself"
            raise StorageError(f"{path}: runs cannot be pruned here: {reason}") from (
                error
            )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes it."""
        os.close(self.descriptor)

    def names(self) -> tuple[str, ...]:
        """Directories whose names are those of runs, the oldest first; no links.

        Raises:
            StorageError: the folder cannot be read.
        """
        return self._directories("")

    def leftovers(self) -> tuple[str, ...]:
        """What a prune that was killed has left half deleted.

        Raises:
            StorageError: the folder cannot be read.
        """
        return self._directories(PRUNED)

    def run(self, name: str) -> StoredRun | None:
        """The run of that name; None if it is none of ours.

        Raises:
            StorageError: it cannot be looked into.
        """
        started = started_of(name)
        if started is None or not stat.S_ISDIR(self._mode(name)):
            return None
        if not stat.S_ISREG(self._mode(f"{name}/{CAPTURE}")):
            return None
        return StoredRun(name, started, self.pinned(name))

    def pinned(self, name: str) -> bool:
        """Whether a run is pinned.

        Raises:
            StorageError: it cannot be looked into.
        """
        return self._mode(f"{name}/{PIN_FILE}") != 0

    def size(self, name: str) -> int:
        """Bytes of the files in a directory; what cannot be read counts nothing."""
        total = 0
        with suppress(OSError):
            for *_, files, descriptor in os.fwalk(name, dir_fd=self.descriptor):
                for file in files:
                    with suppress(OSError):
                        found = os.stat(file, dir_fd=descriptor, follow_symlinks=False)
                        total += found.st_size
        return total

    def _directories(self, prefix: str) -> tuple[str, ...]:
        try:
            with os.scandir(self.descriptor) as entries:
                found = [
                    entry.name
                    for entry in entries
                    if entry.name.startswith(prefix)
                    and started_of(entry.name.removeprefix(prefix)) is not None
                    and entry.is_dir(follow_symlinks=False)
                ]
        except OSError as error:
            raise self._unreadable("", error) from error
        return tuple(sorted(found))

    def _mode(self, name: str) -> int:
        """Type and mode of an entry, of a link its own; 0 when there is none."""
        try:
            found = os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError as error:
            raise self._unreadable(name.partition("/")[0], error) from error
        return found.st_mode

    def _unreadable(self, name: str, error: OSError) -> StorageError:
        return StorageError(
            f"{self.path / name}: it cannot be read ({error.strerror}): check owner "
            "and mode"
        )
