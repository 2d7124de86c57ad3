"""An Identifier as a value: elements in ascending tag order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Element:
    """One attribute of an Identifier.

    Attributes:
        tag: 0xGGGGEEEE.
        vr: two-letter value representation.
        value: text (several values joined by a backslash, numbers in decimal, AT
            as eight hexadecimal digits), raw bytes for OB OW OF OD OL OV UN, or
            the items of a sequence.
    """

    tag: int
    vr: str
    value: str | bytes | tuple[Identifier, ...]


Identifier: TypeAlias = tuple[Element, ...]
