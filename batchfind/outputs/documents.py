"""What the formats of documents share: responses one by one, as text in Unicode.

A document's text is Unicode whatever character set a peer used, so (0008,0005) must
not go on naming that one. In a data set or an item it becomes ISO_IR 192 if it holds
a value or stands beside text beyond ASCII. A data set without it that holds such
text gets it; an item inherits it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, TypeAlias

from batchfind.dicom import dictionary, scalar, values
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.correction import corrected
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import Items, RawElement, announced_length
from batchfind.errors import IdentifierDefect
from batchfind.outputs.plain_text import PlainColumn
from batchfind.tables.cells import Span
from batchfind.tables.dicom_json import LONGEST_REMEMBERED
from batchfind.tables.reading import RESPONSE_LIMITS, SPECIFIC_CHARACTER_SET, Reading
from batchfind.tables.slabs import Origin, Slab

UNICODE: Final = b"ISO_IR 192"
"""What text in Unicode says of its character set."""

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Response:
    """One response as it came.

    Attributes:
        index: within its request, from 0, as in the column `bf_response`.
        payload: its encoded Identifier.
    """

    origin: Origin
    index: int
    payload: bytes


class FirstOfEach:
    """The first responses of each request, its pieces included."""

    def __init__(self, limit: int | None) -> None:
        """With so many responses of one request at most, or None for all."""
        self._limit = limit
        self._counts: Counter[str] = Counter()

    def of(self, slab: Slab) -> Slab:
        """The responses of the next slab that an output holds; perhaps none."""
        if self._limit is None:
            return slab
        parts = []
        for part in slab.parts:
            root, count = part.origin.root, len(part.ends)
            free = min(self._limit - self._counts[root], count)
            self._counts[root] += count
            if free > 0:
                parts.append(part.cut(0, free))
        return Slab(tuple(parts))


def responses(slab: Slab) -> Iterator[Response]:
    """The responses of a slab in order."""
    for part in slab.parts:
        for index, payload in enumerate(part.identifiers(), part.first):
            yield Response(part.origin, index, payload)


class Context(NamedTuple):
    """How the values of a data set or item are to be read."""

    sets: CharacterSets
    big_endian: bool


_Key: TypeAlias = tuple[int, str, bytes, str, int]
"""Tag, VR, value field, private creator and identity of the character sets."""

Frame: TypeAlias = tuple[str, str]
"""What stands before and after the attributes of a data set or item, or the items."""


class DataSetText(ABC):
    """Renders data sets in one format, each distinct attribute of a request once.

    Attributes:
        separator: stands between two attributes, and between two items.
    """

    separator: ClassVar[str] = ""

    def __init__(self) -> None:
        self._origin: Origin | None = None
        self._reading: Reading
        # The sets are held as well: their identity is part of the key.
        self._known: dict[_Key, tuple[CharacterSets, str]] = {}

    def data_set(self, response: Response) -> str:
        """A response, which is empty when it cannot be decoded.

        Source: PS3.3 Section C.12.1.1.2 for the character sets.
        """
        origin = response.origin
        self.read_as(origin)
        begin, end = self.data_set_frame(origin)
        try:
            elements = scalar.decode(
                response.payload,
                origin.transfer_syntax,
                limits=RESPONSE_LIMITS,
                known=origin.dictionary,
            )
        except IdentifierDefect as defect:
            return begin + self.apology(defect) + end
        parts = self._parts(elements, self._reading.default, is_item=False)
        return begin + self.separator.join(parts) + end

    def read_as(self, origin: Origin) -> None:
        """From now on values are those of this request's responses."""
        if origin is not self._origin:
            self._origin, self._reading = origin, Reading(origin)
            self._known.clear()

    @property
    def dictionary(self) -> Dictionary:
        """What the plan knows of attributes."""
        return STANDARD if self._origin is None else self._origin.dictionary

    def mended(self, vr: str, raw: bytes) -> bytes:
        """A value field, corrected where its query asks for that."""
        correction = self._origin is not None and self._origin.correction
        return corrected(vr, raw) if correction else raw

    @abstractmethod
    def data_set_frame(self, origin: Origin) -> Frame:
        """What stands around the attributes of a response."""

    @abstractmethod
    def sequence_frame(
        self, tag: int, count: int, length: int | None, owner: str
    ) -> Frame:
        """What stands around the items of a sequence.

        Args:
            tag: 0xGGGGEEEE.
            count: of its items.
            length: in bytes as announced; None for undefined length.
            owner: private creator that reserved its block, else empty.
        """

    @abstractmethod
    def item_frame(self, number: int, count: int, length: int | None) -> Frame:
        """What stands around the attributes of an item.

        Args:
            number: from 1.
            count: of its attributes.
            length: in bytes as announced; None for undefined length.
        """

    @abstractmethod
    def leaf(self, tag: int, vr: str, raw: bytes, owner: str, context: Context) -> str:
        """An attribute that is no sequence.

        Args:
            tag: 0xGGGGEEEE.
            vr: as received; not SQ.
            raw: the value field.
            owner: private creator that reserved its block, else empty.
            context: how the value is to be read.
        """

    @abstractmethod
    def column(self, tag: int, vr: str, span: Span) -> PlainColumn | None:
        """What `leaf` says of many values of an attribute.

        Args:
            tag: public, 0xGGGGEEEE.
            vr: one of the string VRs.
            span: the values, all present.

        Returns:
            None where `leaf` has to be asked.
        """

    def apology(self, defect: IdentifierDefect) -> str:  # noqa: ARG002 - for those with a place for it
        """What stands in a data set that cannot be decoded."""
        return ""

    def text_of(
        self, tag: int, vr: str, raw: bytes, sets: CharacterSets, owner: str = ""
    ) -> str:
        """An attribute that is no sequence; each distinct one is rendered once."""
        key = tag, vr, raw, owner, id(sets)
        known = self._known.get(key)
        if known is None:
            text = self.leaf(
                tag, vr, raw, owner, Context(sets, self._reading.big_endian)
            )
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = sets, text
            if len(raw) <= LONGEST_REMEMBERED:
                self._known[key] = known
        return known[1]

    def _parts(
        self, elements: Sequence[RawElement], inherited: CharacterSets, *, is_item: bool
    ) -> list[str]:
        sets = self._reading.sets_of(elements, inherited)
        owners: dict[int, str] | None = None
        declared: RawElement | None = None
        before = 0
        parts = []
        for element in elements:
            tag, owner = element.tag, ""
            if tag <= SPECIFIC_CHARACTER_SET:
                if tag == SPECIFIC_CHARACTER_SET:
                    declared = element
                    continue
                before += 1
            elif dictionary.is_private(tag):
                if owners is None:
                    owners = _owners(elements, sets)
                owner = owners.get(tag >> 8, "")
            parts.append(self._attribute(element, sets, owner))
        beyond_ascii = not "".join(parts).isascii()
        unicode = RawElement(SPECIFIC_CHARACTER_SET, "CS", UNICODE)
        if declared is not None:
            charset = unicode if beyond_ascii or has_value(declared.value) else declared
            parts.insert(before, self._attribute(charset, sets, ""))
        elif beyond_ascii and not is_item:
            parts.insert(before, self._attribute(unicode, sets, ""))
        return parts

    def _attribute(self, element: RawElement, sets: CharacterSets, owner: str) -> str:
        tag, vr, value = element
        if not isinstance(value, list):
            return self.text_of(tag, vr, value, sets, owner)
        inner = []
        for number, item in enumerate(value, 1):
            parts = self._parts(item, sets, is_item=True)
            begin, end = self.item_frame(number, len(parts), announced_length(item))
            inner.append(begin + self.separator.join(parts) + end)
        begin, end = self.sequence_frame(
            tag, len(value), announced_length(value), owner
        )
        return begin + self.separator.join(inner) + end


def _owners(elements: Sequence[RawElement], sets: CharacterSets) -> dict[int, str]:
    """Private creators of a data set, by the tags of their blocks without last byte.

    Source: PS3.5 Section 7.8.1.
    """
    owners = {}
    for tag, _, value in elements:
        if dictionary.is_private_creator(tag) and isinstance(value, bytes):
            names = values.text_values(value, "LO", sets).values
            owners[tag >> 16 << 8 | tag & 0xFF] = names[0] if names else ""
    return owners


def has_value(raw: bytes | Items) -> bool:
    """Whether a value field holds more than padding; a sequence is no value."""
    return isinstance(raw, bytes) and bool(raw.strip(b" \0"))
