"""Many values of one attribute as text at once, where nothing has to be decoded.

Which values those are depends on the format: each has bytes that it escapes, or that
separate parts of a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batchfind.outputs.text_parts import Parts
from batchfind.tables.cells import IntVec, Span, contents, holders
from batchfind.tables.text import STRIPPED_LEFT

Strange: TypeAlias = npt.NDArray[np.bool_]
"""For each byte, whether it may not stand for itself."""

_BACKSLASH: Final = 0x5C
_FIRST, _END = 0x20, 0x7E


@dataclass(frozen=True, slots=True)
class PlainColumn:
    """One attribute of many data sets as text.

    Attributes:
        parts: of the texts, one of them for each value.
        unusual: positions of values that are not told right here, ascending.
        foreign: what stands around the values is beyond ASCII.
    """

    parts: Parts
    unusual: IntVec
    foreign: bool = False


def strange_bytes(special: str) -> Strange:
    """Bytes that may not stand for themselves in a format.

    Control characters and what differs between character sets are always among them.

    Args:
        special: further characters.
    """
    strange = np.ones(256, np.bool_)
    strange[_FIRST:_END] = False
    strange[[ord(one) for one in special]] = True
    return strange


def plain_texts(span: Span, vr: str) -> pa.Array:
    """Values without padding, as if nothing had to be decoded.

    Args:
        span: all present.
        vr: one of the string VRs.
    """
    return span.trimmed(left=vr in STRIPPED_LEFT)


def entries_with(texts: pa.Array, strange: Strange) -> IntVec:
    """Positions of the texts that hold one of these bytes, ascending."""
    offsets, data = contents(texts)
    # One byte after another would be looked up for nothing: nearly all are plain.
    usual = np.flatnonzero(~strange).astype(np.uint8).tobytes()
    if not data.tobytes().translate(None, usual):
        return np.zeros(0, np.int64)
    return np.unique(holders(offsets, np.flatnonzero(strange[data])))


def backslashes(texts: pa.Array) -> IntVec:
    """The texts that hold a backslash, once for each of it."""
    offsets, data = contents(texts)
    return holders(offsets, np.flatnonzero(data == _BACKSLASH))


def wrapped(texts: pa.Array, full: tuple[str, str], empty: str) -> Parts:
    """Texts between two constant ones, and another text where one is empty."""
    is_empty = np.diff(contents(texts)[0]) == 0
    if not is_empty.any():
        return full[0], texts, full[1]
    which = pa.array(is_empty.astype(np.int64))
    heads, tails = pa.array([full[0], empty]), pa.array([full[1], ""])
    return heads.take(which), texts, tails.take(which)
