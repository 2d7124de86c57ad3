"""What a writer may ask of the place its files go to."""

from __future__ import annotations

from typing import BinaryIO, Protocol


class Destination(Protocol):
    """Where the files of one output are written.

    Behind it is staging: a writer sees open files, never paths. What it opened and
    left open is closed when the output is.
    """

    def file(self) -> BinaryIO:
        """The file of an output that is one file; the same at every call.

        It can be written to, told and flushed; it cannot seek.
        """
        ...

    def child(self, name: str, rows: int = 1) -> BinaryIO:
        """A new file of an output that is a directory.

        Close it as soon as it is whole: only so many files may be open at once.

        Args:
            name: relative, folders separated by `/`; what could lead out of the
                directory or cannot be a file name somewhere is percent-encoded, and
                a name that is taken gets a number.
            rows: rows, or responses, it will hold.
        """
        ...

    def put(self, name: str, data: bytes) -> None:
        """A new file with all its bytes, that holds one response.

        Args:
            name: as for `child`.
            data: of the whole file.
        """
        ...
