"""Can each peer be reached, and does it offer what the job will ask for?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from batchfind.capture.records import Cause
from batchfind.dicom.extended import OPTIONS
from batchfind.dimse.command_set import VERIFICATION
from batchfind.errors import BatchfindError, NoContext, NotNegotiated
from batchfind.execution.connecting import connect
from batchfind.execution.credentials import Credentials
from batchfind.execution.demo_process import demo_peers
from batchfind.execution.executor import Order
from batchfind.execution.negotiated import Negotiated, negotiated
from batchfind.execution.wiring import Wiring, extended_offer
from batchfind.execution.wording import cause_of
from batchfind.job.transport_model import Asked
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint
from batchfind.plan.model import Plan, Request

_SUCCESS = 0x0000


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReport:
    """What one pair of AE titles got at one peer.

    Attributes:
        address: `host:port` that answered, or as the job names it.
        ok: every context and every required option was accepted, and C-ECHO
            succeeded where it is offered.
        seconds: from connecting to the release.
        contexts: abstract and transfer syntax UIDs of the accepted contexts.
        implementation: version name and class UID as the peer gave them.
        tls: protocol version and cipher suite, or empty.
        certificate: whose certificate the peer showed and when it ends, or empty.
        accepted, refused: options of extended negotiation that the job asks for.
        operations: C-FINDs that may be in flight; 0 is without limit.
        confirmed: the peer confirmed the user identity.
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
    tls: str = ""
    certificate: str = ""
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    operations: int = 1
    confirmed: bool = False
    cause: Cause | None


@dataclass(slots=True)
class _Target:
    """A peer under one pair of AE titles, with everything the job will ask there.

    Attributes:
        order: of its first request.
        asked: SOP Class UID to the options its requests ask for.
    """

    order: Order
    asked: dict[str, dict[str, Asked]] = field(default_factory=dict)

    def add(self, request: Request) -> None:
        """Asks for what this request needs, too."""
        options = self.asked.setdefault(request.sop_class, {})
        for name, how_much in request.negotiation.items():
            if options.get(name) is not Asked.REQUIRE:
                options[name] = how_much

    def wanted(self) -> Order:
        """The order with all information models in one offer."""
        offer = replace(
            self.order.offer,
            abstract_syntaxes=tuple(self.asked),
            extended=tuple(
                pair
                for sop_class, options in self.asked.items()
                for pair in extended_offer(sop_class, options)
            ),
        )
        return replace(self.order, offer=offer)

    def options(self, client: Client) -> Negotiated:
        """What became of the options; one counts when every model got it."""
        answers = client.accepted.extended
        found = [
            negotiated(sop_class, asked, answers)
            for sop_class, asked in self.asked.items()
        ]
        missing = {name for each in found for name in each.missing}
        refused = {name for each in found for name in each.refused} - missing
        accepted = {name for each in found for name in each.accepted}
        return Negotiated(
            _ordered(accepted - refused - missing), _ordered(missing), _ordered(refused)
        )


async def ping_plan(
    plan: Plan, credentials: Credentials | None = None
) -> tuple[PingReport, ...]:
    """One report for every peer and AE pair of the plan, in plan order.

    Args:
        plan: whose peers are asked.
        credentials: of these peers; None reads them without asking anybody.

    Raises:
        JobError: a secret or a certificate cannot be read.
    """
    if credentials is None:
        credentials = await asyncio.to_thread(Credentials.load, plan)
    async with demo_peers(plan) as ports:
        with Resolver() as resolver:
            calls = [
                _ping(target, credentials, resolver)
                for target in _targets(plan, Wiring(plan, ports))
            ]
            return tuple(await asyncio.gather(*calls))


def _targets(plan: Plan, wiring: Wiring) -> Iterable[_Target]:
    """Every peer and AE pair once."""
    found: dict[tuple[str, Endpoint], _Target] = {}
    for request in plan.requests:
        key = (request.peer, wiring.endpoint(request))
        if key not in found:
            found[key] = _Target(wiring.order(request))
        found[key].add(request)
    return found.values()


async def _ping(
    target: _Target, credentials: Credentials, resolver: Resolver
) -> PingReport:
    loop = asyncio.get_running_loop()
    started = loop.time()
    order = target.wanted()
    peer, endpoint = order.peer, order.endpoint
    cause: Cause | None = None
    client: Client | None = None
    options = Negotiated()
    try:
        client = await _connect(order, credentials, resolver)
        cause = await _echo(client, peer, endpoint)
        options = target.options(client)
        if options.missing:
            raise NotNegotiated(options.refusal)
    except BatchfindError as error:
        cause = cause_of(error, peer, endpoint, "query" if client else "association")
    if client is not None:
        await client.release()
    return replace(
        _report(order, client, cause),
        seconds=loop.time() - started,
        accepted=options.accepted,
        refused=_ordered((*options.refused, *options.missing)),
    )


async def _connect(
    order: Order, credentials: Credentials, resolver: Resolver
) -> Client:
    """With Verification if the peer offers it: worklist SCPs sometimes do not."""
    offer = order.offer
    syntaxes = (*offer.abstract_syntaxes, VERIFICATION)
    wider = replace(order, offer=replace(offer, abstract_syntaxes=syntaxes))
    try:
        return await connect(wider, credentials, resolver)
    except NoContext:
        return await connect(order, credentials, resolver)


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


def _report(order: Order, client: Client | None, cause: Cause | None) -> PingReport:
    endpoint = order.endpoint
    report = PingReport(
        peer=order.peer,
        address=f"{endpoint.host}:{endpoint.port}",
        called_ae=endpoint.called_ae,
        calling_ae=endpoint.calling_ae,
        ok=cause is None,
        seconds=0.0,
        contexts=(),
        implementation="",
        cause=cause,
    )
    if client is None:
        return report
    accepted = client.accepted
    parts = (accepted.implementation_version, accepted.implementation_uid)
    return replace(
        report,
        address=str(client.address),
        contexts=tuple(
            (context.abstract_syntax, context.transfer_syntax)
            for context in accepted.contexts
            if context.abstract_syntax != VERIFICATION
        ),
        implementation=" ".join(part for part in parts if part),
        tls=client.tls_facts,
        certificate=_certificate(client),
        operations=accepted.operations,
        confirmed=accepted.identity_response is not None,
    )


def _certificate(client: Client) -> str:
    shown = client.certificate
    if shown is None:
        return ""
    return f"{shown.subject}, issued by {shown.issuer}, until {shown.ends:%Y-%m-%d}"


def _ordered(names: Iterable[str]) -> tuple[str, ...]:
    chosen = set(names)
    return tuple(name for name in OPTIONS if name in chosen)
