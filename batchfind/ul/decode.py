"""What a peer sends, decoded strictly: every length is checked before it is used.

P-DATA-TF is not here: its framing is in `batchfind.ul.framing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from batchfind.errors import BadAccept
from batchfind.ul.pdu import AbortPDU, AssociateAC, AssociateRJ, ContextResult
from batchfind.ul.user_information import (
    read_extended,
    read_identity_response,
    read_operations,
)

#: Body of A-ASSOCIATE-AC before its first item (PS3.8 Table 9-17).
_FIXED_FIELDS = 68
#: Bytes of PDU header before the body; offsets in messages count from the PDU.
_HEADER = 6
#: Odd IDs 1 to 255 allow no more (PS3.8 Section 9.3.2.2).
_MOST_CONTEXTS = 128
_SMALLEST_MAX_LENGTH = 7
_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"

_APPLICATION, _CONTEXT, _USER = 0x10, 0x21, 0x50
_TRANSFER_SYNTAX = 0x40
_MAX_LENGTH, _IMPLEMENTATION_UID, _IMPLEMENTATION_VERSION = 0x51, 0x52, 0x55
_WINDOW, _EXTENDED, _IDENTITY = 0x53, 0x56, 0x59

_ITEM = Struct(">BxH")
_U32 = Struct(">L")


def decode_associate_rj(body: bytes) -> AssociateRJ:
    """The rejection in a body of exactly 4 bytes; the first is reserved.

    Source: PS3.8 Section 9.3.4.
    """
    return AssociateRJ(*body[1:4])


def decode_abort(body: bytes) -> AbortPDU:
    """The abort in a body of exactly 4 bytes; the first two are reserved.

    Source: PS3.8 Section 9.3.8.
    """
    return AbortPDU(*body[2:4])


def decode_associate_ac(body: bytes) -> AssociateAC:
    """The acceptance in the body of an A-ASSOCIATE-AC.

    Items and sub-items of unknown type are skipped by their length, as PS3.8
    Section 9.3.1 tells. Work grows with the bytes received, nothing else.

    Args:
        body: what follows the 6 bytes of PDU header, complete.

    Returns:
        Every context item as received and what is known of the peer.

    Raises:
        BadAccept: a field, item or sub-item passes the end of what holds it, or a
            value has an impossible length or size. The message names the byte.

    Source: PS3.8 Section 9.3.3, PS3.7 Annex D.3.3.
    """
    return _AcceptDecoder(body).decode()


class _AcceptDecoder:
    """One pass over one A-ASSOCIATE-AC."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._contexts: list[ContextResult] = []
        self._user: dict[int, list[bytes]] | None = None
        self._warnings: list[str] = []

    def decode(self) -> AssociateAC:
        if len(self._body) < _FIXED_FIELDS:
            raise _bad(0, f"its {len(self._body)} bytes do not hold the fixed fields")
        if not self._body[1] & 1:
            self._warn("does not claim protocol version 1")
        self._items()
        user = self._user
        if user is None:
            self._warn("has no user information")
            user = {}
        return AssociateAC(
            contexts=tuple(self._contexts),
            max_length=self._max_length(user),
            implementation_uid=self._text(user.get(_IMPLEMENTATION_UID)),
            implementation_version=self._text(user.get(_IMPLEMENTATION_VERSION)),
            operations=read_operations(user.get(_WINDOW, []), self._warn),
            extended=read_extended(user.get(_EXTENDED, []), self._warn),
            identity_response=read_identity_response(
                user.get(_IDENTITY, []), self._warn
            ),
            warnings=tuple(self._warnings),
        )

    def _warn(self, what: str) -> None:
        sentence = f"A-ASSOCIATE-AC {what}"
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def _items(self) -> None:
        application = b""
        for kind, start, stop in self._within(_FIXED_FIELDS, len(self._body)):
            if kind == _APPLICATION:
                application = self._body[start:stop].rstrip(b"\0 ")
            elif kind == _CONTEXT:
                self._context(start, stop)
            elif kind == _USER and self._user is None:
                self._user = self._user_items(start, stop)
        if application != _APPLICATION_CONTEXT:
            self._warn("does not name the DICOM application context")

    def _within(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Type, start and stop of each item between two offsets."""
        while start < stop:
            if stop - start < _ITEM.size:
                raise _bad(start, f"{stop - start} stray bytes behind the last item")
            kind, length = _ITEM.unpack_from(self._body, start)
            first, past = start + _ITEM.size, start + _ITEM.size + length
            if past > stop:
                raise _bad(start, f"item {kind:02X}H of {length} bytes is cut off")
            yield kind, first, past
            start = past

    def _context(self, start: int, stop: int) -> None:
        if stop - start < 4:
            raise _bad(start, "a presentation context item of less than 4 bytes")
        if len(self._contexts) == _MOST_CONTEXTS:
            raise _bad(start, f"more than {_MOST_CONTEXTS} presentation contexts")
        context_id, result = self._body[start], self._body[start + 2]
        # With any other result the sub-item is not significant and not tested.
        syntaxes = self._syntaxes(start + 4, stop) if result == 0 else ()
        self._contexts.append(ContextResult(context_id, result, syntaxes))

    def _syntaxes(self, start: int, stop: int) -> tuple[str, ...]:
        return tuple(
            self._text([self._body[first:past]])
            for kind, first, past in self._within(start, stop)
            if kind == _TRANSFER_SYNTAX
        )

    def _user_items(self, start: int, stop: int) -> dict[int, list[bytes]]:
        found: dict[int, list[bytes]] = {}
        for kind, first, past in self._within(start, stop):
            if kind == _MAX_LENGTH and past - first != _U32.size:
                raise _bad(first, f"a maximum length of {past - first} bytes")
            found.setdefault(kind, []).append(self._body[first:past])
        return found

    def _max_length(self, user: dict[int, list[bytes]]) -> int | None:
        if _MAX_LENGTH not in user:
            return None
        (length,) = _U32.unpack(user[_MAX_LENGTH][0])
        if 0 < length < _SMALLEST_MAX_LENGTH:
            raise BadAccept(
                f"A-ASSOCIATE-AC announces a maximum length of {length},"
                " in which no PDV fits"
            )
        return int(length)

    def _text(self, values: list[bytes] | None) -> str:
        """The first of several equal items, as text; empty when there is none."""
        value = values[0] if values else b""
        stripped = value.rstrip(b"\0 ")
        if b"\0" in value[len(stripped) :]:
            self._warn("pads its UIDs or names with NUL")
        return stripped.decode("ascii", "backslashreplace")


def _bad(offset: int, why: str) -> BadAccept:
    return BadAccept(f"A-ASSOCIATE-AC is broken at byte {offset + _HEADER}: {why}")
