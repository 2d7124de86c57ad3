"""Where an attribute stands in an Identifier, as a value.

`paths` reads one from a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from batchfind.dicom import dictionary
from batchfind.dicom.dictionary import Dictionary

FIRST_BLOCK, LAST_BLOCK = 0x10, 0xFF
"""Blocks of private elements that a creator may reserve.

Source: PS3.5 Section 7.8.1.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One attribute on the way to a key.

    Attributes:
        tag: 0xGGGGEEEE.
        vr: from the dictionary; SQ for every step but the last.
        item: number of the item entered, from 0.
        creator: private creator, when the path names one.
        keyword: from a dictionary file; None where PS3.6 or nobody has one.
        multiplicity: from a dictionary file, such as `1-n`; None as `keyword`.
    """

    tag: int
    vr: str
    item: int = 0
    creator: str | None = None
    keyword: str | None = None
    multiplicity: str | None = None

    @property
    def name(self) -> str:
        """The keyword, `gggg,eeee` without one, or `gggg,"CREATOR",ee`."""
        group, element = self.tag >> 16, self.tag & 0xFFFF
        if self.keyword is not None:
            return self.keyword
        if self.creator is not None:
            return f'{group:04x},"{self.creator}",{element & 0xFF:02x}'
        return dictionary.keyword_of(self.tag) or f"{group:04x},{element:04x}"

    @property
    def is_single(self) -> bool:
        """Whether it never has more than one value."""
        known = self.multiplicity or dictionary.multiplicity_of(self.tag)
        return known == "1"

    @property
    def column(self) -> str:
        """The name in a column: as `name`, in letters, digits and `_` only."""
        item = f"_{self.item}" if self.item else ""
        return self._bare_column() + item

    def _bare_column(self) -> str:
        group, element = self.tag >> 16, self.tag & 0xFFFF
        if self.keyword is not None:
            return self.keyword
        if self.creator is not None:
            creator = re.sub(r"\W+", "_", self.creator, flags=re.ASCII).strip("_")
            return f"private_{group:04x}_{creator}_{element & 0xFF:02x}"
        if dictionary.is_private(self.tag):
            return f"private_{group:04x}_{element:04x}"
        return dictionary.keyword_of(self.tag) or f"tag_{group:04x}_{element:04x}"


@dataclass(frozen=True, slots=True)
class KeyPath:
    """Where a key stands in an Identifier.

    Attributes:
        steps: sequences from the outside in, then the attribute itself.
    """

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.dotted

    @property
    def leaf(self) -> Step:
        """The attribute itself."""
        return self.steps[-1]

    @property
    def tag(self) -> int:
        """Tag of the attribute itself."""
        return self.steps[-1].tag

    @property
    def vr(self) -> str:
        """Value representation of the attribute itself."""
        return self.steps[-1].vr

    @property
    def sequences(self) -> tuple[Step, ...]:
        """The sequences around the attribute, from the outside in."""
        return self.steps[:-1]

    @property
    def parent(self) -> KeyPath | None:
        """The path of the enclosing sequence; None at the root."""
        return KeyPath(self.steps[:-1]) if self.is_nested else None

    @property
    def is_nested(self) -> bool:
        """Whether the attribute stands in a sequence."""
        return len(self.steps) > 1

    @property
    def names(self) -> tuple[str, ...]:
        """Keyword, or hexadecimal form, of each step."""
        return tuple(step.name for step in self.steps)

    @property
    def dotted(self) -> str:
        """Names joined by dots, with the item where it is not the first.

        `parse_path` reads it back to an equal path.
        """
        return ".".join(
            f"{step.name}[{step.item}]" if step.item else step.name
            for step in self.steps
        )


def step_of(tag: int, vr: str, creator: str | None, known: Dictionary) -> Step:
    """The step of an attribute, with what dictionary files say about it."""
    entry = known.entry_of(tag, creator)
    if entry is None:
        return Step(tag, vr, creator=creator)
    keyword = known.keyword_of(tag, creator)
    return Step(
        tag, vr, creator=creator, keyword=keyword, multiplicity=entry.multiplicity
    )


def column_name(path: KeyPath) -> str:
    """The column of a key: the names of its steps joined by `_`.

    Keywords hold no underscore, so the parts can be told apart. Private elements
    are `private_<gggg>_<creator>_<ee>`, other tags without keyword
    `tag_<gggg>_<eeee>`.
    """
    return "_".join(step.column for step in path.steps)
