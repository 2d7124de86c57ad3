"""Can each peer be reached, and does it offer what the job will ask for?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from batchfind.capture.records import Cause
from batchfind.dimse.command_set import VERIFICATION
from batchfind.errors import BatchfindError, NoContext
from batchfind.execution.demo_process import demo_peers
from batchfind.execution.wiring import Wiring
from batchfind.execution.wording import cause_of
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts
from batchfind.plan.model import Plan, Request

_SUCCESS = 0x0000


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReport:
    """What one pair of AE titles got at one peer.

    Attributes:
        address: `host:port` that answered, or as the job names it.
        ok: every context was accepted, and C-ECHO succeeded where it is offered.
        seconds: from connecting to the release.
        contexts: abstract and transfer syntax UIDs of the accepted contexts.
        implementation: version name and class UID as the peer gave them.
        cause: why it failed, or None.
    """

    peer: str
    address: str
    called_ae: str
    calling_ae: str
    ok: bool
    seconds: float
    contexts: tuple[tuple[str, str], ...]
    implementation: str
    cause: Cause | None


async def ping_plan(plan: Plan) -> tuple[PingReport, ...]:
    """One report for every peer and AE pair of the plan, in plan order."""
    async with demo_peers(plan) as ports:
        wiring = Wiring(plan, ports)
        with Resolver() as resolver:
            calls = [
                _ping(peer, endpoint, offer, timeouts, resolver)
                for peer, endpoint, offer, timeouts in _targets(plan, wiring)
            ]
            return tuple(await asyncio.gather(*calls))


def _targets(
    plan: Plan, wiring: Wiring
) -> Iterable[tuple[str, Endpoint, Offer, Timeouts]]:
    """Every peer and AE pair once, with all its information models in one offer."""
    found: dict[tuple[str, Endpoint], tuple[Offer, Timeouts]] = {}
    for request in plan.requests:
        order = wiring.order(request)
        key = (request.peer, order.endpoint)
        offer, timeouts = found.get(key, (order.offer, order.timeouts))
        found[key] = (_with(offer, request), timeouts)
    for (peer, endpoint), (offer, timeouts) in found.items():
        yield peer, endpoint, offer, timeouts


def _with(offer: Offer, request: Request) -> Offer:
    if request.sop_class in offer.abstract_syntaxes:
        return offer
    syntaxes = (*offer.abstract_syntaxes, request.sop_class)
    return replace(offer, abstract_syntaxes=syntaxes)


async def _ping(
    peer: str, endpoint: Endpoint, offer: Offer, timeouts: Timeouts, resolver: Resolver
) -> PingReport:
    loop = asyncio.get_running_loop()
    started = loop.time()
    cause = None
    client: Client | None = None
    try:
        client = await _connect(endpoint, offer, timeouts, resolver)
        cause = await _echo(client, peer, endpoint)
        await client.release()
    except BatchfindError as error:
        cause = cause_of(error, peer, endpoint, "query" if client else "association")
    return PingReport(
        peer=peer,
        address=str(client.address) if client else f"{endpoint.host}:{endpoint.port}",
        called_ae=endpoint.called_ae,
        calling_ae=endpoint.calling_ae,
        ok=cause is None,
        seconds=loop.time() - started,
        contexts=_contexts(client),
        implementation=_implementation(client),
        cause=cause,
    )


async def _connect(
    endpoint: Endpoint, offer: Offer, timeouts: Timeouts, resolver: Resolver
) -> Client:
    """With Verification if the peer offers it: worklist SCPs sometimes do not."""
    syntaxes = (*offer.abstract_syntaxes, VERIFICATION)
    wider = replace(offer, abstract_syntaxes=syntaxes)
    try:
        return await Client.connect(endpoint, wider, timeouts, resolver)
    except NoContext:
        return await Client.connect(endpoint, offer, timeouts, resolver)


async def _echo(client: Client, peer: str, endpoint: Endpoint) -> Cause | None:
    if VERIFICATION not in client.negotiated:
        return None
    status = await client.echo(VERIFICATION)
    if status == _SUCCESS:
        return None
    return Cause(
        code="status-failure",
        message=f"{peer} ({endpoint}): C-ECHO ended with status {status:04X}",
        hint="look at the peer's log",
    )


def _contexts(client: Client | None) -> tuple[tuple[str, str], ...]:
    if client is None:
        return ()
    return tuple(
        (context.abstract_syntax, context.transfer_syntax)
        for context in client.accepted.contexts
        if context.abstract_syntax != VERIFICATION
    )


def _implementation(client: Client | None) -> str:
    if client is None:
        return ""
    accepted = client.accepted
    parts = (accepted.implementation_version, accepted.implementation_uid)
    return " ".join(part for part in parts if part)
