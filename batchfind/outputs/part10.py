"""A response as a DICOM file: file meta information before its bytes as received.

Source: PS3.10 Section 7.1.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from struct import pack
from typing import Final

from batchfind.dicom.correction import corrected_data_set
from batchfind.outputs.documents import Response
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)

_PREAMBLE: Final = bytes(128) + b"DICM"
_VERSION: Final = b"\x00\x01"
_SHORT_HEADER: Final = 8
"""Bytes of tag, VR and length, but for OB."""


def part10(response: Response, sop_class: str) -> bytes:
    """The whole file.

    Args:
        response: its payload follows the file meta information, in the transfer
            syntax it was received in, deflated too; unchanged, unless its query
            asks for data correction.
        sop_class: SOP Class UID of the information model that was asked.

    Returns:
        The same bytes for the same response to the same request.
    """
    uid = instance_uid(response)
    syntax = response.origin.transfer_syntax
    before, padding, after = _around_instance(sop_class, syntax, len(uid))
    return b"".join((before, uid.encode(), padding, after, _data_set(response)))


@lru_cache(maxsize=256)
def _around_instance(
    sop_class: str, transfer_syntax: str, size: int
) -> tuple[bytes, bytes, bytes]:
    """What stands before a SOP instance UID of so many characters, and after it.

    Source: PS3.10 Table 7.1-1.
    """
    instance = _uid(0x0003, "0" * size)
    before = _element(0x0001, b"OB", _VERSION) + _uid(0x0002, sop_class)
    after = b"".join(
        [
            _uid(0x0010, transfer_syntax),
            _uid(0x0012, IMPLEMENTATION_CLASS_UID),
            _element(0x0013, b"SH", _even(IMPLEMENTATION_VERSION_NAME, b" ")),
        ]
    )
    length = len(before) + len(instance) + len(after)
    head = _PREAMBLE + _element(0x0000, b"UL", pack("<L", length)) + before
    return head + instance[:_SHORT_HEADER], bytes(size % 2), after


def _data_set(response: Response) -> bytes:
    origin = response.origin
    if not origin.correction:
        return response.payload
    return corrected_data_set(
        response.payload, origin.transfer_syntax, origin.dictionary
    )


def instance_uid(response: Response) -> str:
    """A UID that only this response to this request has.

    Returns:
        `2.25.` and the first 128 bits of the SHA-256 of request key, response index
        and bytes, as a decimal number.

    Source: PS3.5 Section B.2.
    """
    head = f"{response.origin.key}/{response.index}/".encode()
    digest = hashlib.sha256(head + response.payload).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"


def _uid(element: int, uid: str) -> bytes:
    return _element(element, b"UI", _even(uid, b"\0"))


def _even(text: str, padding: bytes) -> bytes:
    raw = text.encode("ascii")
    return raw + padding * (len(raw) % 2)


def _element(element: int, vr: bytes, value: bytes) -> bytes:
    """An element of group 0002, in Explicit VR Little Endian."""
    head = pack("<HH2s", 0x0002, element, vr)
    if vr == b"OB":
        return head + pack("<HL", 0, len(value)) + value
    return head + pack("<H", len(value)) + value
