"""The A-ASSOCIATE-RQ of a proposal as pynetdicom's primitives make it.

An oracle for ours: another implementation, told the same field by field.
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


def by_primitives(*, calling_ae: str, called_ae: str, proposal: Proposal) -> bytes:
    """The PDU with its header."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
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
    if proposal.operations > 1:
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked = proposal.operations
        window.maximum_number_operations_performed = 1
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
