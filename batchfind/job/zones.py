"""What a text that names no time zone was probably meant to be."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import available_timezones

from batchfind.job.suggest import did_you_mean

_REGION: Final = re.compile(r"(?!Etc/|SystemV/|US/|posix/|right/)[A-Za-z_]+/")


def zone_hint(text: str) -> str:
    """A phrase to append to "is no IANA time zone", with its leading blank or mark.

    An abbreviation such as CEST or an offset such as GMT+1 is never guessed at: it
    means several places, and the zone that looks most like it may be the opposite.

    >>> zone_hint("berlin")
    " (did you mean 'Europe/Berlin'?)"
    >>> zone_hint("MEZ")
    '; write Region/City, such as Europe/Berlin'
    """
    folded = text.strip().casefold().replace(" ", "_")
    if folded in {"utc", "z", "zulu", "gmt"}:
        return " (did you mean 'UTC'?)"
    zones = [zone for zone in available_timezones() if _REGION.match(zone)]
    if "/" in folded:
        meant = did_you_mean(text, zones)
    else:
        same = (zone for zone in zones if zone.casefold().endswith(f"/{folded}"))
        city = min(same, default="")
        meant = f" (did you mean '{city}'?)" if city else ""
    return meant or "; write Region/City, such as Europe/Berlin"
