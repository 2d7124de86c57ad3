"""Names that resolve as a test says, instead of asking a name server.

    with resolving({"pacs.example": Naming(addresses=["127.0.0.1"])}) as asked:
        ...  # whatever calls socket.getaddrinfo for it
    assert asked["pacs.example"] == 1

The system's resolver cannot be pointed at a server of a test without rights, so its one
door is taken: `socket.getaddrinfo`. Names that are not listed, and addresses, go on to
the real one.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

LONGEST = 60.0
"""Seconds a look-up hangs, if the test does not end before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What comes of a look-up.

    Attributes:
        addresses: IPv4 or IPv6, in the order they are told.
        error: number of a `socket.gaierror` instead of them.
        seconds: it takes; None: it hangs until the test is over.
    """

    addresses: Sequence[str] = ()
    error: int | None = None
    seconds: float | None = 0.0


@contextmanager
def resolving(names: Mapping[str, Naming]) -> Iterator[Counter[str]]:
    """Has names resolve as given; how often each was looked up."""
    real, over = socket.getaddrinfo, threading.Event()
    asked: Counter[str] = Counter()

    def look_up(host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        naming = names.get(host)
        if naming is None:
            return list(real(host, port, *more, **options))
        asked[host] += 1
        over.wait(LONGEST if naming.seconds is None else naming.seconds)
        if naming.error is not None:
            raise socket.gaierror(naming.error, "told by the test")
        return [_entry(address, port) for address in naming.addresses]

    with patch.object(socket, "getaddrinfo", look_up):
        try:
            yield asked
        finally:
            over.set()


def _entry(address: str, port: int) -> tuple[Any, ...]:
    stream = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    if ":" in address:
        return (socket.AF_INET6, *stream, (address, port, 0, 0))
    return (socket.AF_INET, *stream, (address, port))
