"""A lock that the kernel releases when its holder dies, however it dies."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from batchfind.errors import StateError, StorageError

_TEXT_BYTES: Final = 1024
_HELD: Final = frozenset({errno.EAGAIN, errno.EACCES})
_NO_FILE: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})


@dataclass(slots=True)
class Lock:
    """A file held with flock; its text says who holds it, for people only.

    The file stays when the lock is released: deleting it would let two processes
    hold locks on two files of one name.
    """

    path: Path
    _descriptor: int | None

    @classmethod
    def acquire(cls, path: Path, what: str) -> Lock:
        """Takes the lock at once or not at all.

        Args:
            path: of the lock file, made with mode 0600 when it is missing.
            what: what is locked, for the message, such as `job nightly`.

        Returns:
            The lock, held until `release` or the end of the process.

        Raises:
            StateError: another process holds it (`locked` is true).
            StorageError: the file cannot be made, or cannot be locked at all.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise _not_a_file(path) from error
            raise StorageError(
                f"{path}: the lock file cannot be made ({error.strerror}): check "
                "owner, mode and space of its directory, then try again"
            ) from error
        try:
            _hold(descriptor, path, what)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    def release(self) -> None:
        """Lets go; doing it again does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def holder_of(path: Path) -> str | None:
    """Who holds a lock now, in words; None when nobody does or it does not exist.

    The shared lock taken to find out is given back at once.
    """
    try:
        # A pipe in its place would be waited for.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return _holder(descriptor) if error.errno in _HELD else None
    finally:
        os.close(descriptor)
    return None


def _not_a_file(path: Path) -> StorageError:
    return StorageError(
        f"{path}: a link, a pipe or a folder stands in the place of the lock file: "
        "remove it"
    )


def _hold(descriptor: int, path: Path, what: str) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise _not_a_file(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise StateError(
                f"{what} is in use by {_holder(descriptor)}: wait until that ends, or "
                f"stop it ({path})",
                locked=True,
            ) from None
        raise StorageError(
            f"{path}: this file system cannot lock ({error.strerror}): put run.dir "
            "on a local disk"
        ) from error
    text = {
        "pid": os.getpid(),
        "host": platform.node(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(text).encode() + b"\n", 0)
    except OSError as error:
        raise StorageError(
            f"{path}: it cannot be written ({error.strerror}): check the disk and its "
            "space, then try again"
        ) from error


def _holder(descriptor: int) -> str:
    """The holder as its text names it; the text is never trusted to be there."""
    try:
        text = json.loads(os.pread(descriptor, _TEXT_BYTES, 0))
        return (
            f"process {int(text['pid'])} on {text['host']!s:.80} "
            f"since {text['started']!s:.40}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
