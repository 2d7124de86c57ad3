"""The character sets of every entry of a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from batchfind.dicom.charset import CharacterSets
from batchfind.tables.cells import IntVec


@dataclass(frozen=True, slots=True)
class SetColumn:
    """The character sets of each entry.

    Attributes:
        distinct: those that occur, and perhaps others.
        which: for each entry, the position of its own in `distinct`.
    """

    distinct: tuple[CharacterSets, ...]
    which: IntVec

    def of(self, entry: int) -> CharacterSets:
        """The character sets of one entry."""
        return self.distinct[int(self.which[entry])]

    def at(self, entries: IntVec) -> SetColumn:
        """The character sets of some entries, in their order."""
        return SetColumn(self.distinct, self.which[entries])


def set_column(every: Sequence[CharacterSets]) -> SetColumn:
    """The column of character sets given one by one."""
    # By identity: comparing them costs more, and `resolve` repeats its objects.
    places: dict[int, int] = {}
    distinct: list[CharacterSets] = []
    for sets in every:
        if id(sets) not in places:
            places[id(sets)] = len(distinct)
            distinct.append(sets)
    which = np.array([places[id(sets)] for sets in every], np.int64)
    return SetColumn(tuple(distinct), which)
