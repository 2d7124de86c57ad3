"""Request keys and the plan digest: what was asked, as one number.

Host, port, timeouts and limits are transport: they are in no digest.
"""

from __future__ import annotations

from collections.abc import Iterable

from batchfind.dicom.encode import canonical_bytes
from batchfind.digest import sha256_of
from batchfind.plan.model import Request


def request_key(request: Request, canonical: bytes | None = None) -> str:
    """SHA-256 over everything that can change what a peer is asked.

    Args:
        request: its `key` and `id` are not read.
        canonical: the Identifier in Explicit VR Little Endian with defined
            lengths, where it is known already.

    Returns:
        64 hexadecimal digits. Equal keys and an equal transfer syntax give the same
        bytes on the wire.
    """
    if canonical is None:
        canonical = canonical_bytes(request.identifier, request.charset)
    after = request.cancel.after
    return sha256_of(
        {
            "query": request.query,
            "peer": request.peer,
            "calling_ae": request.calling_ae,
            "called_ae": request.called_ae,
            "sop_class": request.sop_class,
            "transfer_syntaxes": request.transfer_syntaxes,
            "priority": request.priority.value,
            # Not offered yet; named here so that keys stay equal once they are.
            "negotiation": None,
            "identity": None,
            "tls": None,
            "cancel": {
                "after_responses": request.cancel.after_responses,
                "after_ms": None if after is None else round(after * 1000),
            },
            "repetition": request.repetition,
            "identifier": canonical.hex(),
        }
    )


def plan_digest(requests: Iterable[Request]) -> str:
    """SHA-256 over ids and request keys in plan order, 64 hexadecimal digits."""
    return sha256_of([[request.id, request.key] for request in requests])
