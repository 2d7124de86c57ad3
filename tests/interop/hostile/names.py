"""Names of peers: that do not exist, come late or never, or lead to dead addresses."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from tests.interop.hostile.associations import SHORT
from tests.interop.hostile.behaviour import Behaviour, Stated, complete, unanswered
from tests.peers.names import Naming

NAMES: dict[str, Naming] = {}
"""What the hosts of the behaviours resolve to."""


def _named(stated: Stated, name: str, naming: Naming, **timeouts: str) -> Behaviour:
    host = f"{name.replace('_', '-')}.example"
    NAMES[host] = naming
    peer: Mapping[str, object] = {"host": host, "timeouts": timeouts}
    return Behaviour(name, stated, peer=peer)


def _unknown(words: str) -> Stated:
    return unanswered("dns", words, "connect")


TABLE = [
    # 1
    _named(
        _unknown("does not exist"), "dns_not_found", Naming(error=socket.EAI_NONAME)
    ),
    _named(_unknown("has no IP address"), "dns_empty", Naming()),
    _named(
        _unknown("could not be resolved now"),
        "dns_not_now",
        Naming(error=socket.EAI_AGAIN),
    ),
    _named(
        unanswered("connect-timeout", "within 0.3 s", "connect"),
        "dns_hangs",
        Naming(seconds=None),
        connect=SHORT,
    ),
    _named(complete(), "dns_slow", Naming(addresses=["127.0.0.1"], seconds=0.3)),
    # 4
    _named(
        complete(),
        "dns_dead_address_first",
        Naming(addresses=["127.0.0.2", "127.0.0.1"]),
    ),
    _named(
        complete(), "dns_other_family_first", Naming(addresses=["::1", "127.0.0.1"])
    ),
]
