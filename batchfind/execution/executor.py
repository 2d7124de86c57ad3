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
        associations: how many the peer bears at once.
        queries_per_association: C-FINDs before a new association is opened.
        fresh: an association of its own.
        abort_on_cancel: the cancel policy ends the request by A-ABORT.
        abort_at_end: the association ends by A-ABORT instead of A-RELEASE.
        tls, identity: with references to secrets; the executor looks them up.
        negotiation: options asked in `offer.extended`, PREFER or REQUIRE each.
        new_vr_as_ob: VRs that came after 1993 are sent as OB.
    """

    request: str
    peer: str
    endpoint: Endpoint
    offer: Offer
    timeouts: Timeouts
    limits: Limits
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


@dataclass(frozen=True, slots=True)
class Started:
    """The C-FIND-RQ is being sent on an accepted association."""

    facts: AttemptFacts


Step: TypeAlias = Started | Matches | Ending


class Executor(Protocol):
    """Carries out orders; the coordinator's journal stays the only writer."""

    def submit(self, order: Order) -> AsyncGenerator[Step, None]:
        """What happens: Started, sets of matches, exactly one Ending.

        Started is missing when no association came about. Never raises for a fault
        of the peer. Closing it early aborts the request.
        """
        ...

    def stop(self, reason: Stop) -> None:
        """Ends everything under way: cancels C-FINDs, gives up connecting."""
        ...

    async def settle(self, host: str, port: int) -> None:
        """Releases the associations with a peer that will not be asked again."""
        ...

    async def close(self) -> None:
        """Releases every association that is still open."""
        ...
