"""Requests for the demo peers, written as keyword and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydicom.dataset import Dataset

from batchfind.demo.entity import tag_named
from batchfind.demo.finding import Finder
from batchfind.dicom.dictionary import vr_of
from batchfind.dicom.identifier import Element, Identifier

Keys: TypeAlias = "Mapping[str, str | Keys]"


def identifier(keys: Keys) -> Identifier:
    """An Identifier in tag order; a mapping is a sequence key with one item."""
    elements = []
    for keyword, value in keys.items():
        tag = tag_named(keyword)
        content = value if isinstance(value, str) else (identifier(value),)
        elements.append(Element(tag, vr_of(tag), content))
    return tuple(sorted(elements, key=lambda element: element.tag))


def found(finder: Finder, keys: Keys) -> list[Dataset]:
    return list(finder.find(identifier(keys)).data_sets)


def values(data_sets: Sequence[Dataset], keyword: str) -> list[str]:
    return [str(data_set[keyword].value or "") for data_set in data_sets]
