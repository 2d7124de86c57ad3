"""The executor protocol: an order goes in, what happens to it comes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from batchfind.capture.records import AttemptFacts, Ending
from batchfind.dicom.identifier import Identifier
from batchfind.dimse.command_set import Priority
from batchfind.dimse.messages import Matches
from batchfind.execution.outcomes import Stop
from batchfind.job.model import Cancel
from batchfind.job.transport_model import Asked, Tls, UserIdentity
from batchfind.net.settings import Endpoint, Limits, Offer, Timeouts


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything needed to carry out one request; picklable, holds no secret.

    Attributes:
        request: id of the request.
        peer: alias of the peer, for messages.
        group: peers with the same share the associations they bear.
        associations: how many the peers of the group bear at once.
        queries_per_association: C-FINDs before a new association is opened.
        fresh: an association of its own.
        abort_on_cancel: the cancel policy ends the request by A-ABORT.
        abort_at_end: the association ends by A-ABORT instead of A-RELEASE.
        tls, identity: with references to secrets; the executor looks them up.
        negotiation: options asked in `offer.extended`, PREFER or REQUIRE each.
        new_vr_as_ob: VRs that came after 1993 are sent as OB.
        alone: no other request shall be in flight on its association.
        series: what it shares with its repetitions, which want one association;
            empty without any.
    """

    request: str
    peer: str
    endpoint: Endpoint
    offer: Offer
    timeouts: Timeouts
    limits: Limits
    group: str
    associations: int
    queries_per_association: int
    sop_class: str
    priority: Priority
    identifier: Identifier
    charset: tuple[str, ...]
    deflate_level: int
    cancel: Cancel
    fresh: bool
    abort_on_cancel: bool
    abort_at_end: bool
    tls: Tls | None = None
    identity: UserIdentity | None = None
    negotiation: Mapping[str, Asked] = field(default_factory=dict)
    new_vr_as_ob: bool = False
    alone: bool = False
    series: str = ""


@dataclass(frozen=True, slots=True)
class Associated:
    """The request has its place on an accepted association.

    Attributes:
        operations: requests that may be in flight on such an association, 1 or more.
    """

    operations: int


@dataclass(frozen=True, slots=True)
class Started:
    """The association stands; the C-FIND-RQ follows unless an option is missing."""

    facts: AttemptFacts


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The association ended through the fault of another request on it.

    The request is to be asked again, `alone`, as if it had not been asked.

    Attributes:
        ending: what is known of this try.
    """

    ending: Ending


@dataclass(frozen=True, slots=True)
class Unasked:
    """The executor was stopped before anything was opened for the request."""


Step: TypeAlias = Associated | Started | Matches | Ending | Disturbed | Unasked


class Executor(Protocol):
    """Carries out orders; the coordinator's journal stays the only writer."""

    def submit(self, order: Order) -> AsyncGenerator[Step, None]:
        """What happens: Associated, Started, sets of matches, and how it ended.

        That is one Ending or Disturbed, or Unasked and nothing else.

        Associated and Started are missing when no association came about; Associated
        comes again when the request had to change its association unheard. Never
        raises for a fault of the peer. Closing it early aborts the request.
        """
        ...

    def stop(self, reason: Stop) -> None:
        """Ends everything under way: cancels C-FINDs, gives up connecting."""
        ...

    async def settle(self, group: str, *, over: bool) -> None:
        """Releases associations with peers for which no new request is left.

        Args:
            group: of the peers.
            over: nothing is under way there either; else associations that are
                shared by repetitions stay.
        """
        ...

    async def close(self) -> None:
        """Releases every association that is still open."""
        ...
