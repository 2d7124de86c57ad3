"""What an A-ASSOCIATE-RQ proposes, and the rules it has to keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from batchfind.errors import InputError
from batchfind.ul.contexts import ProposedContext

_MOST_CONTEXTS = 128
_HIGHEST_ID = 255
#: PS3.5 Section 9.1.
_UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*")
_MAX_PDU = range(4_096, (16 << 20) + 1)
_OPERATIONS = range(1, 65_536)
_APPLICATION_INFORMATION = range(1, 256)
_KINDS = range(1, 6)
_WITH_PASSCODE = 2
#: What 128 extended negotiations of 255 bytes leave of the 64 KiB that the user
#: information can have.
_LONGEST_IDENTITY = 20_000


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who the user is, as it goes on the wire; holds secrets, so it has no repr.

    Attributes:
        kind: 1 username, 2 username and passcode, 3 Kerberos, 4 SAML, 5 JWT.
        primary: user name or token.
        secondary: passcode of kind 2, else empty.
        response: a positive server response is asked for.

    Source: PS3.7 Table D.3-14.
    """

    kind: int
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Everything about an association that is negotiated.

    Attributes:
        contexts: 1 to 128 with distinct odd IDs, 1 to 255, each with at least one
            transfer syntax; UIDs of 1 to 64 characters.
        max_pdu: longest P-DATA-TF we want to receive, in bytes, 4 096 to
            16 777 216.
        extended: abstract syntax UID and service class application information of
            1 to 255 bytes, at most one each; only UIDs that `contexts` names.
        operations: how many we want to have in flight, 1 to 65 535; a window is
            proposed above 1 only.
        identity: of the user, or None.

    Source: PS3.8 Section 9.3.2, PS3.7 Annex D.3.3.
    """

    contexts: Sequence[ProposedContext]
    max_pdu: int = 16_384
    extended: Sequence[tuple[str, bytes]] = ()
    operations: int = 1
    identity: UserIdentity | None = None

    @property
    def wants_confirmation(self) -> bool:
        """Whether the peer is asked to confirm the user identity."""
        return self.identity is not None and self.identity.response

    def check(self) -> None:
        """Looks for what cannot be encoded.

        Raises:
            InputError: an attribute breaks a rule above. The sentence never quotes
                the user identity.
        """
        _check_contexts(self.contexts)
        if self.max_pdu not in _MAX_PDU:
            raise InputError(
                f"maximum PDU length {self.max_pdu} is not between 4096 and 16777216"
            )
        if self.operations not in _OPERATIONS:
            raise InputError(
                f"{self.operations} operations in flight; 1 to 65535 are possible"
            )
        _check_extended(self.extended, {one.abstract_syntax for one in self.contexts})
        if self.identity is not None:
            _check_identity(self.identity)


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


def _check_extended(extended: Sequence[tuple[str, bytes]], proposed: set[str]) -> None:
    named = [uid for uid, _ in extended]
    if len(set(named)) < len(named):
        raise InputError("extended negotiation names a SOP Class twice")
    for uid, information in extended:
        if uid not in proposed:
            raise InputError(
                f"extended negotiation of {uid!r}, which no presentation context names"
            )
        if len(information) not in _APPLICATION_INFORMATION:
            raise InputError(
                f"extended negotiation of {uid} has {len(information)} bytes; 1 to 255"
                " are possible"
            )


def _check_identity(identity: UserIdentity) -> None:
    if identity.kind not in _KINDS:
        raise InputError(f"user identity type {identity.kind} is not between 1 and 5")
    if not identity.primary:
        raise InputError("the user identity is empty; it needs a user name or a token")
    if identity.secondary and identity.kind != _WITH_PASSCODE:
        raise InputError(
            f"user identity type {identity.kind} has a passcode; only type 2 can"
        )
    size = len(identity.primary) + len(identity.secondary)
    if size > _LONGEST_IDENTITY:
        raise InputError(
            f"the user identity has {size} bytes; {_LONGEST_IDENTITY} fit into an"
            " association request"
        )
