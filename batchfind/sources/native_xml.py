"""Base Identifiers in the Native DICOM Model."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Final

from batchfind.dicom.identifier import Element, Identifier
from batchfind.sources.elements import (
    DEEPEST,
    FormatError,
    Found,
    Parsed,
    charset_of,
    data_set,
    holds_bytes,
    tag_of,
    text_element,
    vr_of,
)
from batchfind.sources.xml_tree import Tag

NATIVE_ROOT: Final = "NativeDicomModel"

_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
_FIRST_BLOCK: Final = 0x10


def from_native(root: Tag) -> Parsed:
    """The data set of a `NativeDicomModel` document.

    Raises:
        FormatError: with the line of what cannot be read.

    Source: PS3.19 Section A.1.
    """
    found = list(_elements(root, 0))
    return Parsed(data_set(found), charset_of(found))


def _elements(parent: Tag, depth: int) -> Iterator[Found]:
    if depth > DEEPEST:
        raise FormatError(f"nested deeper than {DEEPEST} sequences", parent.line)
    for child in parent.children:
        if child.name != "DicomAttribute":
            message = f"<{child.name[:40]}> is no DicomAttribute"
            raise FormatError(message, child.line)
        yield Found(_element(_tag(child, parent), child, depth), child.line)


def _tag(child: Tag, parent: Tag) -> int:
    """The tag; a private one gets the block its creator has in this data set.

    Source: PS3.19 Section A.1.6, where the block number of a private tag is 00.
    """
    tag = tag_of(child.attributes.get("tag", ""), child.line)
    creator = child.attributes.get("privateCreator")
    if creator is None or tag & 0xFF00:
        return tag
    for other in parent.children:
        reserving = tag_of(other.attributes.get("tag", ""), other.line)
        same_group = reserving >> 16 == tag >> 16
        name = "".join(value.text for value in other.children).strip()
        reserves = same_group and _FIRST_BLOCK <= reserving & 0xFFFF <= 0xFF
        if reserves and name == creator:
            return tag | (reserving & 0xFF) << 8
    message = f"its private creator '{creator[:64]}' has no block in this data set"
    raise FormatError(message, child.line)


def _element(tag: int, child: Tag, depth: int) -> Element:
    vr = vr_of(tag, child.attributes.get("vr"))
    if vr == "SQ":
        items = _numbered(child, "Item")
        return Element(tag, vr, tuple(_item(item, depth) for item in items))
    if any(part.name == "BulkData" for part in child.children):
        raise FormatError("its value is bulk data elsewhere; write it here", child.line)
    if holds_bytes(vr):
        return Element(tag, vr, _inline(child))
    if vr == "PN":
        names = [_person_name(name) for name in _numbered(child, "PersonName")]
        return text_element(tag, vr, names, child.line)
    values = [value.text for value in _numbered(child, "Value")]
    return text_element(tag, vr, values, child.line)


def _item(item: Tag, depth: int) -> Identifier:
    return data_set(_elements(item, depth + 1))


def _numbered(child: Tag, name: str) -> list[Tag]:
    """Values, items or names in the order of their numbers."""
    found = [part for part in child.children if part.name == name]
    numbers = [part.attributes.get("number", "") for part in found]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise FormatError(f"each {name} needs a number", child.line)
    return sorted(found, key=lambda part: int(part.attributes["number"]))


def _person_name(name: Tag) -> str:
    by_name = {group.name: group for group in name.children}
    groups = [_group(by_name[group]) if group in by_name else "" for group in _GROUPS]
    return "=".join(groups).rstrip("=")


def _group(group: Tag) -> str:
    parts = {part.name: part.text for part in group.children}
    return "^".join(parts.get(name, "") for name in _PARTS).rstrip("^")


def _inline(child: Tag) -> bytes:
    text = "".join(p.text for p in child.children if p.name == "InlineBinary")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise FormatError("its InlineBinary is not base64", child.line) from None
