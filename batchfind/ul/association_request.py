"""The A-ASSOCIATE-RQ: who asks whom, and all that is to be negotiated.

An item or sub-item is one byte of type, one reserved, two of length, then its value.
What a peer answers is parsed elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

from batchfind.errors import InputError
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from batchfind.ul.proposal import Proposal, UserIdentity

#: The only one there is (PS3.7 Section A.2.1).
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_LONGEST_AE_TITLE = 16
#: Operations of the peer's that we perform at once: we serve none, and 1 is what
#: leaving the window out means (PS3.7 Section D.3.3.3).
_PERFORMED = 1


def associate_rq(*, calling_ae: str, called_ae: str, proposal: Proposal) -> bytes:
    """An encoded A-ASSOCIATE-RQ.

    Args:
        calling_ae: our AE title, 1 to 16 characters.
        called_ae: the peer's AE title, 1 to 16 characters.
        proposal: what is to be negotiated.

    Returns:
        The PDU with its header.

    Raises:
        InputError: an AE title or the proposal cannot be encoded.

    Source: PS3.8 Section 9.3.2, PS3.7 Annex D.3.3.
    """
    calling = _ae_title("calling", calling_ae)
    called = _ae_title("called", called_ae)
    proposal.check()
    body = b"".join(
        (
            pack(">Hxx16s16s32x", 1, called, calling),  # protocol version bit 0
            _item(0x10, _APPLICATION_CONTEXT.encode()),
            *map(_context, proposal.contexts),
            _item(0x50, b"".join(_user_information(proposal))),
        )
    )
    return pack(">BxL", 1, len(body)) + body


def _item(kind: int, value: bytes) -> bytes:
    return pack(">BxH", kind, len(value)) + value


def _context(context: ProposedContext) -> bytes:
    """PS3.8 Section 9.3.2.2; a transfer syntax named twice is offered once."""
    syntaxes = dict.fromkeys(context.transfer_syntaxes)
    value = (
        pack(">B3x", context.id),
        _item(0x30, context.abstract_syntax.encode()),
        *(_item(0x40, uid.encode()) for uid in syntaxes),
    )
    return _item(0x20, b"".join(value))


def _user_information(proposal: Proposal) -> Iterator[bytes]:
    """Sub-items by ascending type.

    The order is free (PS3.7 Section D.3.3); this is the one of most implementations.
    """
    yield _item(0x51, pack(">L", proposal.max_pdu))
    yield _item(0x52, IMPLEMENTATION_CLASS_UID.encode())
    if proposal.operations > 1:
        yield _item(0x53, pack(">HH", proposal.operations, _PERFORMED))
    yield _item(0x55, IMPLEMENTATION_VERSION_NAME.encode())
    for sop_class, information in proposal.extended:
        yield _item(0x56, _field(sop_class.encode()) + information)
    if proposal.identity is not None:
        yield _item(0x58, _identity(proposal.identity))


def _identity(identity: UserIdentity) -> bytes:
    """PS3.7 Table D.3-14; the secondary field is there even when it is empty."""
    head = pack(">BB", identity.kind, identity.response)
    return head + _field(identity.primary) + _field(identity.secondary)


def _field(value: bytes) -> bytes:
    return pack(">H", len(value)) + value


def _ae_title(role: str, title: str) -> bytes:
    """16 bytes; PS3.5 Section 6.2, VR AE; spaces at the ends do not count."""
    where = f"{role} AE title {title!r}"
    if not title.strip(" "):
        raise InputError(f"{where} is empty; it needs 1 to 16 characters")
    if len(title) > _LONGEST_AE_TITLE:
        raise InputError(f"{where} has {len(title)} characters; 16 is the most")
    if not title.isascii() or not title.isprintable() or "\\" in title:
        raise InputError(
            f"{where} holds a character that AE titles cannot have; only printable"
            " ASCII without backslash is possible"
        )
    return title.ljust(_LONGEST_AE_TITLE).encode()
