"""Raw values of one attribute, one an entry, wherever they stand in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

IntVec: TypeAlias = npt.NDArray[np.int64]
BoolVec: TypeAlias = npt.NDArray[np.bool_]

_PADDING = " \0"
_SPACE = 0x20


@dataclass(frozen=True, slots=True)
class Span:
    """Values that stand in one piece of memory.

    Attributes:
        memory: pyarrow buffer.
        begin: where each value begins.
        length: its bytes, 0 where absent.
        present: whether it is there.
    """

    memory: pa.Buffer
    begin: IntVec
    length: IntVec
    present: BoolVec

    def binary(self) -> pa.Array:
        """The values as a pyarrow binary array."""
        return self._array(self.begin, self.length)

    def trimmed(self, *, left: bool) -> pa.Array:
        """The values as a string array without padding, not checked to be text."""
        memory = np.frombuffer(self.memory, np.uint8)
        if not len(memory):
            return self.binary().view(pa.string())
        begin = self.begin
        length, more = _trimmed_right(memory, begin, self.length)
        if left:
            begin, length, more_left = _trimmed_left(memory, begin, length)
            more |= more_left
        array = self._array(begin, length).view(pa.string())
        # One byte a side is usual; whoever pads with more is left to Arrow.
        return trimmed(array, left=left) if more else array

    def without_nul(self) -> pa.Array:
        """The values as a string array, without one NUL at the end of each."""
        if not len(memory := np.frombuffer(self.memory, np.uint8)):
            return self.binary().view(pa.string())
        last = memory.take(self.begin + self.length - 1, mode="clip")
        length = self.length - ((last == 0) & (self.length != 0))
        return self._array(self.begin, length).view(pa.string())

    def _array(self, begin: IntVec, length: IntVec) -> pa.Array:
        """The values in a buffer of their own, by one take and nothing per value."""
        count = len(begin)
        # Values and the gaps between them, in turn; the gaps are never taken.
        offsets = np.empty(2 * count + 1, np.int32)
        offsets[0:-1:2] = begin
        np.add(begin, length, out=offsets[1::2], casting="unsafe")
        offsets[-1] = offsets[-2] if count else 0
        whole = pa.Array.from_buffers(
            pa.binary(), 2 * count, [None, pa.py_buffer(offsets), self.memory]
        )
        array = whole.take(pa.array(np.arange(0, 2 * count, 2)))
        if self.present.all():
            return array
        bits = np.packbits(self.present, bitorder="little")
        _, places, data = array.buffers()
        return pa.Array.from_buffers(
            pa.binary(), count, [pa.py_buffer(bits), places, data]
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of one attribute in a level.

    Attributes:
        spans: at least one.
        order: for each entry, the position of its value in all spans together; None
            when they stand in the order of the entries.
    """

    spans: tuple[Span, ...]
    order: IntVec | None = None

    def binary(self) -> pa.Array:
        """Raw values as a binary array; null is absent or odd."""
        return self._joined([span.binary() for span in self.spans])

    def trimmed(self, *, left: bool) -> pa.Array:
        """Raw values as a string array without padding, not checked to be text.

        Args:
            left: leading spaces are padding too.
        """
        return self._joined([span.trimmed(left=left) for span in self.spans])

    def _joined(self, arrays: list[pa.Array]) -> pa.Array:
        array = arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays)
        return array if self.order is None else array.take(pa.array(self.order))


def cells_of(values: Sequence[bytes | str | None]) -> Cells:
    """Cells of values given one by one; text stands for its UTF-8."""
    array = pa.array(values, pa.binary())
    _, places, data = array.buffers()
    offsets = np.frombuffer(places, np.int32, len(array) + 1).astype(np.int64)
    present = np.array([value is not None for value in values], np.bool_)
    memory = pa.py_buffer(b"") if data is None else data
    return Cells((Span(memory, offsets[:-1], np.diff(offsets), present),))


def joined(every: Sequence[Cells], order: IntVec) -> Cells:
    """Cells of several levels as those of one.

    Args:
        every: none with an order of its own.
        order: position of each entry's value in all of them together.
    """
    return Cells(tuple(span for cells in every for span in cells.spans), order)


def contents(
    array: pa.Array,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets and bytes of a string or binary array, from its first value on."""
    _, places, data = array.buffers()
    count = len(array) + 1
    if places is None or data is None:
        return np.zeros(count, np.int32), np.zeros(0, np.uint8)
    offsets = np.frombuffer(places, np.int32)[array.offset : array.offset + count]
    memory = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    return offsets - offsets[0], memory


def holders(
    offsets: npt.NDArray[np.int32], positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The values that hold these bytes, one for each byte."""
    return np.searchsorted(offsets, positions, side="right") - 1


def trimmed(array: pa.Array, *, left: bool) -> pa.Array:
    """A string array without padding.

    Args:
        array: of strings that need not be valid text.
        left: leading spaces are padding too.
    """
    array = pc.ascii_rtrim(array, characters=_PADDING)
    return pc.ascii_ltrim(array, characters=" ") if left else array


def _trimmed_right(
    memory: npt.NDArray[np.uint8], begin: IntVec, length: IntVec
) -> tuple[IntVec, bool]:
    """Lengths without a padding byte at the end, and whether more may be left."""
    padded = _is_padding(memory, begin + length - 1) & (length != 0)
    if not padded.any():
        return length, False
    length = length - padded
    where = np.flatnonzero(padded & (length != 0))
    last = begin[where] + length[where] - 1
    return length, bool(_is_padding(memory, last).any())


def _is_padding(memory: npt.NDArray[np.uint8], at: IntVec) -> BoolVec:
    """Whether a space or NUL stands at these offsets; they differ in one bit."""
    padding: BoolVec = memory.take(at, mode="clip") & np.uint8(0xFF ^ _SPACE) == 0
    return padding


def _trimmed_left(
    memory: npt.NDArray[np.uint8], begin: IntVec, length: IntVec
) -> tuple[IntVec, IntVec, bool]:
    """Extents without a space at the front, and whether more may be left."""
    padded = (memory.take(begin, mode="clip") == _SPACE) & (length != 0)
    if not padded.any():
        return begin, length, False
    return begin + padded, length - padded, True
