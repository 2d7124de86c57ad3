"""Numbered locks that the processes of one host exclude each other by.

The kernel frees them when their owner dies, however it dies. No call ever waits.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from typing import Final, Protocol

from batchfind.execution.lock_place import LockPlace

_HELD: Final = frozenset({errno.EAGAIN, errno.EACCES})
#: struct flock: type, whence, start, length, process; padded as C does.
_FLOCK: Final = struct.Struct("@hhqqi0q")
_NAME: Final = "seats"


class ByteLocks(Protocol):
    """Locks by number, 0 up to 2^62."""

    def hold(self, at: int) -> bool:
        """Takes a lock that is not held here; False when another owner has it."""
        ...

    def free(self, at: int) -> None:
        """Lets a lock go that is held here."""
        ...

    def taken(self, at: int) -> bool:
        """Whether another owner has a lock; one held here is not asked about."""
        ...

    def close(self) -> None:
        """Lets all go."""
        ...


class RangeLocks:
    """Bytes of one empty file, locked for its open file description.

    Such locks exclude two runs in one process, too, and need one descriptor however
    many there are. A child made by fork() without exec() shares them.
    """

    def __init__(self, place: LockPlace) -> None:
        """Holds none.

        Raises:
            OSError: the file cannot be opened, or is something else.
        """
        self._descriptor = place.open(_NAME)

    def hold(self, at: int) -> bool:
        """As the protocol says."""
        try:
            self._set(fcntl.F_WRLCK, at)
        except OSError as error:
            if error.errno in _HELD:
                return False
            raise
        return True

    def free(self, at: int) -> None:
        """As the protocol says."""
        self._set(fcntl.F_UNLCK, at)

    def taken(self, at: int) -> bool:
        """As the protocol says."""
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0)
        told = fcntl.fcntl(self._descriptor, fcntl.F_OFD_GETLK, asked)
        return bool(_FLOCK.unpack(told)[0] != fcntl.F_UNLCK)

    def close(self) -> None:
        """As the protocol says."""
        os.close(self._descriptor)

    def _set(self, kind: int, at: int) -> None:
        wanted = _FLOCK.pack(kind, os.SEEK_SET, at, 1, 0)
        fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)


class FileLocks:
    """A small file for each lock, held with flock: where bytes cannot be locked so."""

    def __init__(self, place: LockPlace) -> None:
        """Holds none."""
        self._place = place
        self._held: dict[int, int] = {}

    def hold(self, at: int) -> bool:
        """As the protocol says."""
        descriptor = self._try(at, fcntl.LOCK_EX)
        if descriptor is not None:
            self._held[at] = descriptor
        return descriptor is not None

    def free(self, at: int) -> None:
        """As the protocol says."""
        os.close(self._held.pop(at))

    def taken(self, at: int) -> bool:
        """As the protocol says; two that ask at once do not take each other for it."""
        descriptor = self._try(at, fcntl.LOCK_SH)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is None

    def close(self) -> None:
        """As the protocol says."""
        for at in tuple(self._held):
            self.free(at)

    def _try(self, at: int, kind: int) -> int | None:
        descriptor = self._place.open(f"{_NAME}-{at:015x}")
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                return None
            raise
        return descriptor


def byte_locks(place: LockPlace) -> ByteLocks:
    """The kind of locks this platform has.

    Raises:
        OSError: the place holds no file to lock.
    """
    if hasattr(fcntl, "F_OFD_SETLK"):
        return RangeLocks(place)
    return FileLocks(place)
