"""What listens there when it is not a DICOM peer, guessed from its first bytes."""

from __future__ import annotations

_TLS_RECORDS = range(0x14, 0x18)
_TLS_MAJOR_VERSION = 3
_BANNERS = {b"HTTP/": "an HTTP server answers there", b"SSH-": "SSH answers there"}
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
#: Bytes that every cut of a stream shows: those of a PDU header.
_DECISIVE = 6


def foreign_protocol(start: bytes) -> str | None:
    """The protocol these first bytes belong to, in words, or None if unknown.

    Only 6 bytes decide, so that the answer does not depend on how TCP cut the
    stream.

    Args:
        start: first bytes received; their first is not a PDU type.
    """
    head = start[:_DECISIVE]
    if head[0] in _TLS_RECORDS and head[1:2] == bytes([_TLS_MAJOR_VERSION]):
        return "the port speaks TLS"
    for banner, words in _BANNERS.items():
        if head.startswith(banner):
            return words
    if _TEXT.issuperset(head):
        return "something answers in text"
    return None


def quoted(start: bytes) -> str:
    """Bytes as a string literal that is safe on any terminal."""
    return ascii(start)[1:]
