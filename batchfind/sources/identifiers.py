"""Reads a base Identifier from a file, whatever its format.

The content tells the format, not the name: DICOM files have DICM after 128 bytes,
JSON begins with a brace, XML with an angle bracket, dump text with a tag.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.identifier import Element
from batchfind.sources.dataset import read_part10, read_raw
from batchfind.sources.dcmtk_xml import from_dcmtk
from batchfind.sources.dicom_json import read_json
from batchfind.sources.dump import read_dump
from batchfind.sources.elements import CHARACTER_SET, FormatError, Parsed
from batchfind.sources.files import input_problem, read_bytes, sha256
from batchfind.sources.model import BaseIdentifier
from batchfind.sources.native_xml import NATIVE_ROOT, from_native
from batchfind.sources.xml_tree import parse_xml

LARGEST: Final = 16 << 20
"""Bytes of a file; longer Identifiers are refused everywhere else too."""

_MAGIC: Final = slice(128, 132)
_BOM: Final = b"\xef\xbb\xbf"
# Each line is matched in one way and never again: blank lines cost no more than that.
_DUMP: Final = re.compile(
    rb"(?:[^\S\n]*(?:#[^\n]*)?\n)*+[^\S\n]*\(\s*[0-9A-Fa-f]{4}\s*,"
)


def read_identifier(
    path: Path, known: Dictionary = STANDARD, *, as_written: bool = False
) -> BaseIdentifier:
    """The Identifier in a file.

    Args:
        path: a DICOM file, raw data set, dump2dcm text, DICOM JSON, DCMTK XML or
            Native DICOM Model XML.
        known: VRs of elements that have none in the file.
        as_written: keeps (0008,0005), group lengths, padding, UN, and bytes beyond
            ASCII whatever they mean, as findscu does.

    Returns:
        Its elements, without groups 0000 and 0002; without group lengths and
        (0008,0005), too, unless it is read as written.

    Raises:
        JobError: naming the file, and the line where it has lines.
    """
    raw = read_bytes(path, LARGEST)
    try:
        parsed = _parse(raw, known, as_written=as_written)
    except FormatError as error:
        raise input_problem(path, str(error), error.line) from None
    return BaseIdentifier(str(path), parsed.identifier, parsed.charset, sha256(raw))


def _parse(raw: bytes, known: Dictionary, *, as_written: bool) -> Parsed:
    if raw[_MAGIC] == b"DICM":
        return read_part10(raw, known, as_written=as_written)
    text = raw.removeprefix(_BOM)
    start = text.lstrip()[:1]
    if start in {b"{", b"["}:
        return _whole(read_json(text), as_written=as_written)
    if start == b"<":
        root = parse_xml(text)
        reader = from_native if root.name == NATIVE_ROOT else from_dcmtk
        return _whole(reader(root), as_written=as_written)
    if _DUMP.match(text):
        return read_dump(text, known, as_written=as_written)
    return read_raw(raw, known, as_written=as_written)


def _whole(parsed: Parsed, *, as_written: bool) -> Parsed:
    """With the (0008,0005) that the file names; its text is Unicode in any case."""
    if not as_written or not parsed.charset:
        return parsed
    charset = Element(CHARACTER_SET, "CS", "\\".join(parsed.charset))
    return Parsed(
        tuple(sorted((charset, *parsed.identifier), key=lambda one: one.tag)),
        parsed.charset,
    )
