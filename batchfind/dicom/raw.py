"""A decoded element as the scalar decoder hands it out, and what decoding may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class RawElement(NamedTuple):
    """One attribute as received; a tuple, because it is made by the million.

    Attributes:
        tag: 0xGGGGEEEE.
        vr: as sent; in Implicit VR from the dictionary. SQ whenever the value is
            a list of items.
        value: the value field with its padding, or the items of a sequence.
    """

    tag: int
    vr: str
    value: bytes | Items


Items: TypeAlias = "list[list[RawElement]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What one Identifier may cost.

    Attributes:
        elements: elements and items at all depths.
        depth: sequences within sequences.
        values: values of one element.
        value_bytes: length of one value field in bytes.
        data_set_bytes: length of the data set in bytes, on the wire and inflated.
    """

    elements: int = 20_000
    depth: int = 64
    values: int = 10_000
    value_bytes: int = 1 << 20
    data_set_bytes: int = 16 << 20
