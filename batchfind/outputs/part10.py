"""A response as a DICOM file: file meta information before its bytes as received.

Source: PS3.10 Section 7.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class FileHead:
    """What all files of one request have before their data sets.

    Attributes:
        before: the SOP instance UID.
        after: that UID.
    """

    before: bytes
    after: bytes

    def with_instance(self, uid: str) -> bytes:
        """Preamble and file meta information.

        Args:
            uid: SOP instance UID.
        """
        instance = _uid(0x0003, uid)
        size = len(self.before) + len(instance) + len(self.after)
        group_length = _element(0x0000, b"UL", pack("<L", size))
        return b"".join((_PREAMBLE, group_length, self.before, instance, self.after))


@lru_cache(maxsize=64)
def file_head(sop_class: str, transfer_syntax: str) -> FileHead:
    """The file meta information around the SOP instance UID.

    Args:
        sop_class: SOP Class UID of the information model that was asked.
        transfer_syntax: UID the data set is encoded in.

    Source: PS3.10 Table 7.1-1.
    """
    return FileHead(
        _element(0x0001, b"OB", _VERSION) + _uid(0x0002, sop_class),
        b"".join(
            [
                _uid(0x0010, transfer_syntax),
                _uid(0x0012, IMPLEMENTATION_CLASS_UID),
                _element(0x0013, b"SH", _even(IMPLEMENTATION_VERSION_NAME, b" ")),
            ]
        ),
    )


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
    head = file_head(sop_class, response.origin.transfer_syntax)
    return head.with_instance(instance_uid(response)) + _data_set(response)


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
