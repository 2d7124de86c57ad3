"""The run that publishes, as its outputs remember it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_TIME_IN_NAME: Final = re.compile(
    r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2}\.\d{6})Z-"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """The run that publishes.

    Attributes:
        run_id: its name.
        started: when it began: UTC, ISO 8601 with microseconds; empty when unknown.
        guarded: what a newer run has published is not replaced.
    """

    run_id: str
    started: str
    guarded: bool = False


def publisher_of(
    run_id: str, meta: Mapping[str, str], *, guarded: bool = False
) -> Publisher:
    """The run of a capture as the one that publishes.

    Args:
        run_id: name of its directory.
        meta: of its capture.
        guarded: what a newer run has published is not replaced.
    """
    started = meta.get("started", "")
    if not started and (named := _TIME_IN_NAME.match(run_id)):
        year, month, day, hour, minute, second = named.groups()
        started = f"{year}-{month}-{day}T{hour}:{minute}:{second}+00:00"
    return Publisher(run_id=run_id, started=started, guarded=guarded)
