"""A decoded element as the scalar decoder hands it out, and what decoding may cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from batchfind.dicom.paths import Step


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


def tag_in(elements: Iterable[RawElement], step: Step) -> int | None:
    """The tag that a step of a key path has in one received data set.

    A private element's block is the one its creator reserved there, whatever block
    was asked for.

    Returns:
        The step's own tag unless it names a creator; None when that creator has
        reserved no block.

    Source: PS3.5 Section 7.8.1.
    """
    if step.creator is None:
        return step.tag
    creator = step.creator.encode("utf-8", "replace")
    for tag, _, value in elements:
        reserves = tag >> 16 == step.tag >> 16 and 0x10 <= tag & 0xFFFF <= 0xFF
        if reserves and isinstance(value, bytes) and value.strip(b" \0") == creator:
            return step.tag & 0xFFFF00FF | (tag & 0xFF) << 8
    return None
