"""User identities with their secrets, as they go on the wire."""

from __future__ import annotations

from typing import Final

from batchfind.errors import InputError
from batchfind.execution.secret_sources import Ask, read_secret, read_ticket
from batchfind.job.transport_model import IdentityType, Secret, UserIdentity
from batchfind.net import settings

_LONGEST_FIELD: Final = 0xFFFF
#: Source: PS3.7 Table D.3-14.
_KINDS: Final = {
    IdentityType.USERNAME: 1,
    IdentityType.USERNAME_PASSWORD: 2,
    IdentityType.KERBEROS: 3,
    IdentityType.SAML: 4,
    IdentityType.JWT: 5,
}


def read_identity(
    identity: UserIdentity, peer: str, ask: Ask | None
) -> settings.UserIdentity:
    """A user identity with its secrets read.

    Args:
        identity: as the job says it.
        peer: its first peer, for questions.
        ask: asks at the terminal; None when there is none.

    Raises:
        InputError: a secret cannot be read, or does not fit into its field.
    """
    primary, secondary = identity.username.encode(), b""
    if identity.type is IdentityType.USERNAME_PASSWORD:
        question = f"password of user {identity.username} at {peer}"
        secret = _given(identity.password, "password")
        secondary = read_secret(secret, question, ask)
    elif identity.type is not IdentityType.USERNAME:
        question = f"{identity.type.value} token for {peer}"
        secret = _given(identity.token, "token")
        read = read_ticket if identity.type is IdentityType.KERBEROS else read_secret
        primary = read(secret, question, ask)
    for part in (primary, secondary):
        if len(part) > _LONGEST_FIELD:
            raise InputError(
                f"a field of the user identity has {len(part)} bytes; at most "
                f"{_LONGEST_FIELD} can be sent (PS3.7 D.3.3.7)"
            )
    return settings.UserIdentity(
        _KINDS[identity.type], primary, secondary, identity.response
    )


def _given(secret: Secret | None, field: str) -> Secret:
    if secret is None:
        raise InputError(f"this type of user identity needs a {field}")
    return secret
