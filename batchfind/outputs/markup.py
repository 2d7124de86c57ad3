"""Text that XML 1.0 can hold.

Control characters other than tab, line feed and carriage return, U+FFFE and U+FFFF
have no place in XML, not even as references. Each becomes U+FFFD; the capture, DICOM
files and JSON keep them.

Source: XML 1.0 (Fifth Edition) Sections 2.2, 2.4, 2.11 and 3.3.3.
"""

from __future__ import annotations

import re
from typing import Final

from batchfind.outputs.plain_text import strange_bytes

HEADER: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
"""Begins every document."""

_ILLEGAL: Final = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
# A literal carriage return would be read as a line feed; DCMTK writes both as
# references, and all five characters that have names by them.
_SPECIAL: Final = re.compile(f"[&<>\"'\r\n{_ILLEGAL}]")
_ENTITIES: Final = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
    "\r": "&#13;",
    "\n": "&#10;",
}

STRANGE_IN_XML: Final = strange_bytes("".join(_ENTITIES))
"""Bytes of text that `escaped` may change."""


def escaped(text: str) -> str:
    """Text as the content of an element."""
    return _SPECIAL.sub(_entity, text)


def attribute(text: str) -> str:
    """Text as the value of an attribute, without the quotes around it."""
    return escaped(text).replace("\t", "&#9;")


def comment(text: str) -> str:
    """A comment with this text; hyphens side by side are parted."""
    inner = re.sub("-(?=-|$)", "- ", _SPECIAL.sub(_plain, text))
    return f"<!-- {inner} -->"


def _entity(match: re.Match[str]) -> str:
    return _ENTITIES.get(match[0], "\ufffd")


def _plain(match: re.Match[str]) -> str:
    """In a comment nothing is a reference."""
    return match[0] if match[0] in "&<>\"'" else "\ufffd"
