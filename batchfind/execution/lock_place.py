"""Where the processes of one host meet: a directory for locks, found and checked."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

VARIABLE: Final = "BATCHFIND_LOCKS"
#: The first that can be written to counts. It depends on nothing a scheduler or a
#: login sets differently: no TMPDIR, no XDG_RUNTIME_DIR, no HOME.
_BASES: Final = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - its directory is checked
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OPEN: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class NoPlaceError(Exception):
    """There is no directory that may hold locks; one sentence says which and why."""


class LockPlace:
    """A checked directory, kept open: nobody can put another in its place."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Owns the descriptor from now on."""
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def find(
        cls, environment: Mapping[str, str], bases: Sequence[Path] = _BASES
    ) -> LockPlace:
        """The directory that the environment names, else one of this user's own.

        Args:
            environment: of the process.
            bases: directories that everybody may write to, the best first.

        Raises:
            NoPlaceError: it cannot be used, or must not be.
        """
        named = environment.get(VARIABLE)
        if named:
            return cls._named(Path(named))
        return cls._own(_base(bases) / f"batchfind-{os.geteuid()}")

    @classmethod
    def _named(cls, path: Path) -> LockPlace:
        """Who sets the variable answers for the directory: others may write to it."""
        if not path.is_absolute():
            raise NoPlaceError(
                f"{VARIABLE}={path} is a relative path: give one from the root"
            )
        try:
            return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY))
        except OSError as error:
            raise NoPlaceError(
                f"{VARIABLE}={path} cannot be opened ({error.strerror}): name a "
                "directory that you may write to"
            ) from error

    @classmethod
    def _own(cls, path: Path) -> LockPlace:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        try:
            with suppress(FileExistsError):
                path.mkdir(mode=0o700)
            descriptor = os.open(path, flags)
        except OSError as error:
            raise NoPlaceError(
                f"{path} cannot be opened as a directory ({error.strerror}): "
                f"remove it, or set {VARIABLE}"
            ) from error
        found = os.fstat(descriptor)
        problem = ""
        if found.st_uid != os.geteuid():
            problem = "belongs to another user"
        elif found.st_mode & _OTHERS_WRITE:
            problem = "can be written to by other users"
        if problem:
            os.close(descriptor)
            raise NoPlaceError(f"{path} {problem}: remove it, or set {VARIABLE}")
        return cls(path, descriptor)

    def open(self, name: str) -> int:
        """A descriptor of an empty file in it, made when it is missing.

        Whoever may write to the directory may lock the file. A link is not followed,
        and nothing is ever written.

        Raises:
            OSError: it cannot be opened.
        """
        try:
            descriptor = os.open(name, _OPEN, dir_fd=self._descriptor)
        except FileNotFoundError:
            descriptor = self._make(name)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(f"{name} is no ordinary file")
        with suppress(OSError):
            os.utime(descriptor)  # what clears /tmp of old files shall leave it
        return descriptor

    def close(self) -> None:
        """Files that were opened stay open."""
        os.close(self._descriptor)

    def _make(self, name: str) -> int:
        try:
            flags = _OPEN | os.O_CREAT | os.O_EXCL
            descriptor = os.open(name, flags, 0o600, dir_fd=self._descriptor)
        except FileExistsError:  # another process was faster
            return os.open(name, _OPEN, dir_fd=self._descriptor)
        with suppress(OSError):
            os.fchmod(descriptor, os.fstat(self._descriptor).st_mode & 0o666)
        return descriptor


def _base(bases: Sequence[Path]) -> Path:
    for base in bases:
        if base.is_dir() and os.access(base, os.W_OK | os.X_OK):
            return base
    places = " nor ".join(map(str, bases))
    raise NoPlaceError(
        f"neither {places} can be written to: set {VARIABLE} to a directory that can"
    )
