"""How the bytes of a peer's responses are to be read."""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.dicom import charset, dictionary
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.raw import DecodeLimits, RawElement
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE
from batchfind.tables.layout import PrivateSlots
from batchfind.tables.slabs import Origin

SPECIFIC_CHARACTER_SET = 0x00080005
QUERY_RETRIEVE_LEVEL = 0x00080052
NEVER_EXTRA = frozenset({SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL})
"""They describe how to read an answer; tables hold Unicode and know the level."""
RESPONSE_LIMITS = DecodeLimits(data_set_bytes=2 << 20)
"""Larger Identifiers stay in the capture and are not shown: as text in Unicode, with
what XML and JSON escape, they take many times their bytes."""
_LONGEST_REMEMBERED = 1024


class Reading:
    """How the text of one request's responses is read: the peer's charset policy."""

    __slots__ = ("_assume", "_known", "_override", "big_endian", "default")

    def __init__(self, origin: Origin) -> None:
        self._assume = origin.assume
        self._override = origin.override
        self._known: dict[bytes, CharacterSets] = {}
        self.big_endian = origin.transfer_syntax == EXPLICIT_BE
        self.default = charset.resolve(
            None, assume=self._assume, override=self._override
        )

    def sets_of(
        self, elements: Sequence[RawElement], inherited: CharacterSets
    ) -> CharacterSets:
        """The character sets of a data set or item.

        Source: PS3.3 Section C.12.1.1.2: an item without (0008,0005) has those of
        the data set around it.
        """
        for tag, _, value in elements:
            if tag >= SPECIFIC_CHARACTER_SET:
                if tag == SPECIFIC_CHARACTER_SET and isinstance(value, bytes):
                    return self._resolve(value)
                break
        return inherited

    def _resolve(self, raw: bytes) -> CharacterSets:
        sets = self._known.get(raw)
        if sets is None:
            sets = charset.resolve(raw, assume=self._assume, override=self._override)
            if len(self._known) < 256 and len(raw) <= _LONGEST_REMEMBERED:
                self._known[raw] = sets
        return sets


def private_slots(
    elements: Sequence[RawElement], asked: PrivateSlots
) -> dict[int, int]:
    """Where asked private elements stand in this data set; -1 for their creators.

    Args:
        elements: of one data set or item.
        asked: slot by group, element within its block, and private creator.

    Source: PS3.5 Section 7.8.1: a creator reserves the block it names.
    """
    slots: dict[int, int] = {}
    for tag, _, value in elements:
        if dictionary.is_private_creator(tag) and isinstance(value, bytes):
            creator = value.decode("latin-1").strip(" \0")
            for (group, element, name), slot in asked.items():
                if group == tag >> 16 and name == creator:
                    slots[tag] = -1
                    slots.setdefault(group << 16 | (tag & 0xFF) << 8 | element, slot)
    return slots
