"""Open associations, and the requests they are lent to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from batchfind.execution.executor import Order
from batchfind.job.transport_model import Tls, UserIdentity
from batchfind.net.client import Client
from batchfind.net.settings import Endpoint, Offer


@dataclass(frozen=True, slots=True)
class Kind:
    """What has to be equal for two requests to use one association."""

    endpoint: Endpoint
    offer: Offer
    tls: Tls | None
    identity: UserIdentity | None

    @classmethod
    def of(cls, order: Order) -> Kind:
        """The kind of association that an order asks for."""
        return cls(order.endpoint, order.offer, order.tls, order.identity)


@dataclass(slots=True, eq=False)
class Association:
    """One open association of a pool.

    Attributes:
        number: within the run, from 1.
        lent: how many requests it was lent to.
        users: how many have it now.
        closed_to_others: nobody else may join those that have it.
        given_up: it carries no request after those it has: others wait for its seat.
        series: of the requests that it was lent to.
        rests_until: when it ends unless somebody takes it, on the loop's clock.
        expiry: a timer that is due by then; None when there is none.
    """

    client: Client
    number: int
    kind: Kind
    abort_at_end: bool
    lent: int = 0
    users: int = 0
    closed_to_others: bool = False
    given_up: bool = False
    series: set[str] = field(default_factory=set)
    rests_until: float = 0.0
    expiry: asyncio.TimerHandle | None = None

    def queries(self) -> int:
        """C-FINDs it has carried or is going to carry."""
        return max(self.lent, self.client.served)


@dataclass(frozen=True, slots=True)
class Lease:
    """An association lent to one request."""

    association: Association

    @property
    def client(self) -> Client:
        """What the request talks through."""
        return self.association.client

    @property
    def number(self) -> int:
        """Of the association within the run, from 1."""
        return self.association.number
