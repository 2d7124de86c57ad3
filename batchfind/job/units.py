"""Durations, byte counts and rates as a job writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES: Final = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([smh])")
_SIZE: Final = re.compile(r"([0-9]{1,15}) ?(|KiB|MiB|GiB)")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of something in a unit of time.

    Attributes:
        count: 1 or more.
        unit: `s`, `m` or `h`.
    """

    count: int
    unit: str

    @property
    def interval(self) -> float:
        """Seconds from one to the next."""
        return SECONDS[self.unit] / self.count

    def __str__(self) -> str:
        """As a job writes it."""
        return f"{self.count}/{self.unit}"


def rate(text: str) -> Rate | None:
    """A rate.

    Args:
        text: `<n>/s`, `<n>/m` or `<n>/h` with 1 to 9 digits, or `none`.

    Returns:
        The rate; None for `none`.

    Raises:
        ValueError: for any other text.
    """
    if text == "none":
        return None
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate; write 2/s, 30/m or 500/h")
    return Rate(int(found[1]), found[2])


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
