"""One association as an async client: connect, find, echo, release, abort."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Self

from batchfind.dimse.command_set import Priority
from batchfind.dimse.messages import Echoed
from batchfind.errors import (
    AssociateTimeout,
    BatchfindError,
    IdentityUnconfirmed,
    NoContext,
    ResponseTimeout,
)
from batchfind.net.connect import open_channel
from batchfind.net.exchange import Exchange
from batchfind.net.find import Find
from batchfind.net.inbox import Inbox
from batchfind.net.link import Link
from batchfind.net.resolver import Address, Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts, UserIdentity
from batchfind.net.tls import TlsClient
from batchfind.net.x509 import Certificate
from batchfind.ul.association import Association
from batchfind.ul.contexts import NegotiatedContext, ProposedContext, RefusedContext
from batchfind.ul.events import (
    Aborted,
    Accepted,
    Associate,
    Closed,
    Rejected,
    Release,
    Released,
    ReleaseRequested,
    ReleaseResponse,
    Tolerated,
)
from batchfind.ul.proposal import Proposal

#: An SCP that refuses a user rejects as ACSE. Source: PS3.7 Annex D.3.3.7.3.
_ACSE = 2
_USER_REFUSED = (
    "the peer may have refused the user: check user_identity and what the peer's "
    "administrator allows it"
)


class Client:
    """An open association with one SCP.

    As many operations may run on it at once as were negotiated, each in a task of its
    own; one that is left before its end ends the association for all.

    Attributes:
        endpoint: the peer, as asked for.
        address: the address that answered.
        accepted: what was negotiated.
        negotiated: usable presentation contexts by abstract syntax UID.
    """

    def __init__(
        self, endpoint: Endpoint, address: Address, link: Link, accepted: Accepted
    ) -> None:
        self.endpoint = endpoint
        self.address = address
        self.accepted = accepted
        self.negotiated: Mapping[str, NegotiatedContext] = {
            context.abstract_syntax: context for context in accepted.contexts
        }
        self._link = link
        self._exchange = Exchange(link, accepted.operations)
        self._finds = 0

    @classmethod
    async def connect(
        cls,
        endpoint: Endpoint,
        offer: Offer,
        timeouts: Timeouts,
        resolver: Resolver,
        *,
        tls: TlsClient | None = None,
        identity: UserIdentity | None = None,
    ) -> Self:
        """Opens an association in which every abstract syntax offered is usable.

        Args:
            endpoint: the peer and the AE titles.
            offer: what is proposed.
            timeouts: deadlines of this and of all that follows.
            resolver: looks the name up.
            tls: how the connection is secured, or None: it is not.
            identity: of the user; when it asks for a response, the association is
                released again if the peer does not confirm it.

        Raises:
            PeerError: of the subclass that names what went wrong.
            InputError: an AE title, the offer or the identity cannot be encoded.
        """
        association = Association(
            calling_ae=endpoint.calling_ae,
            called_ae=endpoint.called_ae,
            proposal=Proposal(
                contexts=_contexts(offer),
                max_pdu=offer.max_pdu,
                extended=offer.extended,
                operations=offer.operations,
                identity=identity,
            ),
        )
        channel, address = await open_channel(endpoint, resolver, timeouts, tls)
        link = Link(channel, association, timeouts)
        try:
            accepted = await _negotiate(link, identity)
        except BaseException:
            link.abort()
            raise
        return cls(endpoint, address, link, accepted)

    @property
    def tls_facts(self) -> str:
        """Version and cipher suite, or empty without TLS."""
        return self._link.tls_facts

    @property
    def certificate(self) -> Certificate | None:
        """The certificate the peer showed, or None without TLS."""
        return self._link.certificate

    @property
    def idle_timeout(self) -> float | None:
        """How long it may stay unused, in seconds."""
        return self._link.timeouts.idle

    @property
    def served(self) -> int:
        """C-FINDs sent on this association."""
        return self._finds

    @property
    def proven(self) -> bool:
        """Whether an operation was answered to its end on this association."""
        return self._exchange.served

    @property
    def reusable(self) -> bool:
        """Whether another C-FIND may use it: drained, and the peer said nothing."""
        return self.alive and self._link.operations.drained and self._link.quiet

    @property
    def alive(self) -> bool:
        """Whether the association stands, as far as is known."""
        return not self._exchange.over

    def find(
        self,
        sop_class: str,
        encode: Callable[[str], bytes],
        priority: Priority = Priority.MEDIUM,
        *,
        flush_responses: int | None = None,
    ) -> Find:
        """A C-FIND, sent when the result is entered with `async with`.

        Args:
            sop_class: UID of a negotiated abstract syntax.
            encode: gives the Identifier in a transfer syntax UID.
            priority: of the C-FIND-RQ.
            flush_responses: hand a set on as soon as so many responses came, for a
                caller that wants to cancel then.

        Source: PS3.7 Section 9.1.2.
        """
        context = self.negotiated[sop_class]
        self._finds += 1
        return Find(
            self._link,
            self._exchange,
            context_id=context.id,
            sop_class=sop_class,
            priority=priority,
            identifier=encode(context.transfer_syntax),
            flush_responses=flush_responses,
        )

    async def echo(self, sop_class: str) -> int:
        """Sends a C-ECHO and returns its status.

        Raises:
            PeerError: the association ended or the answer did not come in time.

        Source: PS3.7 Section 9.1.5.
        """
        exchange, inbox = self._exchange, Inbox()
        context = self.negotiated[sop_class]
        await exchange.begin(inbox, lambda: self._link.operations.echo(context.id))
        try:
            status = await self._echoed(inbox)
        except BaseException as error:
            exchange.abandon(inbox, error)
            raise
        exchange.end(inbox)
        return status

    async def _echoed(self, inbox: Inbox) -> int:
        exchange = self._exchange
        deadline = exchange.deadline(self._link.timeouts.response)
        while not exchange.late(deadline):
            for item in await exchange.news(inbox, deadline) or ():
                if isinstance(item, Echoed):
                    return item.status
        raise ResponseTimeout("no answer to C-ECHO in time")

    async def release(self, at_most: float | None = None) -> str | None:
        """Releases the association and closes the connection; nothing is in flight.

        Args:
            at_most: seconds to wait, if `timeouts.release` is none or longer.

        Returns:
            What the peer did instead of answering properly, or None. By then every
            answer is complete, so it is never more than a warning.
        """
        try:
            return None if self._link.ended else await _release(self._link, at_most)
        except BatchfindError as error:
            return f"the peer did not release properly: {error}"
        finally:
            await self._link.close()

    async def abort(self) -> None:
        """Sends A-ABORT and closes the connection; what is in flight ends."""
        self._exchange.close()
        self._link.abort()
        await self._link.close()


async def _negotiate(link: Link, identity: UserIdentity | None) -> Accepted:
    link.send(Associate())
    deadline = link.deadline(link.timeouts.acse)
    while (event := await link.event(deadline)) is None:
        if link.late(deadline):
            raise AssociateTimeout(
                "no answer to the association request within"
                f" {link.timeouts.acse or 0:g} s"
            )
    if not isinstance(event, Accepted):
        error = link.over(event)
        if (
            identity is not None
            and isinstance(event, Rejected)
            and event.source == _ACSE
        ):
            error.hint = _USER_REFUSED
        await link.close()
        raise error
    if event.refused:
        await _release(link)
        await link.close()
        raise NoContext(_refusals(event.refused))
    if identity is not None and identity.response and event.identity_response is None:
        await _release(link)
        await link.close()
        raise IdentityUnconfirmed(
            "the association was accepted without confirming the user identity"
        )
    link.begin(event.contexts)
    return event


async def _release(link: Link, at_most: float | None = None) -> str | None:
    link.send(Release())
    limits = [each for each in (link.timeouts.release, at_most) if each is not None]
    deadline = link.deadline(min(limits, default=None))
    complaint = None
    while True:
        match await link.event(deadline):
            case Released():
                return complaint
            case ReleaseRequested():
                link.send(ReleaseResponse())
            case Tolerated(text):
                complaint = text
            case (Closed() | Aborted()) as ending:
                return f"instead of releasing: {ending.words}"
            case _ if link.late(deadline):
                link.abort()
                return "the peer did not answer A-RELEASE in time"
            case _:
                pass


def _contexts(offer: Offer) -> list[ProposedContext]:
    return [
        ProposedContext(2 * index + 1, abstract_syntax, offer.transfer_syntaxes)
        for index, abstract_syntax in enumerate(offer.abstract_syntaxes)
    ]


def _refusals(refused: tuple[RefusedContext, ...]) -> str:
    reasons = "; ".join(f"{each.abstract_syntax}: {each.reason}" for each in refused)
    return f"no presentation context for {reasons}"
