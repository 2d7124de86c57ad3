"""A peer's `user_identity` and `negotiation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from batchfind.dicom.extended import OPTIONS
from batchfind.job.secret import read_secret
from batchfind.job.section import Section
from batchfind.job.tls import files_of
from batchfind.job.transport_model import (
    Asked,
    IdentityType,
    Material,
    Negotiation,
    Tls,
    UserIdentity,
)

_FIELDS: Final = ("username", "password", "token")
_NEEDED: Final = {
    IdentityType.USERNAME: {"username"},
    IdentityType.USERNAME_PASSWORD: {"username", "password"},
    IdentityType.KERBEROS: {"token"},
    IdentityType.SAML: {"token"},
    IdentityType.JWT: {"token"},
}
"""What each type consists of. Source: PS3.7 Table D.3-14."""


def read_identity(peer: Section, tls: Tls | None) -> UserIdentity | None:
    """Who the user is towards a peer; None when nothing is said.

    Args:
        peer: the peer, over its defaults; problems are reported.
        tls: how it is reached: what is secret needs encryption.
    """
    if not peer.has("user_identity"):
        return None
    own = peer.section("user_identity")
    written = own.text("type")
    if written not in {one.value for one in IdentityType}:
        return None  # the schema has said so
    kind = IdentityType(written)
    for name in _FIELDS:
        if name in _NEEDED[kind] and not own.has(name):
            message = f"the type {kind.value} needs a {name}; write it beside"
            own.error("type", message)
        elif own.has(name) and name not in _NEEDED[kind]:
            own.error(name, f"the type {kind.value} has no {name}; remove it")
    identity = UserIdentity(
        type=kind,
        username=_username(own),
        password=read_secret(own, "password"),
        token=read_secret(own, "token"),
        **own.flags("response", "insecure_ok"),
    )
    _check_secrecy(own, identity, tls)
    return identity


def identity_materials(peer: Section) -> Iterator[Material]:
    """Every file that a peer's user identity needs, with its place."""
    own = peer.section("user_identity")
    for name in ("password", "token"):
        yield from files_of(own.section(name), "file")


def read_negotiation(peer: Section) -> Negotiation:
    """What is asked of a peer beyond the baseline."""
    own = peer.section("negotiation")
    choices = {one.value: one for one in (Asked.PREFER, Asked.REQUIRE)}
    written = {name: own.text(name) or "" for name in OPTIONS}
    return Negotiation(
        options={
            name: choices[text] for name, text in written.items() if text in choices
        },
        **own.integers("async_operations"),
    )


def _username(own: Section) -> str:
    name = own.text("username") or ""
    if "{{" in name or "{%" in name:
        own.error("username", "a user name is no template; write it, and one peer each")
    elif own.has("username") and not (name.strip() and name.isprintable()):
        own.error("username", "must be a user name without control characters")
    return name


def _check_secrecy(own: Section, identity: UserIdentity, tls: Tls | None) -> None:
    """A password or token that whoever listens could read, or whoever answers."""
    if identity.type is IdentityType.USERNAME:
        return
    what = "password" if "password" in _NEEDED[identity.type] else "token"
    if identity.insecure_ok:
        return
    if tls is None or tls.profile == "null":
        danger = "would cross the network without encryption; give the peer tls"
    elif not tls.verify:
        danger = (
            "would go to whoever answers, since tls has verify: none; verify the peer"
        )
    else:
        return
    own.error("type", f"the {what} {danger}, or write insecure_ok: true")
