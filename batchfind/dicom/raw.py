"""A decoded element as the scalar decoder hands it out, and what decoding may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

_T = TypeVar("_T")


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


class Sized(list[_T]):
    """The items of a sequence, or the elements of an item, as they were encoded.

    Attributes:
        length: bytes its value field announced; None when that was undefined.
    """

    __slots__ = ("length",)

    def __init__(self, length: int | None) -> None:
        super().__init__()
        self.length = length


def announced_length(within: Items | list[RawElement]) -> int | None:
    """What a sequence or an item announced as its length in bytes.

    Args:
        within: items or elements, as `scalar.decode` hands them out.

    Returns:
        None for undefined length.

    Source: PS3.5 Section 7.5.
    """
    return within.length if isinstance(within, Sized) else None


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
