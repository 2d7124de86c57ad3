"""Memory that goes back to the system as soon as it is free."""

from __future__ import annotations

import ctypes
from typing import Final

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""M_MMAP_THRESHOLD and M_ARENA_MAX of glibc's malloc.h."""

_LARGE: Final = 4 << 20
"""Bytes of a block that is returned when it is freed. Usual work hardly has any."""


def return_large_blocks() -> None:
    """Has large blocks returned to the system when they are freed.

    By default glibc stops doing so for blocks of up to 32 MiB as soon as one of them
    was freed: what one large response took would stay taken for the rest of the run.
    And every thread would keep freed memory of its own; there are few, and they take
    turns anyhow.

    It is for our own commands. Elsewhere than in glibc nothing happens.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_ARENA_MAX, 1)
    except (AttributeError, OSError, TypeError):  # another C library, or none
        return
