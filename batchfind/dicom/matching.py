"""The matching rules of PS3.4 C.2.2.2 as functions of plain texts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, TypeAlias

from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.temporal import range_of, value_of

Stored: TypeAlias = "Sequence[str] | Sequence[Mapping[int, Stored]]"
"""What an entity holds in one attribute: values as text, or items of a sequence."""

WILDCARD_VRS: Final = frozenset(
    ["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"]
)
"""VRs in which `*` and `?` stand for other characters.

Source: PS3.4 Section C.2.2.2.4.
"""

TEMPORAL_VRS: Final = frozenset({"DA", "DT", "TM"})
"""VRs that match by range.

Source: PS3.4 Section C.2.2.2.5.
"""

NEVER_MATCHED: Final = frozenset({0x00080005, 0x00080052, 0x00080201})
"""Character set, Query/Retrieve Level and time zone: they steer, they do not match."""

_NUMBER_VRS: Final = frozenset(
    ["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"]
)


def match_identifier(keys: Identifier, stored: Mapping[int, Stored]) -> bool:
    """Whether an entity satisfies every key of an Identifier.

    Args:
        keys: the request; elements in `NEVER_MATCHED` are passed over.
        stored: by tag what the entity holds; an absent tag is an empty attribute.

    Returns:
        True when all keys match.

    Source: PS3.4 Sections C.2.2.2 and C.2.2.2.6.
    """
    return all(
        _match_element(key, stored.get(key.tag, ()))
        for key in keys
        if key.tag not in NEVER_MATCHED
    )


def match_items(
    keys: Sequence[Identifier], items: Sequence[Mapping[int, Stored]]
) -> bool:
    """Whether a sequence key matches: some item satisfies every key of its item.

    A sequence key has one item; without one, or with an empty one, it matches all.

    Source: PS3.4 Section C.2.2.2.6.
    """
    if not keys or all(_is_universal(key) for key in keys[0]):
        return True
    return any(match_identifier(keys[0], item) for item in items)


def match_value(vr: str, key_text: str, stored_values: Sequence[str]) -> bool:
    r"""Whether the values of one attribute satisfy one key.

    Universal, wild card, range, list of UID and single value matching, as VR and
    key demand. An attribute of several values matches when one of them does. Dates,
    times and numbers match by meaning, so IS `7` finds `007` and TM `10` finds
    103000. PN ignores case, trailing `^`, and matches any of its component groups.

    Args:
        vr: of key and attribute; not SQ.
        key_text: as in the request, values joined by a backslash. Several values
            outside UI, which the standard leaves undefined, match when one does.
        stored_values: values of the attribute, () when it is empty or absent.

    Returns:
        True when the attribute matches. A malformed date or time is compared as text.

    Source: PS3.4 Sections C.2.2.2.1 to C.2.2.2.5.
    """
    key = key_text.strip(" \0")
    if not key or (vr in WILDCARD_VRS and not key.strip("*")):
        return True
    keys = [key] if vr in {"LT", "ST", "UT", "UR"} else key.split("\\")
    return any(
        _match_one(vr, one, value.strip(" \0"))
        for one in keys
        for value in stored_values
    )


def _match_element(key: Element, stored: Stored) -> bool:
    if isinstance(key.value, tuple):
        return match_items(key.value, [i for i in stored if isinstance(i, Mapping)])
    if isinstance(key.value, bytes):
        return not key.value
    texts = [value for value in stored if isinstance(value, str)]
    return match_value(key.vr, key.value, texts)


def _is_universal(key: Element) -> bool:
    if isinstance(key.value, tuple):
        return not key.value or all(_is_universal(inner) for inner in key.value[0])
    return not key.value or key.tag in NEVER_MATCHED


def _match_one(vr: str, key: str, value: str) -> bool:
    if not key or not value:
        return not key
    if vr in TEMPORAL_VRS:
        return _match_moment(vr, key, value)
    if vr in _NUMBER_VRS:
        return _same_number(key, value)
    if vr == "PN":
        return _match_name(key, value)
    if vr in WILDCARD_VRS and ("*" in key or "?" in key):
        return _wildcard(key).fullmatch(value) is not None
    if vr == "AT":
        return key.upper() == value.upper()
    return key == value


def _match_moment(vr: str, key: str, value: str) -> bool:
    wanted = range_of(vr, key) or value_of(vr, key)
    held = value_of(vr, value)
    if wanted is None or held is None:
        return key == value
    return wanted.contains(held)


def _same_number(key: str, value: str) -> bool:
    try:
        return Decimal(key) == Decimal(value)
    except InvalidOperation:
        return key == value


def _match_name(key: str, value: str) -> bool:
    """A person name: whole, or any one of its component groups."""
    key = _folded(key)
    whole = _folded(value)
    candidates = [whole] if "=" in key else [whole, *whole.split("=")]
    pattern = _wildcard(key)
    return any(pattern.fullmatch(_folded(candidate)) for candidate in candidates)


def _folded(name: str) -> str:
    groups = name.casefold().split("=")
    return "=".join(group.strip(" ").rstrip("^ ") for group in groups).rstrip("=")


@lru_cache(maxsize=256)
def _wildcard(key: str) -> re.Pattern[str]:
    """`*` any characters or none, `?` exactly one; runs of `*` are one."""
    parts = (
        {"*": ".*", "?": "."}.get(char) or re.escape(char)
        for char in re.sub(r"\*+", "*", key)
    )
    return re.compile("".join(parts), re.DOTALL)
