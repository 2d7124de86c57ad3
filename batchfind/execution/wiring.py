"""From planned peers and requests to endpoints and orders: the only such place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from batchfind.dicom.extended import encode_options, offered_by
from batchfind.dimse.command_set import Priority
from batchfind.execution.executor import Order
from batchfind.net.settings import Endpoint, Limits, Offer, Timeouts
from batchfind.plan.model import Plan, PlannedPeer, Request

_LOOPBACK = "127.0.0.1"


class Wiring:
    """Turns requests of one plan into orders."""

    def __init__(self, plan: Plan, demo_ports: Mapping[str, int]) -> None:
        """Keeps what orders are made from.

        Args:
            plan: whose requests will be ordered.
            demo_ports: port of each embedded peer that was started, by its name.
        """
        self._plan = plan
        self._demo_ports = demo_ports
        self._limits = Limits(
            responses=plan.policy.per_request.responses,
            bytes=plan.policy.per_request.bytes,
            seconds=plan.policy.per_request.time,
        )
        # Requests that are alike share these: they are compared for every request.
        self._timeouts: dict[str, Timeouts] = {}
        self._endpoints: dict[tuple[str, str, str], Endpoint] = {}
        self._offers: dict[tuple[Any, ...], Offer] = {}
        self._groups = {name: self._group(peer) for name, peer in plan.peers.items()}
        self._associations: dict[str, int] = {}
        for name, group in self._groups.items():
            # Of peers that share what they bear, the strictest promise counts.
            most = plan.peers[name].limits.associations
            self._associations[group] = min(self._associations.get(group, most), most)

    def group(self, peer: PlannedPeer) -> str:
        """With whom it shares what it bears: `limits.group`, else host and port."""
        return self._groups[peer.name]

    def associations(self, peer: PlannedPeer) -> int:
        """How many there may be at once with all peers of its group."""
        return self._associations[self._groups[peer.name]]

    def endpoint(self, request: Request) -> Endpoint:
        """Where the request goes and under which AE titles."""
        key = request.peer, request.called_ae, request.calling_ae
        known = self._endpoints.get(key)
        if known is None:
            peer = self._plan.peers[request.peer]
            host, port = self.address(peer)
            known = self._endpoints[key] = Endpoint(
                host,
                port,
                request.called_ae,
                request.calling_ae,
                ip_version=peer.ip_version,
                bind=peer.bind,
            )
        return known

    def address(self, peer: PlannedPeer) -> tuple[str, int]:
        """Host and port of a peer; a demo peer's port is known once it runs."""
        if peer.demo is not None:
            return _LOOPBACK, self._demo_ports[peer.demo]
        if peer.host is None or peer.port is None:
            raise ValueError(f"peer {peer.name} has neither an address nor demo")
        return peer.host, peer.port

    def order(
        self, request: Request, *, series: str = "", alone: bool = False
    ) -> Order:
        """Everything an executor needs to carry the request out.

        Args:
            request: of the plan, or born of one of its answers.
            series: what it shares with its repetitions.
            alone: no other request shall be in flight on its association.
        """
        peer = self._plan.peers[request.peer]
        return Order(
            request=request.id,
            peer=peer.name,
            endpoint=self.endpoint(request),
            offer=self._offer(request, peer),
            timeouts=self._timeouts_of(peer),
            limits=self._limits,
            group=self.group(peer),
            associations=self.associations(peer),
            queries_per_association=peer.limits.queries_per_association,
            sop_class=request.sop_class,
            priority=Priority[request.priority.name],
            identifier=request.identifier,
            charset=request.charset,
            deflate_level=peer.deflate_level,
            cancel=request.cancel,
            fresh=request.fresh_association,
            abort_on_cancel=peer.on_cancel == "abort",
            abort_at_end=peer.end == "abort",
            tls=peer.tls,
            identity=peer.identity,
            negotiation=request.negotiation,
            new_vr_as_ob=request.new_vr_as_ob,
            alone=alone,
            series=series,
        )

    def _group(self, peer: PlannedPeer) -> str:
        if peer.limits.group is not None:
            return peer.limits.group
        host, port = self.address(peer)
        return f"{host.lower()}:{port}"

    def _timeouts_of(self, peer: PlannedPeer) -> Timeouts:
        known = self._timeouts.get(peer.name)
        if known is None:
            known = self._timeouts[peer.name] = timeouts_of(peer)
        return known

    def _offer(self, request: Request, peer: PlannedPeer) -> Offer:
        asked = tuple(request.negotiation)
        key = peer.name, request.sop_class, request.transfer_syntaxes, asked
        known = self._offers.get(key)
        if known is None:
            known = self._offers[key] = Offer(
                (request.sop_class,),
                request.transfer_syntaxes,
                peer.max_pdu,
                extended=extended_offer(request.sop_class, asked),
                operations=peer.operations,
            )
        return known


def extended_offer(
    sop_class: str, asked: Collection[str]
) -> tuple[tuple[str, bytes], ...]:
    """What `Offer.extended` proposes for one SOP Class; nothing when nothing is asked.

    An option the SOP Class lacks cannot be asked; who requires it is told so when
    the association stands.
    """
    options = [name for name in offered_by(sop_class) if name in asked]
    return ((sop_class, encode_options(sop_class, options)),) if options else ()


def timeouts_of(peer: PlannedPeer) -> Timeouts:
    """A peer's deadlines, as the network layer takes them."""
    return Timeouts(**asdict(peer.timeouts))
