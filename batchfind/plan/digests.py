"""Request keys and the plan digest: what was asked, as one number.

Host, port, timeouts and limits are transport: they are in no digest. Of TLS the
profile counts, of the user identity its type and user name: never a secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from batchfind.dicom.encode import canonical_bytes
from batchfind.digest import canonical_json, sha256_of
from batchfind.job.model import Peer
from batchfind.plan.model import PlannedPeer, PlannedQuery, Request


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
    return KeyFrame(request, peer).key(canonical)


class KeyFrame:
    """The request keys of requests that differ in nothing but their Identifiers.

    What they have in common is serialised and hashed once.
    """

    def __init__(self, request: Request, peer: Peer | PlannedPeer) -> None:
        """As for `request_key`; the Identifier is not read."""
        common = canonical_json(_asked(request, peer) | {_IDENTIFIER: ""})
        before, _, self._after = common.partition(_PLACE)
        self._begun = hashlib.sha256(before + _PLACE[:-1])

    def key(self, canonical: bytes) -> str:
        """The key of the request with this Identifier; as for `request_key`."""
        digest = self._begun.copy()
        digest.update(canonical.hex().encode("ascii"))
        digest.update(b'"' + self._after)
        return digest.hexdigest()


class KeyFrames:
    """The frames of many requests, each made once."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], KeyFrame] = {}

    def of(self, request: Request, peer: Peer | PlannedPeer) -> KeyFrame:
        """The frame of a request at the peer it goes to."""
        # Everything of a request that `_asked` reads, and what `peer` stands for.
        place = (
            *(request.query, request.peer, request.calling_ae, request.called_ae),
            *(request.sop_class, request.transfer_syntaxes, request.priority),
            *(request.cancel, request.repetition, request.new_vr_as_ob),
            *request.negotiation.items(),
        )
        if place not in self._known:
            self._known[place] = KeyFrame(request, peer)
        return self._known[place]


_IDENTIFIER: Final = "identifier"
_PLACE: Final = b'"identifier":""'
"""Where it stands in the JSON: no text holds quotation marks like these."""


def _asked(request: Request, peer: Peer | PlannedPeer) -> dict[str, Any]:
    after = request.cancel.after
    asked = {name: one.value for name, one in request.negotiation.items()}
    identity = peer.identity
    user = identity and {"type": identity.type.value, "username": identity.username}
    return {
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
        # Only where it is asked for, so that all other keys stay as they were.
        **({"new_vr": "ob"} if request.new_vr_as_ob else {}),
    }


def plan_digest(
    requests: Iterable[Request], queries: Iterable[PlannedQuery] = ()
) -> str:
    """SHA-256 over everything that decides what peers are asked.

    Args:
        requests: in plan order; their ids and request keys count, and what they have
            of family and extent.
        queries: how their requests are cut and grow counts, where they are.

    Returns:
        64 hexadecimal digits.
    """
    born = (_born(query) for query in queries if query.splitting or query.growing)
    return sha256_of([*map(_identified, requests), *born])


def _identified(request: Request) -> list[Any]:
    """What tells a request from others; old ones have nothing but id and key."""
    known: list[Any] = [request.id, request.key]
    extent = request.extent
    if request.family or extent is not None:
        known.append(request.family)
    if extent is not None:
        by = extent.by and extent.by.value
        known += [extent.first, extent.last, extent.low, extent.high, by, extent.then]
    return known


def _born(query: PlannedQuery) -> dict[str, Any]:
    """What becomes requests while a job runs."""
    splitting, growing = query.splitting, query.growing
    return {
        "query": query.name,
        "splitting": splitting
        and {
            "date": splitting.date.dotted,
            "time": splitting.time and splitting.time.dotted,
            "floor": splitting.floor,
            "unset": splitting.unset.value,
            "then": [
                [one.key.dotted, one.values, one.exhaustive] for one in splitting.then
            ],
        },
        "growing": growing
        and {
            "query": growing.query,
            "binds": [[one.child.dotted, one.parent.dotted] for one in growing.binds],
            "columns": {name: one.dotted for name, one in growing.columns.items()},
            "limit": growing.limit,
            "patterns": [_identified(one) for one in growing.patterns],
        },
    }
