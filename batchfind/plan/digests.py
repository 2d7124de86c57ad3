"""Request keys and the plan digest: what was asked, as one number.

Host, port, timeouts and limits are transport: they are in no digest. Of TLS the
profile counts, of the user identity its type and user name: never a secret.
"""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.dicom.encode import canonical_bytes
from batchfind.digest import sha256_of
from batchfind.job.model import Peer
from batchfind.plan.model import PlannedPeer, Request


def request_key(
    request: Request, peer: Peer | PlannedPeer, canonical: bytes | None = None
) -> str:
    """SHA-256 over everything that can change what a peer is asked.

    Args:
        request: its `key` and `id` are not read.
        peer: the peer it goes to; only whether it is reached by TLS and as which
            user is read.
        canonical: the Identifier in Explicit VR Little Endian with defined
            lengths, where it is known already.

    Returns:
        64 hexadecimal digits. Equal keys and an equal transfer syntax give the same
        bytes on the wire.
    """
    if canonical is None:
        canonical = canonical_bytes(request.identifier, request.charset)
    after = request.cancel.after
    asked = {name: one.value for name, one in request.negotiation.items()}
    identity = peer.identity
    user = identity and {"type": identity.type.value, "username": identity.username}
    return sha256_of(
        {
            "query": request.query,
            "peer": request.peer,
            "calling_ae": request.calling_ae,
            "called_ae": request.called_ae,
            "sop_class": request.sop_class,
            "transfer_syntaxes": request.transfer_syntaxes,
            "priority": request.priority.value,
            "negotiation": asked or None,
            "identity": user,
            "tls": peer.tls and peer.tls.profile,
            "cancel": {
                "after_responses": request.cancel.after_responses,
                "after_ms": None if after is None else round(after * 1000),
            },
            "repetition": request.repetition,
            "identifier": canonical.hex(),
            # Only where it is asked for, so that all other keys stay as they were.
            **({"new_vr": "ob"} if request.new_vr_as_ob else {}),
        }
    )


def plan_digest(requests: Iterable[Request]) -> str:
    """SHA-256 over ids and request keys in plan order, 64 hexadecimal digits."""
    return sha256_of([[request.id, request.key] for request in requests])
