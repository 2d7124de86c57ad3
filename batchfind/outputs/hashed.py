"""A binary file that knows size and digest of what was written to it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from types import TracebackType
from typing import BinaryIO, Self


class HashedFile:
    """What a writer needs of a file, and the digest of all of it.

    Attributes:
        size: bytes written so far.
    """

    def __init__(
        self, file: BinaryIO, closed: Callable[[HashedFile], None] | None = None
    ) -> None:
        """Takes over an open file.

        Args:
            file: open for writing, at its beginning.
            closed: called once, before the file is closed.
        """
        self._file = file
        self._closed = closed
        self._digest = hashlib.sha256()
        self.size = 0

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
        self.close()

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._file.closed

    @property
    def sha256(self) -> str:
        """Digest of what was written so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def readable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never: the digest follows the order of writing."""
        return False

    def write(self, data: bytes) -> int:
        """Append bytes; how many they are."""
        self._file.write(data)
        self._digest.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def tell(self) -> int:
        """Position of the next byte."""
        return self.size

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def sync(self) -> None:
        """Have everything on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        told, self._closed = self._closed, None
        try:
            if told is not None:
                told(self)
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file without telling anybody."""
        self._closed = None
        self._file.close()
