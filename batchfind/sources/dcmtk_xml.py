"""Base Identifiers in DCMTK's XML, as dcm2xml and findscu write it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.vrs import SINGLE_VALUED_VRS
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


def from_dcmtk(root: Tag) -> Parsed:
    """The only data set of a `file-format`, `data-set` or `responses` document.

    Raises:
        FormatError: with the line of what cannot be read.
    """
    sets = [root] if root.name == "data-set" else []
    sets += [child for child in root.children if child.name == "data-set"]
    if not sets:
        message = f"<{root.name[:40]}> is neither DCMTK's XML nor a Native DICOM Model"
        raise FormatError(message, root.line)
    if len(sets) > 1:
        message = "begins a second data set; a base Identifier is one"
        raise FormatError(message, sets[1].line)
    found = list(_elements(sets[0], 0))
    return Parsed(data_set(found), charset_of(found))


def _elements(parent: Tag, depth: int) -> Iterator[Found]:
    if depth > DEEPEST:
        raise FormatError(f"nested deeper than {DEEPEST} sequences", parent.line)
    for child in parent.children:
        tag = tag_of(child.attributes.get("tag", ""), child.line)
        if child.name == "sequence":
            items = tuple(_items(child, depth))
            yield Found(Element(tag, "SQ", items), child.line)
        elif child.name == "element":
            yield Found(_element(tag, child), child.line)
        else:
            message = f"<{child.name[:40]}> cannot be part of an Identifier"
            raise FormatError(message, child.line)


def _items(sequence: Tag, depth: int) -> Iterator[Identifier]:
    for child in sequence.children:
        if child.name == "item":
            yield data_set(_elements(child, depth + 1))


def _element(tag: int, child: Tag) -> Element:
    vr = vr_of(tag, child.attributes.get("vr"))
    if holds_bytes(vr):
        return Element(tag, vr, _binary(child, vr))
    if not child.text:
        return Element(tag, vr, "")
    values = [child.text] if vr in SINGLE_VALUED_VRS else child.text.split("\\")
    return text_element(tag, vr, values, child.line)


def _binary(child: Tag, vr: str) -> bytes:
    kind = child.attributes.get("binary", "yes")
    try:
        if kind == "base64":
            return _in_order(base64.b64decode(child.text), vr)
        if kind == "yes":
            return _in_order(bytes.fromhex(child.text.replace("\\", " ")), vr)
    except (binascii.Error, ValueError):
        message = "its value is neither hexadecimal nor base64"
        raise FormatError(message, child.line) from None
    if child.attributes.get("len") != "0":
        message = "its value is not in this file; write it with dcm2xml +Wb"
        raise FormatError(message, child.line)
    return b""


def _in_order(value: bytes, vr: str) -> bytes:
    """Bytes of words as little endian; DCMTK writes a word as a number is read."""
    if vr != "OW":
        return value
    return b"".join(value[at : at + 2][::-1] for at in range(0, len(value), 2))
