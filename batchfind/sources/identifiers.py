"""Reads a base Identifier from a file, whatever its format.

The content tells the format, not the name: DICOM files have DICM after 128 bytes,
JSON begins with a brace, XML with an angle bracket, dump text with a tag.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from batchfind.sources.dataset import read_part10, read_raw
from batchfind.sources.dcmtk_xml import from_dcmtk
from batchfind.sources.dicom_json import read_json
from batchfind.sources.dump import read_dump
from batchfind.sources.elements import FormatError, Parsed
from batchfind.sources.files import input_problem, read_bytes, sha256
from batchfind.sources.model import BaseIdentifier
from batchfind.sources.native_xml import NATIVE_ROOT, from_native
from batchfind.sources.xml_tree import parse_xml

LARGEST: Final = 16 << 20
"""Bytes of a file; longer Identifiers are refused everywhere else too."""

_MAGIC: Final = slice(128, 132)
_BOM: Final = b"\xef\xbb\xbf"
_DUMP: Final = re.compile(rb"(\s*#[^\n]*\n|\s*\n)*\s*\(\s*[0-9A-Fa-f]{4}\s*,")


def read_identifier(path: Path) -> BaseIdentifier:
    """The Identifier in a file.

    Args:
        path: a DICOM file, raw data set, dump2dcm text, DICOM JSON, DCMTK XML or
            Native DICOM Model XML.

    Returns:
        Its elements, without groups 0000 and 0002, group lengths and (0008,0005).

    Raises:
        JobError: naming the file, and the line where it has lines.
    """
    raw = read_bytes(path, LARGEST)
    try:
        parsed = _parse(raw)
    except FormatError as error:
        raise input_problem(path, str(error), error.line) from None
    return BaseIdentifier(str(path), parsed.identifier, parsed.charset, sha256(raw))


def _parse(raw: bytes) -> Parsed:
    if raw[_MAGIC] == b"DICM":
        return read_part10(raw)
    text = raw.removeprefix(_BOM)
    start = text.lstrip()[:1]
    if start in {b"{", b"["}:
        return read_json(text)
    if start == b"<":
        root = parse_xml(text)
        return from_native(root) if root.name == NATIVE_ROOT else from_dcmtk(root)
    if _DUMP.match(text):
        return read_dump(text)
    return read_raw(raw)
