"""What a peer can bear: `limits` of a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from batchfind.job.hours import EndlessError, Interval, interval
from batchfind.job.model import Peer, PeerLimits, ResponseCap
from batchfind.job.nodes import ScalarNode, SequenceNode
from batchfind.job.section import Section
from batchfind.job.units import rate

_ANY: Final = "any"


def read_limits(peer: Section) -> PeerLimits:
    """The limits of a peer; hours that say nothing are reported.

    Args:
        peer: with the defaults that it takes over.
    """
    limits = peer.section("limits")
    numbers = limits.integers("associations", "queries_per_association")
    written = None
    with suppress(ValueError):  # the schema has reported what is no rate
        written = rate(limits.text("rate") or "none")
    return PeerLimits(
        **numbers,
        rate=written,
        response_cap=_response_cap(limits),
        hours=tuple(_hours(limits)),
        group=limits.text("group"),
    )


def check_hours(
    root: Section, peers: Mapping[str, Peer], sections: Mapping[str, Section]
) -> None:
    """Reports hours without a time zone, and groups of peers with several.

    Args:
        root: the job.
        peers: by name.
        sections: fields of each with the defaults that it takes over.
    """
    first: dict[object, Peer] = {}
    for name, peer in peers.items():
        if not peer.limits.hours:
            continue
        limits = sections[name].section("limits")
        if peer.timezone is None and not root.has("timezone"):
            limits.error(
                "hours",
                "the field 'timezone' is missing, and hours depend on it; write it at "
                "the top of the job or at the peer, such as 'timezone: Europe/Berlin'",
            )
        zone = root.text("timezone")
        other = first.setdefault(_group(peer), peer)
        if _opening(other, zone) != _opening(peer, zone):
            limits.error(
                "hours",
                f"peer {other.name} is the same machine as {name}, and has other hours "
                "or another time zone; write the same for both, or give one of them a "
                "limits.group of its own",
            )


def _opening(peer: Peer, zone: str | None) -> tuple[frozenset[Interval], str | None]:
    return frozenset(peer.limits.hours), peer.timezone or zone


def _group(peer: Peer) -> object:
    """What peers have in common that share their limits."""
    if peer.limits.group is not None:
        return peer.limits.group
    return peer.demo or ((peer.host or "").lower(), peer.port)


def _hours(limits: Section) -> Iterator[Interval]:
    if limits.text("hours") == _ANY:
        return
    listed = isinstance(limits.node.get("hours"), SequenceNode)
    for number, item in enumerate(limits.items("hours")):
        place = limits.place(f"hours[{number}]" if listed else "hours")
        if isinstance(item, ScalarNode):
            try:
                yield interval(item.text)
            except EndlessError as error:
                limits.report.error(item.mark, place, str(error))
            except ValueError:
                continue  # the schema has reported what are no hours


def _response_cap(limits: Section) -> ResponseCap:
    levels = limits.section("response_cap")
    if numbers := levels.integers(*(key.text for key, _ in levels.entries())):
        return ResponseCap(declared=numbers)
    written = limits.text("response_cap")
    if written in (None, "auto"):
        return ResponseCap()
    if written == "none":
        return ResponseCap(auto=False)
    every = limits.integers("response_cap").get("response_cap")
    return ResponseCap(declared={} if every is None else {"": every})
