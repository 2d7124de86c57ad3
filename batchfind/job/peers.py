"""Peers of a job: defaults merged, host or demo settled."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from batchfind.dicom.charset import resolve
from batchfind.dicom.code_extensions import extends, values_of
from batchfind.dicom.transfer_syntaxes import PRESETS, TITLES, proposal_of
from batchfind.job.documents import overlay
from batchfind.job.hosts import host_problem, read_bind, read_ip_version
from batchfind.job.identity import (
    identity_materials,
    read_identity,
    read_negotiation,
)
from batchfind.job.limits import check_hours, read_limits
from batchfind.job.model import (
    CharsetPolicy,
    Peer,
    PeerTimeouts,
    Priority,
    Scalar,
)
from batchfind.job.nodes import MappingNode, ScalarNode
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean
from batchfind.job.tls import OFF, materials_of, read_peer_tls, read_tls_entries
from batchfind.job.transport_model import Material, Tls
from batchfind.job.zones import zone_hint

CALLED_AE: Final = "ANY-SCP"
CALLING_AE: Final = "BATCHFIND"
_REGION: Final = re.compile(r"(?!posix/|right/)[A-Za-z_]+/")
_OF_REAL_PEERS: Final = ("host", "port", "ip_version", "bind", "tls")
"""What says nothing about a peer that is started here, on an address of its own."""
STANDARD: Final = "standard"
SMALLEST_PDU: Final = 4096
LARGEST_PDU: Final = 131_072


@dataclass(frozen=True, slots=True)
class Peers:
    """Every peer that is a mapping, and the files that connections with it need."""

    by_name: dict[str, Peer]
    materials: dict[str, tuple[Material, ...]]


def read_peers(root: Section, *, complete: bool) -> Peers:
    """The peers of a job; each one's problems are reported.

    Args:
        root: the job, with what it includes.
        complete: every included file could be read.
    """
    defaults = root.section("peer_defaults").node
    entries = read_tls_entries(root)
    peers = Peers({}, {})
    sections: dict[str, Section] = {}
    for key, own in root.section("peers").sections():
        peer = sections[key.text] = _over_defaults(own, defaults)
        tls = read_peer_tls(peer, key.text, entries, complete=complete)
        peers.by_name[key.text] = _read_peer(key, own, peer, tls and tls[0])
        needed = [*identity_materials(peer), *(materials_of(tls[1]) if tls else ())]
        peers.materials[key.text] = tuple(needed)
    check_hours(root, peers.by_name, sections)
    if complete and not root.has("peers"):
        root.error("peers", "a job needs peers; write them here or include a file")
    elif complete and not (root.section("peers").node.by_name or peers.by_name):
        root.error("peers", "a job needs at least one peer")
    return peers


def check_ae_title(section: Section, name: str) -> Scalar | None:
    """An AE title; one without a template is checked.

    Source: PS3.5 Section 6.2, VR AE.
    """
    scalar = section.scalar(name)
    if scalar is None or "{{" in scalar.text or "{%" in scalar.text:
        return scalar
    text = scalar.text.strip(" ")
    if not 1 <= len(text) <= 16 or not text.isascii() or not text.isprintable():
        section.error(name, "must be an AE title of 1 to 16 ASCII characters")
    elif "\\" in text:
        section.error(name, "an AE title holds no backslash")
    return scalar


def check_timezone(section: Section) -> str | None:
    """The field `timezone`, known to the time zone database."""
    zone = section.text("timezone")
    if zone is None:
        return None
    try:
        ZoneInfo(zone)
    except (ValueError, LookupError, OSError):
        message = f"'{zone[:64]}' is no IANA time zone{zone_hint(zone)}"
        section.error("timezone", message)
    else:
        if zone != "UTC" and not _REGION.match(zone):
            message = (
                f"'{zone[:64]}' is not the same everywhere; write a zone with its "
                "region, such as Europe/Berlin, or UTC"
            )
            section.error("timezone", message)
    return zone


def _over_defaults(own: Section, defaults: MappingNode) -> Section:
    """A peer over `peer_defaults`."""
    if own.has("demo"):
        entries = defaults.by_name.items()
        real = (*_OF_REAL_PEERS, "user_identity")
        kept = {name: one for name, one in entries if name not in real}
        defaults = MappingNode(kept, defaults.mark)
    return Section(overlay(defaults, own.node), own.path, own.report)


def _read_peer(key: ScalarNode, own: Section, peer: Section, tls: Tls | None) -> Peer:
    _check_address(own, peer)
    return Peer(
        name=key.text,
        mark=key.mark,
        host=peer.text("host"),
        demo=peer.text("demo"),
        called_ae=check_ae_title(peer, "called_ae") or Scalar(CALLED_AE, key.mark),
        calling_ae=check_ae_title(peer, "calling_ae") or Scalar(CALLING_AE, key.mark),
        transfer_syntaxes=_transfer_syntaxes(peer),
        timeouts=_timeouts(peer.section("timeouts")),
        limits=read_limits(peer),
        charset=_charset(peer.section("charset")),
        timezone=check_timezone(peer),
        vars=peer.mapping("vars"),
        ip_version=read_ip_version(peer),
        bind=read_bind(peer),
        tls=tls,
        identity=read_identity(peer, tls),
        negotiation=read_negotiation(peer),
        new_vr_as_ob=peer.text("new_vr") == "ob",
        **_simple_fields(peer),
    )


def _simple_fields(peer: Section) -> dict[str, Any]:
    fields: dict[str, Any] = peer.integers("port", "deflate_level")
    fields |= peer.sizes("max_pdu")
    bytes_ = fields.get("max_pdu", SMALLEST_PDU)
    if not SMALLEST_PDU <= bytes_ <= LARGEST_PDU and _is_text(peer, "max_pdu"):
        peer.error("max_pdu", f"must be {SMALLEST_PDU} to {LARGEST_PDU} bytes")
    for name in ("end", "on_cancel"):
        if (text := peer.text(name)) is not None:
            fields[name] = text
    if peer.text("priority") in {one.value for one in Priority}:
        fields["priority"] = Priority(peer.text("priority"))
    return fields


def _is_text(section: Section, name: str) -> bool:
    """Whether a byte count has a unit: only then the schema cannot see its range."""
    text = section.text(name) or ""
    return not text.isdecimal()


def _check_address(own: Section, peer: Section) -> None:
    if own.has("demo"):
        for name in _OF_REAL_PEERS:
            if own.has(name) and own.text(name) != OFF:
                own.error(name, f"a demo peer has no {name}; remove {name} or demo")
        return
    for name in ("host", "port"):
        if not peer.has(name):
            message = (
                f"the field '{name}' is missing; a peer has host and port, or demo"
            )
            own.report.error(own.node.mark, own.path, message)
    if problem := host_problem(peer.text("host") or ""):
        peer.error("host", problem)


def _transfer_syntaxes(peer: Section) -> tuple[str, ...]:
    names = peer.texts("transfer_syntaxes") or (STANDARD,)
    try:
        return proposal_of(names)
    except ValueError as error:
        unknown = next(
            (name for name in names if name not in PRESETS and name not in TITLES), ""
        )
        meant = did_you_mean(unknown, [*PRESETS, *TITLES])
        peer.error("transfer_syntaxes", f"{error}{meant}")
        return ()


def _timeouts(timeouts: Section) -> PeerTimeouts:
    names = ("connect", "acse", "response", "cancel", "release", "idle")
    return PeerTimeouts(**timeouts.durations(*names))


def _charset(charset: Section) -> CharsetPolicy:
    request = charset.texts("request")
    if "" in request and not any(map(extends, request)):
        message = "an empty term stands before ISO 2022 terms only; remove it"
        charset.error("request", message)
    policy = CharsetPolicy(
        request=() if request == ("auto",) else values_of(request),
        assume=_term(charset, "assume"),
        override=_term(charset, "override"),
    )
    given = [("request", term) for one in policy.request for term in one.split("\\")]
    given += [("assume", policy.assume or ""), ("override", policy.override or "")]
    for name, term in given:
        problems = resolve(term).problems if term else ()
        if problems:
            charset.error(name, f"{problems[0]}; write a term such as ISO_IR 100")
    return policy


def _term(charset: Section, name: str) -> str | None:
    text = charset.text(name)
    return None if text == "none" else text
