"""What PS3.6 and the known private dictionaries say about a tag."""

from __future__ import annotations

import difflib
from functools import cache, lru_cache

from pydicom import datadict
from pydicom._dicom_dict import DicomDictionary

ITEM_GROUP = 0xFFFE


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
    try:
        return _settled(datadict.dictionary_VR(tag))
    except KeyError:
        return "UN"


def private_vr(creator: str, tag: int) -> str | None:
    """The VR of a private element of a known creator, else None; the block is free."""
    try:
        return _settled(datadict.private_dictionary_VR(tag, creator))
    except KeyError:
        return None


def keyword_of(tag: int) -> str | None:
    """The keyword of a tag; None for private and unknown tags.

    Tags of a repeating group (60xx and others) share one keyword, so they have
    none: it would not say which group is meant.

    Source: PS3.6 Section 6.
    """
    if is_private(tag) or _repeats(tag):
        return None
    return datadict.keyword_for_tag(tag) or None


def tag_of(keyword: str) -> int | None:
    """The tag 0xGGGGEEEE of a keyword, case sensitive; None when there is none."""
    tag = datadict.tag_for_keyword(keyword)
    return None if tag is None else int(tag)


def multiplicity_of(tag: int) -> str:
    """The value multiplicity of a tag, such as `1`, `2` or `1-n`.

    Private and unknown tags are `1-n`, since nothing forbids several values.

    Source: PS3.5 Section 6.4.
    """
    try:
        return datadict.dictionary_VM(tag)
    except KeyError:
        return "1-n"


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


def _repeats(tag: int) -> bool:
    """Whether only a repeating group names it: (7FE0,0010) is also like 7Fxx,0010."""
    return tag not in DicomDictionary and datadict.repeater_has_tag(tag)


@cache
def _keywords_by_lower_case() -> dict[str, str]:
    entries = DicomDictionary.values()
    return {entry[4].lower(): entry[4] for entry in entries if entry[4]}
