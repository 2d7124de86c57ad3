"""What a command prints when it runs within the process of a test."""

from __future__ import annotations

import io
import sys
from typing import Self


class Streams:
    """Takes what is printed meanwhile, byte by byte.

    Attributes:
        stdout, stderr: once it is over.
    """

    def __init__(self) -> None:
        self.stdout = self.stderr = b""
        self._kept = (io.BytesIO(), io.BytesIO())
        self._before = (sys.stdout, sys.stderr)

    def __enter__(self) -> Self:
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(kept, "utf-8", "surrogateescape", write_through=True)
            for kept in self._kept
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout, self.stderr = (kept.getvalue() for kept in self._kept)
        sys.stdout, sys.stderr = self._before
