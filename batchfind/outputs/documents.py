"""What the formats of documents share: responses one by one, as text in Unicode.

A document's text is Unicode whatever character set a peer used, so (0008,0005) must
not go on naming that one. In a data set or an item it becomes ISO_IR 192 if it holds
a value or stands beside text beyond ASCII. A data set without it that holds such
text gets it; an item inherits it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from batchfind.dicom import dictionary, scalar, values
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.correction import corrected
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.raw import Items, RawElement
from batchfind.tables.reading import SPECIFIC_CHARACTER_SET, Reading
from batchfind.tables.slabs import Origin, Slab

_UNICODE: Final = RawElement(SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 192")
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


def responses(slab: Slab, limit: int | None) -> Iterator[Response]:
    """The responses of a slab in order.

    Args:
        slab: as joined, in plan order.
        limit: responses of one request at most, or None for all.
    """
    for part in slab.parts:
        for index, payload in enumerate(part.identifiers(), part.first):
            if limit is not None and index >= limit:
                break
            yield Response(part.origin, index, payload)


class Context(NamedTuple):
    """How the values of a data set or item are to be read."""

    sets: CharacterSets
    big_endian: bool


class DataSetText(ABC):
    """Renders data sets in one format, each distinct attribute of a request once."""

    def __init__(self) -> None:
        self._origin: Origin | None = None
        self._reading: Reading
        # The sets are held as well: their identity is part of the key.
        self._known: dict[tuple[RawElement, str, int], tuple[CharacterSets, str]] = {}

    def parts(self, response: Response) -> list[str]:
        """The text of each attribute of a response, in ascending tag order.

        Raises:
            IdentifierDefect: its Identifier cannot be decoded.

        Source: PS3.3 Section C.12.1.1.2 for the character sets.
        """
        origin = response.origin
        if origin is not self._origin:
            self._origin, self._reading = origin, Reading(origin)
            self._known.clear()
        elements = scalar.decode(
            response.payload, origin.transfer_syntax, known=origin.dictionary
        )
        return self._parts(elements, self._reading.default, is_item=False)

    @property
    def dictionary(self) -> Dictionary:
        """What the plan knows of attributes."""
        return STANDARD if self._origin is None else self._origin.dictionary

    def mended(self, vr: str, raw: bytes) -> bytes:
        """A value field, corrected where its query asks for that."""
        correction = self._origin is not None and self._origin.correction
        return corrected(vr, raw) if correction else raw

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
    def sequence(
        self, tag: int, items: Items, parts: Sequence[Sequence[str]], owner: str
    ) -> str:
        """A sequence.

        Args:
            tag: 0xGGGGEEEE.
            items: as received.
            parts: the text of each attribute of each item.
            owner: private creator that reserved its block, else empty.
        """

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
        if declared is not None:
            charset = _UNICODE if beyond_ascii or _has_value(declared) else declared
            parts.insert(before, self._attribute(charset, sets, ""))
        elif beyond_ascii and not is_item:
            parts.insert(before, self._attribute(_UNICODE, sets, ""))
        return parts

    def _attribute(self, element: RawElement, sets: CharacterSets, owner: str) -> str:
        tag, vr, value = element
        if isinstance(value, list):
            items = [self._parts(item, sets, is_item=True) for item in value]
            return self.sequence(tag, value, items, owner)
        key = element, owner, id(sets)
        known = self._known.get(key)
        if known is None:
            context = Context(sets, self._reading.big_endian)
            text = self.leaf(tag, vr, value, owner, context)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[key] = sets, text
        return known[1]


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


def _has_value(element: RawElement) -> bool:
    return isinstance(element.value, bytes) and bool(element.value.strip(b" \0"))
