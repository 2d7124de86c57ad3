"""What the columnar decoder looks for, and what it hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

IntVec: TypeAlias = npt.NDArray[np.int64]
BoolVec: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Shape:
    """The attributes wanted at one nesting level.

    Attributes:
        vrs: VR of each wanted attribute, by tag; SQ only for a sequence.
        below: what is wanted in the items of a sequence, by its tag; a sequence
            without an entry here is wanted as a whole.
        exact: tags that make the Identifier odd when they come with another VR.
        groups: groups whose elements make the Identifier odd, because a private
            creator has to be asked what they are.
    """

    vrs: Mapping[int, str]
    below: Mapping[int, Shape] = field(default_factory=dict)
    exact: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()

    def misfits(self, tag: int, vr: str) -> bool:
        """Whether an element with this VR makes its Identifier odd."""
        return tag in self.exact and self.vrs.get(tag) != vr


@dataclass(frozen=True, slots=True)
class Values:
    """One wanted attribute in every entry of a level.

    Attributes:
        begin: where the value field begins in the payload; of a sequence, where
            its header does. Ascending; where absent, anything in between.
        length: bytes of the value field; of a sequence, of header, items and
            delimiter, so that they make a data set of one element. 0 where absent.
        present: whether the entry has the attribute.
    """

    begin: IntVec
    length: IntVec
    present: BoolVec


@dataclass(frozen=True, slots=True)
class Loose:
    """An element that fits no wanted attribute, in some entries of a level.

    Attributes:
        vr: as sent, or by the dictionary as in `scalar.decode`.
        wanted: the tag was wanted, but with another VR.
        entries: positions in the level, ascending.
        begin, length: as in `Values`, for these entries only.
    """

    tag: int
    vr: str
    wanted: bool
    entries: IntVec
    begin: IntVec
    length: IntVec


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one sequence.

    Attributes:
        parents: position of each item's entry in the level above, ascending.
        level: one entry an item.
    """

    parents: IntVec
    level: Level


@dataclass(frozen=True, slots=True)
class Level:
    """Data sets, or items of one sequence, in the order they stand in the payload.

    Attributes:
        owners: position of the Identifier each entry belongs to.
        begin: where each entry's elements begin.
        values: by tag; a wanted attribute that no entry has is missing here.
        items: by tag, of sequences in whose items something is wanted.
        loose: ascending by tag.
    """

    owners: IntVec
    begin: IntVec
    values: Mapping[int, Values]
    items: Mapping[int, Items]
    loose: tuple[Loose, ...]

    def __len__(self) -> int:
        return len(self.owners)


@dataclass(frozen=True, slots=True)
class Swept:
    """Many Identifiers, taken apart.

    Attributes:
        root: one entry for each Identifier that is not odd.
        odd: whether an Identifier has to be decoded on its own, by position.
    """

    root: Level
    odd: BoolVec
