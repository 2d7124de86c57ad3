"""Element headers of many Identifiers, read at once out of one payload.

A header's first eight bytes are one unaligned 64-bit word. Its *key* holds the tag
above the two bytes that follow it, so that keys ascend as tags do, and equal keys
mean the same tag with the same VR.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from batchfind.dicom.columnar.model import IntVec
from batchfind.dicom.vrs import LONG_FORM, SHORT_FORM

WordVec: TypeAlias = npt.NDArray[np.uint64]

UNDEFINED: Final = 0xFFFFFFFF
FIRST_ITEM_KEY: Final = 0xFFFE0000 << 16
ITEM: Final = 0xFFFEE000
ITEM_END_KEY: Final = 0xFFFEE00D << 16
SEQUENCE_END: Final = 0xFFFEE0DD
DONE: Final = (1 << 64) - 1
"""Stands for the key of an entry that has no further element."""


_16, _32, _48 = np.uint64(16), np.uint64(32), np.uint64(48)
_LOW_16, _LOW_32 = np.uint64(0xFFFF), np.uint64(0xFFFFFFFF)
_LOW_48 = np.uint64(0xFFFFFFFFFFFF)
_HIGH_16 = np.uint64(0xFFFF0000)


class Headers:
    """The headers of a payload in one encoding.

    Attributes:
        implicit: no VR is sent; keys end in zeros.
        vrs: VR by the two bytes of a key, in explicit VR.
    """

    __slots__ = ("_big_endian", "_key_bits", "_lengths", "_words", "implicit", "vrs")

    def __init__(self, payload: bytes, *, big_endian: bool, implicit: bool) -> None:
        order = ">" if big_endian else "<"
        self.implicit = implicit
        self._big_endian = big_endian
        self._key_bits = _LOW_32 if implicit else _LOW_48
        self._words = _unaligned(payload, f"{order}u8")
        self._lengths = _unaligned(payload, f"{order}u4")
        two_bytes = Struct(f"{order}H")
        self.vrs = {
            two_bytes.unpack(vr.encode())[0]: vr for vr in SHORT_FORM | LONG_FORM
        }

    def words(self, at: IntVec) -> WordVec:
        """The first eight bytes of each header; all have to be in the payload."""
        return self._words[at].astype(np.uint64, copy=False)

    def keys(self, words: WordVec) -> WordVec:
        """The key of each header."""
        if self._big_endian:
            return words >> _16
        # Most often all are on the same attribute.
        same = len(words) > 1 and not ((words ^ words[0]) & self._key_bits).any()
        different = words[:1] if same else words
        keys = (different & _LOW_16) << _32 | different & _HIGH_16
        if not self.implicit:
            keys |= different >> _32 & _LOW_16
        return np.full(len(words), keys[0]) if same else keys

    def short_lengths(self, words: WordVec) -> IntVec:
        """Lengths of 16 bits, as explicit VR has them behind a VR of short form."""
        lengths = words & _LOW_16 if self._big_endian else words >> _48
        return lengths.view(np.int64)

    def long_lengths(self, words: WordVec) -> IntVec:
        """Lengths of 32 bits directly after the tag: Implicit VR, and items."""
        lengths = words & _LOW_32 if self._big_endian else words >> _32
        return lengths.view(np.int64)

    def lengths_at(self, at: IntVec) -> IntVec:
        """Lengths of 32 bits at these offsets; all have to be in the payload."""
        return self._lengths[at].astype(np.int64)


def _unaligned(payload: bytes, code: str) -> npt.NDArray[np.unsignedinteger]:
    """A number at every offset, without copying a byte."""
    dtype = np.dtype(code)
    count = max(0, len(payload) - dtype.itemsize + 1)
    # ndarray refuses an empty buffer even for no elements.
    return np.ndarray((count,), dtype, payload or b"\0", strides=(1,))
