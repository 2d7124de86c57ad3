r"""Entries of DCMTK's dictionary files, one a line.

Five fields, a tab between them; the last one is left unread::

    (0010,0020)             LO  PatientID      1    DICOM
    (6000-60FF,0010)        US  OverlayRows    1    DICOM      even groups
    (6001-o-60FF,1010)      LO  SiteOverlay    1    site       odd groups
    (0020-u-002F,9000)      LO  SiteAnything   1    site       all groups
    (0019,"ACME CT 1.0",10) DS  TubeAge        1-n  site       private
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from batchfind.dicom.vrs import LONG_FORM, SHORT_FORM

PARITIES: Final = {"": 0, "o": 1, "u": None}
"""Which numbers of a range belong to it, by the letter between its ends."""

_NUMBER: Final = r"([0-9A-Fa-f]{1,4})(?:-(?:([eouEOU])-)?([0-9A-Fa-f]{1,4}))?"
_TAG: Final = re.compile(
    rf"\(\s*{_NUMBER}\s*,\s*(?:\"([^\"]+)\"\s*,\s*)?{_NUMBER}\s*\)"
)
_SETTLED: Final = {
    "ox": "OW",
    "px": "OW",
    "lt": "OW",
    "xs": "US",
    "up": "UL",
    "na": "UN",
    "??": "UN",
    "UNKNOWN": "UN",
}
"""What DCMTK leaves open, settled as for PS3.6's own choices."""

_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers of a group or an element.

    Attributes:
        first, last: both belong to it.
        parity: 0 for even numbers only, 1 for odd ones only, None for all.
    """

    first: int
    last: int
    parity: int | None = None

    def __contains__(self, number: int) -> bool:
        """Whether a number belongs to it."""
        fits = self.parity is None or number % 2 == self.parity
        return fits and self.first <= number <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An attribute, or attributes that share all but their number.

    Attributes:
        groups: of its tags.
        elements: of its tags; within their block, 00 to FF, when private.
        creator: private creator, or None.
        vr: two-letter value representation.
        name: a keyword in most files.
        multiplicity: such as `1-n`.
        line: the fields that were read, a tab between them.
    """

    groups: Numbers
    elements: Numbers
    creator: str | None
    vr: str
    name: str
    multiplicity: str
    line: str

    @property
    def single(self) -> bool:
        """Whether it stands for one tag only."""
        return self.groups.first == self.groups.last and (
            self.elements.first == self.elements.last
        )

    @property
    def tag(self) -> int:
        """Its first tag; of a private attribute the one in block 10."""
        block = 0 if self.creator is None else 0x1000
        return self.groups.first << 16 | block | self.elements.first

    def describes(self, tag: int, creator: str | None) -> bool:
        """Whether a tag is one of its own; `creator` has reserved its block."""
        element = tag & (0xFFFF if creator is None else 0xFF)
        return (
            creator == self.creator
            and tag >> 16 in self.groups
            and element in self.elements
        )


def read_entry(line: str) -> Entry:
    """The entry of one line of a dictionary file.

    Args:
        line: without line feed; neither empty nor a comment.

    Raises:
        ValueError: the end of a sentence that begins with the file.
    """
    fields = [field.strip() for field in line.split("\t")]
    fields = [field for field in fields if field] if "\t" in line else line.split()
    if len(fields) < _FIELDS:
        raise ValueError("needs a tag, VR, name and multiplicity, a tab between them")
    tag, vr, name, multiplicity = fields[:_FIELDS]
    found = _TAG.fullmatch(tag)
    if found is None:
        message = 'is no tag; write (gggg,eeee) or (gggg,"CREATOR",ee)'
        raise ValueError(f"{tag[:80]!r} {message}")
    settled = _SETTLED.get(vr, vr)
    if settled not in SHORT_FORM and settled not in LONG_FORM:
        raise ValueError(f"{vr[:20]!r} is no value representation")
    first, letter, last, creator, *element = found.groups()
    return Entry(
        groups=_numbers(first, letter, last),
        elements=_numbers(*element, within=0xFFFF if creator is None else 0xFF),
        creator=None if creator is None else creator.strip(),
        vr=settled,
        name=name,
        multiplicity=multiplicity,
        line="\t".join(fields[:_FIELDS]),
    )


def _numbers(
    first: str, letter: str | None, last: str | None, *, within: int = 0xFFFF
) -> Numbers:
    """A number or a range; private elements are counted within their block."""
    begin = int(first, 16) & within
    if last is None:
        return Numbers(begin, begin)
    parity = PARITIES["" if letter in {None, "e", "E"} else str(letter).lower()]
    return Numbers(begin, int(last, 16) & within, parity)
