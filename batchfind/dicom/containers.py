"""What a walk over a data set is in: its encoding, and the containers around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

from batchfind.dicom import dictionary
from batchfind.dicom.raw import Items, RawElement, Sized

UNDEFINED: Final = 0xFFFFFFFF


_Unpack = Callable[[bytes, int], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How headers are read; each function takes the data and an offset.

    Attributes:
        header: group, element, VR, 16-bit length of explicit VR.
        item: group, element, 32-bit length: items, and all of Implicit VR.
        length: one 32-bit length.
    """

    implicit: bool
    big_endian: bool
    header: _Unpack
    item: _Unpack
    length: _Unpack


def _encoding(order: str, *, implicit: bool) -> Encoding:
    return Encoding(
        implicit,
        order == ">",
        Struct(order + "HH2sH").unpack_from,
        Struct(order + "HHL").unpack_from,
        Struct(order + "L").unpack_from,
    )


IMPLICIT_LITTLE: Final = _encoding("<", implicit=True)
EXPLICIT_LITTLE: Final = _encoding("<", implicit=False)
EXPLICIT_BIG: Final = _encoding(">", implicit=False)


class Container:
    """A data set, item or sequence that is being read.

    Attributes:
        end: offset it must not pass; of the enclosing one when undefined.
        undefined: its length is undefined, so that a delimiter ends it.
    """

    __slots__ = ("encoding", "end", "undefined")

    def __init__(self, encoding: Encoding, end: int, *, undefined: bool) -> None:
        self.encoding = encoding
        self.end = end
        self.undefined = undefined


class DataSet(Container):
    __slots__ = ("creators", "elements", "searched")

    def __init__(self, encoding: Encoding, end: int, length: int) -> None:
        undefined = length == UNDEFINED
        super().__init__(encoding, end, undefined=undefined)
        self.elements: list[RawElement] = Sized(None if undefined else length)
        self.creators: dict[int, str] = {}
        self.searched = 0

    def creator_of(self, tag: int) -> str | None:
        """The private creator of a tag's block, among the elements read so far.

        Each element is looked at once, however many private ones ask: a peer decides
        how many there are.
        """
        elements = self.elements
        for index in range(self.searched, len(elements)):
            found, _, value = elements[index]
            if dictionary.is_private_creator(found) and isinstance(value, bytes):
                self.note_creator(found, value)
        self.searched = len(elements)
        return self.creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF)

    def note_creator(self, tag: int, value: bytes) -> None:
        """Keeps the name of a private creator."""
        name = value.decode("ascii", "replace").strip(" \0")
        self.creators[tag >> 16 << 8 | tag & 0xFF] = name


class Sequence(Container):
    __slots__ = ("items",)

    def __init__(self, encoding: Encoding, end: int, length: int) -> None:
        undefined = length == UNDEFINED
        super().__init__(encoding, end, undefined=undefined)
        self.items: Items = Sized(None if undefined else length)
