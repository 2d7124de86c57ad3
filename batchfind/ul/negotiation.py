"""The A-ASSOCIATE-RQ, built with pynetdicom's primitives.

The only place of the engine that knows pynetdicom. What a peer answers is parsed
elsewhere, by our own strict decoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, cast

from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_items import UserIdentitySubItemRQ, UserInformationItem
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationVersionNameNotification,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import PresentationContext

from batchfind.errors import InputError
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)
from batchfind.ul.proposal import Proposal, UserIdentity

_Parameter: TypeAlias = (
    AsynchronousOperationsWindowNegotiation
    | ImplementationVersionNameNotification
    | SOPClassExtendedNegotiation
)

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
    _check_ae_title("calling", calling_ae)
    _check_ae_title("called", called_ae)
    proposal.check()
    primitive = A_ASSOCIATE()
    primitive.application_context_name = _APPLICATION_CONTEXT
    primitive.calling_ae_title = calling_ae
    primitive.called_ae_title = called_ae
    primitive.presentation_context_definition_list = [
        _context(one) for one in proposal.contexts
    ]
    primitive.maximum_length_received = proposal.max_pdu
    primitive.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    primitive.user_information = [
        *primitive.user_information,
        *_user_information(proposal),
    ]
    request = A_ASSOCIATE_RQ(primitive)
    if proposal.identity is not None:
        information = cast("UserInformationItem", request.user_information)
        information.user_data.append(_identity(proposal.identity))
    return request.encode()


def _context(context: ProposedContext) -> PresentationContext:
    item = PresentationContext()
    item.context_id = context.id
    item.abstract_syntax = context.abstract_syntax
    item.transfer_syntax = list(context.transfer_syntaxes)
    return item


def _user_information(proposal: Proposal) -> Iterator[_Parameter]:
    """What follows maximum length and implementation class, by ascending type.

    The order is free (PS3.7 Section D.3.3); this is the one of most implementations.
    """
    if proposal.operations > 1:
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked = proposal.operations
        window.maximum_number_operations_performed = _PERFORMED
        yield window
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    yield version
    for sop_class, information in proposal.extended:
        extended = SOPClassExtendedNegotiation()
        extended.sop_class_uid = sop_class
        extended.service_class_application_information = information
        yield extended


def _identity(identity: UserIdentity) -> UserIdentitySubItemRQ:
    """The sub-item itself, for its primitive refuses an empty passcode."""
    item = UserIdentitySubItemRQ()
    item.user_identity_type = identity.kind
    item.positive_response_requested = int(identity.response)
    item.primary_field = identity.primary
    item.secondary_field = identity.secondary
    return item


def _check_ae_title(role: str, title: str) -> None:
    """PS3.5 Section 6.2, VR AE; leading and trailing spaces do not count."""
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
