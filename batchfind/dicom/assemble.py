"""Key paths and values put together into one Identifier."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from batchfind.dicom.dictionary import STANDARD, Dictionary, is_private
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.paths import FIRST_BLOCK, LAST_BLOCK, KeyPath, Step

_Items: TypeAlias = "list[_DataSet]"
_DataSet: TypeAlias = "dict[int, tuple[str, str | bytes | _Items]]"


def assemble(
    keys: Iterable[tuple[KeyPath, str | bytes]],
    base: Identifier = (),
    known: Dictionary = STANDARD,
) -> Identifier:
    """The Identifier that holds these keys.

    Args:
        keys: paths with their values; for equal paths the last one counts. A
            sequence with the empty value becomes one empty item, which asks for
            the whole sequence.
        base: an Identifier to start from; its elements stay unless a key
            replaces them.
        known: VRs of private elements given by number.

    Returns:
        Elements in ascending tag order. Each private creator a path names is
        added with a free block of its data set; a private element given by
        number takes its VR from the creator key beside it, if there is one.

    Raises:
        ValueError: when a sequence is given a text, or no private block is free.

    Source: PS3.4 Section C.2.2.2.6, PS3.5 Sections 7.1 and 7.8.1.
    """
    root = _thaw(base)
    given = list(keys)
    # Numbers first: they say which blocks are taken before any is given out.
    for path, value in sorted(given, key=lambda key: _names_creator(key[0])):
        _put(root, path, value)
    return _freeze(root, known)


def _names_creator(path: KeyPath) -> bool:
    return any(step.creator is not None for step in path.steps)


def _put(root: _DataSet, path: KeyPath, value: str | bytes) -> None:
    data_set = root
    for step in path.sequences:
        data_set = _enter(data_set, step)
    if path.vr != "SQ":
        data_set[_place(data_set, path.leaf)] = (path.vr, value)
    elif value:
        raise ValueError(f"{path.dotted} is a sequence; give keys inside it")
    else:
        _enter(data_set, path.leaf)


def _enter(data_set: _DataSet, step: Step) -> _DataSet:
    """The item a step leads to; it and those before it are made as needed."""
    tag = _place(data_set, step)
    items = data_set.get(tag, ("", ""))[1]
    if not isinstance(items, list):
        items = []
        data_set[tag] = ("SQ", items)
    while len(items) <= step.item:
        items.append({})
    return items[step.item]


def _place(data_set: _DataSet, step: Step) -> int:
    """The tag of a step in this data set, its private block reserved."""
    if step.creator is None:
        return step.tag
    group = step.tag & 0xFFFF0000
    taken = {tag >> 8 for tag in data_set if tag & 0xFFFF0000 == group}
    for block in range(FIRST_BLOCK, LAST_BLOCK + 1):
        owner = data_set.get(group | block)
        if owner is None and group >> 8 | block not in taken:
            data_set[group | block] = owner = ("LO", step.creator)
        if owner is not None and owner[1] == step.creator:
            return group | block << 8 | step.tag & 0xFF
    raise ValueError(f"no private block is free in group {group >> 16:04x}")


def _freeze(data_set: _DataSet, known: Dictionary) -> Identifier:
    return tuple(_element(data_set, tag, known) for tag in sorted(data_set))


def _element(data_set: _DataSet, tag: int, known: Dictionary) -> Element:
    vr, value = data_set[tag]
    if isinstance(value, list):
        return Element(tag, "SQ", tuple(_freeze(item, known) for item in value))
    if vr == "UN" and is_private(tag):
        owner = data_set.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF, ("", ""))[1]
        if isinstance(owner, str) and owner:
            vr = known.private_vr(owner, tag) or vr
    return Element(tag, vr, value)


def _thaw(identifier: Identifier) -> _DataSet:
    return {
        element.tag: (element.vr, [_thaw(item) for item in element.value])
        if isinstance(element.value, tuple)
        else (element.vr, element.value)
        for element in identifier
    }
