"""What PS3.6 and the known private dictionaries say about a tag.

The functions answer for PS3.6 alone. A `Dictionary` answers the same questions with
the attributes of a site added; `STANDARD` is the one without any.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Final, TypeAlias

from batchfind.dicom import registry
from batchfind.dicom.dictionary_entries import Entry

ITEM_GROUP = 0xFFFE

_KEYWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_RETIRED: Final = "RETIRED_"

_ByTag: TypeAlias = "dict[tuple[int, int, str | None], Entry]"


@dataclass(frozen=True, slots=True)
class Dictionary:
    """PS3.6 with the attributes that dictionary files add.

    What PS3.6 defines stays as it is, however a file names or types it; of several
    entries for one attribute the last one counts. A private attribute of a file
    goes before what pydicom knows of its creator.

    Attributes:
        entries: added attributes in the order read.
    """

    entries: tuple[Entry, ...] = ()
    _singles: _ByTag = field(init=False, repr=False, compare=False)
    _ranges: tuple[Entry, ...] = field(init=False, repr=False, compare=False)
    _named: dict[str, tuple[Entry, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Sorts the entries for looking them up."""
        singles = {_place(entry): entry for entry in self.entries if entry.single}
        ranges = tuple(entry for entry in self.entries if not entry.single)[::-1]
        named: dict[str, tuple[Entry, ...]] = {}
        for entry in (*singles.values(), *ranges):
            named[entry.name] = (*named.get(entry.name, ()), entry)
        object.__setattr__(self, "_singles", singles)
        object.__setattr__(self, "_ranges", ranges)
        object.__setattr__(self, "_named", named)

    def entry_of(self, tag: int, creator: str | None = None) -> Entry | None:
        """What a file says about a tag that PS3.6 does not know, or None.

        Args:
            tag: 0xGGGGEEEE.
            creator: private creator of the tag's block where it is known.
        """
        if not self.entries or not tag & 0xFFFF or is_private_creator(tag):
            return None
        if not is_private(tag):
            return None if _is_standard(tag) else self._find(tag, None)
        found = None if creator is None else self._find(tag, creator)
        return found or self._find(tag, None)

    def added_vr(self, tag: int, creator: str | None) -> str | None:
        """The VR of an attribute that only the files know, or None."""
        entry = self.entry_of(tag, creator)
        return None if entry is None else entry.vr

    def vr_of(self, tag: int) -> str:
        """As the function, with the attributes added."""
        entry = self.entry_of(tag)
        return _vr_of(tag) if entry is None else entry.vr

    def private_vr(self, creator: str, tag: int) -> str | None:
        """As the function, with the attributes added."""
        entry = self.entry_of(tag, creator)
        return private_vr(creator, tag) if entry is None else entry.vr

    def keyword_of(self, tag: int, creator: str | None = None) -> str | None:
        """The keyword of a tag; None when it has none, or shares it with others."""
        if not is_private(tag) and (keyword := keyword_of(tag)):
            return keyword
        entry = self.entry_of(tag, creator)
        if entry is None or self.entry_named(entry.name) != entry:
            return None
        return entry.name

    def entry_named(self, keyword: str) -> Entry | None:
        """The one attribute that only the files name so, or None.

        A name of PS3.6, of several attributes, or of a repeating group is nobody's.
        """
        found = self._named.get(keyword, ())
        usable = len(found) == 1 and found[0].single and _KEYWORD.fullmatch(keyword)
        return found[0] if usable and tag_of(keyword) is None else None

    def tag_of(self, keyword: str) -> int | None:
        """As the function, with the attributes added that are not private.

        DCMTK's names of retired attributes begin with `RETIRED_`.
        """
        known = tag_of(keyword.removeprefix(_RETIRED))
        if known is not None:
            return known
        entry = self.entry_named(keyword)
        return entry.tag if entry is not None and entry.creator is None else None

    def name_of(self, tag: int, creator: str | None = None) -> str | None:
        """What people call a tag: its keyword, else its name in a file."""
        entry = self.entry_of(tag, creator)
        return keyword_of(tag) if entry is None else entry.name

    def multiplicity_of(self, tag: int, creator: str | None = None) -> str:
        """As the function, with the attributes added."""
        entry = self.entry_of(tag, creator)
        return multiplicity_of(tag) if entry is None else entry.multiplicity

    def suggest_keyword(self, text: str) -> str | None:
        """As the function, with the attributes added."""
        standard = suggest_keyword(text)
        own = [name for name in self._named if self.entry_named(name)]
        own += [] if standard is None else [standard]
        near = difflib.get_close_matches(text, own, n=1, cutoff=0.8)
        return near[0] if near else standard

    def _find(self, tag: int, creator: str | None) -> Entry | None:
        element = tag & (0xFFFF if creator is None else 0xFF)
        single = self._singles.get((tag >> 16, element, creator))
        if single is not None:
            return single
        return next((one for one in self._ranges if one.describes(tag, creator)), None)


def _place(entry: Entry) -> tuple[int, int, str | None]:
    return entry.groups.first, entry.elements.first, entry.creator


def merged(entries: Iterable[Entry]) -> Dictionary:
    """A dictionary of entries that say more than is known without them.

    Args:
        entries: in the order read; many of them repeat PS3.6.
    """
    kept = [one for one in entries if one.creator is not None or not _known(one)]
    return Dictionary(tuple(dict.fromkeys(kept)))


def _known(entry: Entry) -> bool:
    tag = entry.tag
    if not tag & 0xFFFF or is_private_creator(tag) or tag >> 16 in {0, 2, ITEM_GROUP}:
        return True
    return not is_private(tag) and _is_standard(tag)


def _is_standard(tag: int) -> bool:
    return registry.attribute(tag) is not None


def vr_of(tag: int) -> str:
    """The two-letter value representation of a tag; UN when nothing is known.

    Where PS3.6 leaves a choice, this one is taken: `OW` wherever OW is possible
    (the value is then bytes, right for each choice), `US` for `US or SS`. Private
    creator elements are LO, group lengths UL, other private elements UN.

    Source: PS3.6 Section 6, PS3.5 Sections 7.2 and 7.8.1.
    """
    return _vr_of(tag)


@lru_cache(maxsize=8192)
def _vr_of(tag: int) -> str:
    if not tag & 0xFFFF:
        return "UL"
    if is_private(tag):
        return "LO" if is_private_creator(tag) else "UN"
    known = registry.attribute(tag)
    return "UN" if known is None else _settled(known.vr)


def private_vr(creator: str, tag: int) -> str | None:
    """The VR of a private element of a known creator, else None; the block is free."""
    known = registry.private_vr(tag, creator)
    return None if known is None else _settled(known)


def keyword_of(tag: int) -> str | None:
    """The keyword of a tag; None for private and unknown tags.

    Tags of a repeating group (60xx and others) share one keyword, so they have
    none: it would not say which group is meant.

    Source: PS3.6 Section 6.
    """
    row = registry.ATTRIBUTES.get(tag)
    return None if row is None or is_private(tag) else row[4] or None


def tag_of(keyword: str) -> int | None:
    """The tag 0xGGGGEEEE of a keyword, case sensitive; None when there is none."""
    return registry.tags_by_keyword().get(keyword)


def repeating_tag_of(keyword: str) -> int | None:
    """The first tag of a repeating group (60xx and others) by its keyword, or None.

    Source: PS3.5 Section 7.6.
    """
    return registry.repeating_tag_of(keyword)


def multiplicity_of(tag: int) -> str:
    """The value multiplicity of a tag, such as `1`, `2` or `1-n`.

    Private and unknown tags are `1-n`, since nothing forbids several values.

    Source: PS3.5 Section 6.4.
    """
    known = registry.attribute(tag)
    return "1-n" if known is None else known.multiplicity


def suggest_keyword(text: str) -> str | None:
    """The keyword somebody probably meant, or None when nothing comes near."""
    by_lower = _keywords_by_lower_case()
    squeezed = "".join(char for char in text.lower() if char.isalnum())
    if squeezed in by_lower:
        return by_lower[squeezed]
    near = difflib.get_close_matches(squeezed, by_lower, n=1, cutoff=0.8)
    return by_lower[near[0]] if near else None


def is_private(tag: int) -> bool:
    """Whether the group is odd.

    Source: PS3.5 Section 7.8.
    """
    return bool(tag >> 16 & 1)


def is_private_creator(tag: int) -> bool:
    """Whether the element reserves a block of private elements: (odd,0010-00FF).

    Source: PS3.5 Section 7.8.1.
    """
    return is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def tag_text(tag: int) -> str:
    """A tag as the standard prints it: `(0010,0020)`, hexadecimal in upper case."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def label(tag: int) -> str:
    """The keyword of a tag, or `(gggg,eeee)` when it has none."""
    return keyword_of(tag) or tag_text(tag)


def _settled(choice: str) -> str:
    """One VR out of the dictionary's alternatives."""
    if " or " not in choice:
        return choice if len(choice) == 2 else "UN"
    return "OW" if "OW" in choice else "US"


@cache
def _keywords_by_lower_case() -> dict[str, str]:
    return {keyword.lower(): keyword for keyword in registry.tags_by_keyword()}


STANDARD: Final = Dictionary()
"""PS3.6 alone."""
