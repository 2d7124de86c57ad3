"""Names a user may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

_MOST: Final = 1000
"""Names compared; a longer list is data, and comparing it takes seconds."""


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the name nearest to a text, or nothing.

    Args:
        text: what was written.
        names: what could have been written.

    Returns:
        A phrase to append to a message, with its leading blank; empty when no name
        is near enough.
    """
    by_folded = {name.casefold(): name for name in islice(names, _MOST)}
    folded = text.strip().casefold().replace(" ", "_")
    near = difflib.get_close_matches(folded[:64], by_folded, n=1, cutoff=0.6)
    return f" (did you mean '{by_folded[near[0]]}'?)" if near else ""
