"""Opens the association an order needs, with the credentials it refers to."""

from __future__ import annotations

from batchfind.execution.credentials import Credentials
from batchfind.execution.executor import Order
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver


async def connect(order: Order, credentials: Credentials, resolver: Resolver) -> Client:
    """An association as the order proposes it.

    Raises:
        PeerError: of the subclass that names what went wrong.
        InputError: an AE title or the offer cannot be encoded.
    """
    tls, identity = order.tls, order.identity
    return await Client.connect(
        order.endpoint,
        order.offer,
        order.timeouts,
        resolver,
        tls=None if tls is None else credentials.tls(tls, order.endpoint.host),
        identity=None if identity is None else credentials.identity(identity),
    )
