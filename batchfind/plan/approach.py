"""How a peer is reached beyond its address, in words for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from batchfind.job.transport_model import IdentityType, Tls, UserIdentity
from batchfind.plan.model import PlannedPeer

_TOKENS: Final = {
    IdentityType.KERBEROS: "with a Kerberos ticket",
    IdentityType.SAML: "with a SAML assertion",
    IdentityType.JWT: "with a JSON Web Token",
}


def way_to(peer: PlannedPeer) -> str:
    """How a peer is reached; nothing for a plain connection. It holds no secret."""
    return ", ".join(_words(peer))


def _words(peer: PlannedPeer) -> Iterator[str]:
    if peer.tls is not None:
        yield _by_tls(peer.tls)
    if peer.identity is not None:
        yield _as_user(peer.identity)
    if peer.bind is not None:
        yield f"from {peer.bind}"
    if peer.ip_version is not None:
        yield f"over IPv{peer.ip_version}"
    if peer.operations > 1:
        yield f"with {peer.operations} C-FINDs in flight"


def _by_tls(tls: Tls) -> str:
    shown = "our" if tls.certificate else "no"
    trust = "" if tls.verify else ", whoever answers"
    return f"by TLS {tls.profile} with {shown} certificate{trust}"


def _as_user(identity: UserIdentity) -> str:
    return _TOKENS.get(identity.type, f"as {identity.username}")
