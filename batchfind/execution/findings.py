"""What reading a request's responses found out, for its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the finishing pass found in a request's responses.

    Attributes:
        defects: responses that could not be decoded, by kind.
        replaced: bytes that became U+FFFD.
        warnings: what was wrong with character sets.
        returned: unique key values that came back, for requests with a batch.
        read: responses that were looked at for what follows.
        absent: dotted paths of matching keys that no response holds, though there
            are responses.
        reserved: responses with status FF01: the peer says that it does not support
            some optional key.
        mismatches: responses that do not match a key they were asked by.
        dropped: how many of them were left out.
        merged: responses for which an equal one of the family stands.
        conflicts: rows of equal identity and different content.
        unset: of a request of a splitting query: responses with a date and an empty
            or absent time.
        lost: of a request that was cut: responses with a value in the key it was cut
            by, that came back in none of its pieces.
        added: of a request that was cut: rows of its pieces that it did not bring.
        contradicted: dotted paths of matching keys that some response contradicts.
    """

    defects: Mapping[str, int] = field(default_factory=dict)
    replaced: int = 0
    warnings: tuple[str, ...] = ()
    returned: frozenset[str] = frozenset()
    read: int = 0
    absent: tuple[str, ...] = ()
    reserved: int = 0
    mismatches: int = 0
    dropped: int = 0
    merged: int = 0
    conflicts: int = 0
    unset: int = 0
    lost: int = 0
    added: int = 0
    contradicted: tuple[str, ...] = ()


#: Of rows that were not read, or in which there is nothing to find.
NOTHING_FOUND: Final = Findings()
