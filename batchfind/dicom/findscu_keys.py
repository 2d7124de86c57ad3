r"""Identifiers put together as DCMTK's findscu does with its option `-k`.

    identifier = apply_key(identifier, "PatientName=MEYER*")
    identifier = apply_key(identifier, "ScheduledProcedureStepSequence[0].Modality=CT")

    apply_key(elements: Identifier, text: str, dictionary: Dictionary = STANDARD)
        -> Identifier            raises KeyRefused(code, message), a ValueError

The grammar, in which nothing is trimmed::

    key  := path [ "=" value ]
    path := tag { "[" number "]" any-one-character tag } [ "[" number "]" ]
    tag  := keyword | gggg,eeee | (gggg,eeee)        1 to 4 digits each

`-k Seq` sends a sequence without items, `-k Seq[0]` one with an empty item,
`-k Seq[2].Attribute=x` three items. A value replaces that of an attribute already
there, which keeps its VR; a new attribute takes the VR of the dictionary, a private
one that of its creator, if the creator is in the data set by then. A later key
counts. Elements are kept in tag order.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from batchfind.dicom.dictionary import (
    ITEM_GROUP,
    STANDARD,
    Dictionary,
    is_private,
    repeating_tag_of,
)
from batchfind.dicom.findscu_values import findscu_value
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.paths import FIRST_BLOCK, LAST_BLOCK, MAX_DEPTH, MAX_ITEM

_HEX_TAG: Final = re.compile(r"\(?\s*([0-9A-Fa-f]+),\s*([0-9A-Fa-f]+)")
_INDEX: Final = re.compile(r"\[\s*([+-]?[0-9]+)")
_REFUSED_GROUPS: Final = frozenset({0x0000, 0x0002})
_BYTES: Final = frozenset(
    [
        *(0x00143050, 0x00143070, 0x54000110, 0x54000112, 0x5400100A, 0x54001010),
        *(0x5000200C, 0x50003000),
    ]
)
"""OB or OW in PS3.6, and OB for findscu; 50xx is a repeating group."""
_LONGEST_NUMBER: Final = 16

_ReadValue: TypeAlias = "Callable[[str, str], str | bytes]"


class Place(NamedTuple):
    """One step on the way to an attribute.

    Attributes:
        tag: 0xGGGGEEEE; with a creator in whatever block.
        item: number of the item that is entered; None for an attribute, and for a
            sequence that is not entered.
        creator: private creator, which gets a block if it has none.
    """

    tag: int
    item: int | None = None
    creator: str | None = None


class KeyRefused(ValueError):
    """A key that findscu refuses, or a group that no Identifier may hold.

    Attributes:
        code: findscu's, such as `0001:0019`.
        message: findscu's, the text behind the code.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def apply_key(
    elements: Identifier, text: str, dictionary: Dictionary = STANDARD
) -> Identifier:
    """An Identifier after one more `-k`.

    Args:
        elements: what files and earlier keys gave.
        text: behind `-k`; the empty text changes nothing.
        dictionary: knows keywords and VRs.

    Returns:
        Elements in ascending tag order. Text beyond ASCII is kept as the bytes that
        were typed, whatever (0008,0005) says.

    Raises:
        KeyRefused: with findscu's code and message; for groups 0000 and 0002,
            which findscu would send, with ours.
    """
    if not text:
        return elements
    path, _, value = text.partition("=")
    if not path:
        raise KeyRefused("0000:0001", "Illegal parameter")
    places = places_of(path, dictionary)
    return _put(elements, places, value, dictionary, _as_typed)


def put_key(
    elements: Identifier,
    places: tuple[Place, ...],
    value: str,
    dictionary: Dictionary = STANDARD,
) -> Identifier:
    """As `apply_key` for a path that was read already, its text as Unicode.

    Args:
        elements: what files and earlier keys gave.
        places: from the outside in.
        value: as behind `=`.
        dictionary: knows VRs.

    Raises:
        KeyRefused: as `apply_key`.
    """
    return _put(elements, places, value, dictionary, findscu_value)


def _as_typed(vr: str, text: str) -> str | bytes:
    value = findscu_value(vr, text)
    typed = isinstance(value, str) and not value.isascii()
    return os.fsencode(value) if typed else value


def places_of(path: str, dictionary: Dictionary = STANDARD) -> tuple[Place, ...]:
    """The steps of a path in findscu's grammar, from the outside in.

    Raises:
        KeyRefused: as `apply_key`.
    """
    if "*" in path:
        raise _unparsable("Item wildcard '*' found in path but wildcards disabled")
    places: list[Place] = []
    rest = path
    while rest:
        tag, after = _tag_of(rest, dictionary)
        if not after:
            places.append(Place(tag))
            break
        number, after = _item_of(after, tag, dictionary)
        places.append(Place(tag, number))
        rest = after[1:]  # findscu does not look at what stands between
    if len(places) > MAX_DEPTH:
        raise _unparsable(f"Path nests deeper than {MAX_DEPTH} sequences")
    return tuple(places)


def _tag_of(path: str, dictionary: Dictionary) -> tuple[int, str]:
    """The tag a path begins with, and what stands behind it."""
    if path.startswith("("):
        name, bracket, after = path.partition(")")
        if not bracket:
            raise _unparsable(f"Unable to parse tag at beginning of path: {path}")
    else:
        name = path.partition("[")[0]
        after = path[len(name) :]
    numbers = _HEX_TAG.match(name)
    tag = _named(name, dictionary) if name else None
    if numbers is not None:
        group, element = (int(digits, 16) & 0xFFFF for digits in numbers.groups())
        tag = group << 16 | element
    if tag is None:
        where = "Unable to parse tag/dictionary name at beginning of path"
        raise _unparsable(f"{where}: {path}")
    if tag >> 16 in _REFUSED_GROUPS:
        raise _unparsable(f"Group {tag >> 16:04x} is never part of an Identifier")
    if tag >> 16 == ITEM_GROUP:
        raise KeyRefused("0001:0007", "Illegal call, perhaps wrong parameters")
    return tag, after


def _named(keyword: str, dictionary: Dictionary) -> int | None:
    """A tag by its keyword; of a repeating group the first one."""
    tag = dictionary.tag_of(keyword)
    return repeating_tag_of(keyword) if tag is None else tag


def _item_of(path: str, tag: int, dictionary: Dictionary) -> tuple[int, str]:
    """The number of an item, and what stands behind its bracket."""
    if not is_private(tag) and dictionary.vr_of(tag) != "SQ":
        raise _no_sequence()
    inner, bracket, after = path.partition("]")
    found = _INDEX.match(inner)
    if found is None or not bracket:
        raise _unparsable(f"Unable to parse item number at beginning of path: {path}")
    number = int(found[1][:_LONGEST_NUMBER])
    if number < 0:
        where = "Negative item number (not permitted) at beginning of path"
        raise _unparsable(f"{where}: {path}")
    if number > MAX_ITEM:
        raise _unparsable(f"Item number above {MAX_ITEM} at beginning of path: {path}")
    return number, after


def _put(
    elements: Identifier,
    places: tuple[Place, ...],
    value: str,
    dictionary: Dictionary,
    read: _ReadValue,
) -> Identifier:
    """The data set with one attribute set, in it or in an item of it."""
    (tag, number, creator), *inner = places
    held = {element.tag: element for element in elements}
    if creator is not None:
        tag = _reserve(held, tag, creator)
    vr = _vr_of(tag, held, dictionary)
    if vr == "SQ":
        if value and not inner:
            message = "Cannot insert value into path ending with item or sequence"
            raise _unparsable(message)
        items = _items_of(held.get(tag), number)
        if number is not None and inner:
            items[number] = _put(items[number], tuple(inner), value, dictionary, read)
        held[tag] = Element(tag, vr, tuple(items))
    elif number is not None:
        raise _no_sequence()
    else:
        try:
            held[tag] = Element(tag, vr, read(vr, value))
        except ValueError:
            raise KeyRefused("0001:0006", "Corrupted data") from None
    return tuple(held[one] for one in sorted(held))


def _reserve(held: dict[int, Element], tag: int, creator: str) -> int:
    """The tag in the block of its creator, which is given one if it has none.

    Source: PS3.5 Section 7.8.1.
    """
    group = tag & 0xFFFF0000
    taken = {one >> 8 & 0xFF for one in held if one & 0xFFFF0000 == group}
    for block in range(FIRST_BLOCK, LAST_BLOCK + 1):
        owner = held.get(group | block)
        if owner is None and block not in taken:
            held[group | block] = owner = Element(group | block, "LO", creator)
        if owner is not None and owner.value == creator:
            return group | block << 8 | tag & 0xFF
    raise _unparsable(f"No private block is free in group {group >> 16:04x}")


def _items_of(element: Element | None, number: int | None) -> list[Identifier]:
    """The items a sequence has, with empty ones up to the one that is entered."""
    value = element.value if element is not None else ()
    items = list(value) if isinstance(value, tuple) else []
    missing = 0 if number is None else number + 1 - len(items)
    return items + [()] * missing


def _vr_of(tag: int, held: Mapping[int, Element], dictionary: Dictionary) -> str:
    """The VR of an attribute that is there, or of a new one."""
    if tag in held:
        return held[tag].vr
    if tag in _BYTES or (tag & 0xFF00FFFF) in _BYTES:
        return "OB"
    owner = held.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
    if is_private(tag) and owner is not None and isinstance(owner.value, str):
        creator = owner.value.strip(" ")
        return dictionary.private_vr(creator, tag) or dictionary.vr_of(tag)
    return dictionary.vr_of(tag)


def _unparsable(message: str) -> KeyRefused:
    return KeyRefused("0001:0019", message)


def _no_sequence() -> KeyRefused:
    return _unparsable("Invalid Path: Non-sequence tag found with rest path following")
