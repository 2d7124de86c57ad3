"""The A-ASSOCIATE-RQ, built with pynetdicom's primitives.

The only place of the engine that knows pynetdicom. What a peer answers is parsed
elsewhere, by our own strict decoder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationVersionNameNotification,
)
from pynetdicom.presentation import PresentationContext

from batchfind.errors import InputError
from batchfind.ul.contexts import ProposedContext
from batchfind.ul.implementation import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
)

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_LONGEST_AE_TITLE = 16
_MOST_CONTEXTS = 128
_HIGHEST_ID = 255
#: PS3.5 Section 9.1.
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_MAX_PDU = range(4_096, (16 << 20) + 1)


def associate_rq(
    *,
    calling_ae: str,
    called_ae: str,
    contexts: Sequence[ProposedContext],
    max_pdu: int,
) -> bytes:
    """An encoded A-ASSOCIATE-RQ.

    Args:
        calling_ae: our AE title, 1 to 16 characters.
        called_ae: the peer's AE title, 1 to 16 characters.
        contexts: 1 to 128 with distinct odd IDs, 1 to 255, each with at least one
            transfer syntax; UIDs of 1 to 64 characters.
        max_pdu: longest P-DATA-TF we want to receive, in bytes, 4 096 to
            16 777 216.

    Returns:
        The PDU with its header.

    Raises:
        InputError: an argument breaks a rule above.

    Source: PS3.8 Section 9.3.2, PS3.7 Annex D.3.3.
    """
    _check_ae_title("calling", calling_ae)
    _check_ae_title("called", called_ae)
    _check_contexts(contexts)
    if max_pdu not in _MAX_PDU:
        raise InputError(
            f"maximum PDU length {max_pdu} is not between 4096 and 16777216"
        )
    primitive = A_ASSOCIATE()
    primitive.application_context_name = _APPLICATION_CONTEXT
    primitive.calling_ae_title = calling_ae
    primitive.called_ae_title = called_ae
    primitive.presentation_context_definition_list = [_item(one) for one in contexts]
    primitive.maximum_length_received = max_pdu
    primitive.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    primitive.user_information = [*primitive.user_information, version]
    return A_ASSOCIATE_RQ(primitive).encode()


def _item(context: ProposedContext) -> PresentationContext:
    item = PresentationContext()
    item.context_id = context.id
    item.abstract_syntax = context.abstract_syntax
    item.transfer_syntax = list(context.transfer_syntaxes)
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


def _check_contexts(contexts: Sequence[ProposedContext]) -> None:
    if not 1 <= len(contexts) <= _MOST_CONTEXTS:
        raise InputError(
            f"{len(contexts)} presentation contexts; 1 to 128 are possible"
        )
    ids = [context.id for context in contexts]
    if any(one % 2 == 0 or not 1 <= one <= _HIGHEST_ID for one in ids):
        raise InputError(f"presentation context IDs {ids} are not all odd, 1 to 255")
    if len(set(ids)) < len(ids):
        raise InputError(f"presentation context IDs {ids} are not distinct")
    for context in contexts:
        where = f"presentation context {context.id}"
        if not context.transfer_syntaxes:
            raise InputError(f"{where} has no transfer syntax")
        for uid in (context.abstract_syntax, *context.transfer_syntaxes):
            if not _UID.fullmatch(uid):
                raise InputError(f"{where}: {uid!r} is not a UID")
