"""Files that findscu and `batchfind findscu` have written, compared."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as ET

from pydicom.filereader import read_file_meta_info

from tests.interop.answers import DEFLATED, of_file
from tests.interop.test_same_documents import (
    attributes_in_order,
    document,
    in_its_own,
)
from tests.outputs.documents import parsed

_OWN_META = {0x00020000, 0x00020003, 0x00020012, 0x00020013}
"""Group length, instance UID, and who wrote the file."""


def inflated(path: Path) -> bytes:
    """The data set of a file.

    findscu leaves a deflated stream of odd length as it is, ours ends with a NUL then.
    Source: PS3.5 Section A.5.
    """
    data, syntax = of_file(path)
    if syntax != DEFLATED:
        return data
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data)


def file_meta(path: Path) -> list[tuple[int, object]]:
    """The file meta information that both programs have to write alike."""
    meta = read_file_meta_info(path)
    return [(one.tag, one.value) for one in meta if one.tag not in _OWN_META]


def same_documents(mine: bytes, other: bytes) -> bool:
    """Whether two XML files say the same, element for element."""
    if not _data_sets(other):
        return not _data_sets(mine) and b"</responses>" in other
    if b"<responses" not in mine:
        return in_its_own(mine) == in_its_own(other)
    return document(mine) == document(other) and (
        attributes_in_order(mine) == attributes_in_order(other)
    )


def is_more(mine: bytes, other: bytes) -> bool:
    """Whether ours holds whatever can be read of the other.

    In a document of one response findscu quotes bytes as if they were characters
    where it does not know the character set.
    """
    if b"<responses" not in mine:
        return b";&#" in other or not _data_sets(other) or same_documents(mine, other)
    found = iter(_data_sets(mine))
    return all(one in found for one in _data_sets(other))


def count_data_sets(documents: Iterable[bytes]) -> int:
    """How many data sets can be read in all of them."""
    return sum(len(_data_sets(content)) for content in documents)


def _data_sets(content: bytes) -> list[list[object]]:
    """The data sets of a document; none if nobody can read it."""
    try:
        root = parsed(content)
    except ET.ParseError:
        return []
    found = [root] if root.tag == "data-set" else list(root)
    return [document(ET.tostring(one, "utf-8")) for one in found]
