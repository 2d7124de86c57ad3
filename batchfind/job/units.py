"""Durations and byte counts as a job writes them."""

from __future__ import annotations

import re
from typing import Final

SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES: Final = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_SIZE: Final = re.compile(r"([0-9]{1,15}) ?(|KiB|MiB|GiB)")


def seconds(text: str) -> float | None:
    """A duration in seconds.

    Args:
        text: `<n>ms`, `<n>s`, `<n>m`, `<n>h`, `<n>d` with at most nine digits, or
            `none`.

    Returns:
        Seconds, 0 or more; None for `none`.

    Raises:
        ValueError: for any other text.
    """
    if text == "none":
        return None
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write 500ms, 30s, 5m, 1h or 2d")
    count, unit = int(found[1]), found[2]
    return count / 1000 if unit == "ms" else count * SECONDS[unit]


def size(text: str) -> int:
    """A number of bytes.

    Args:
        text: `<n>`, `<n>KiB`, `<n>MiB` or `<n>GiB`.

    Returns:
        Bytes, 0 or more.

    Raises:
        ValueError: for any other text.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is no byte count; write 16384, 64KiB, 16MiB or 1GiB"
        )
    return int(found[1]) * BYTES[found[2]]
