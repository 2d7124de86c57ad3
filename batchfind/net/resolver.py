"""Name resolution that cannot stall the loop, and failures in our words."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from batchfind.errors import DnsNotFound, DnsTemporary, PeerError

#: Resolvers hang for tens of seconds; more threads would only hang together.
_THREADS = 4
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a host, ready for a socket.

    Attributes:
        family: AF_INET or AF_INET6.
        sockaddr: what `socket.connect` takes.
    """

    family: int
    sockaddr: tuple[str, int]

    def __str__(self) -> str:
        host, port = self.sockaddr[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Resolver:
    """Looks names up in a small pool of threads of its own."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the pool without waiting for look-ups that hang."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def resolve(
        self, host: str, port: int, ip_version: int | None = None
    ) -> tuple[Address, ...]:
        """Every TCP address of a host, in the system's order of preference.

        Args:
            host: name or address.
            port: 1 to 65535.
            ip_version: 4 or 6, or None for both.

        Raises:
            DnsNotFound: the name does not exist, or has no address of that version.
            DnsTemporary: the resolver could not answer now.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._pool, _look_up, host, port)
        except (OSError, UnicodeError) as error:
            raise _dns_error(host, error) from error
        family = _FAMILIES.get(ip_version or 0)
        chosen = [each for each in found if family in (None, each.family)]
        if found and not chosen:
            raise DnsNotFound(f"{host!r} has no IPv{ip_version} address")
        return tuple(dict.fromkeys(chosen))


def _look_up(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        Address(int(family), (str(sockaddr[0]), int(sockaddr[1])))
        for family, _, _, _, sockaddr in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]


def _dns_error(host: str, error: Exception) -> PeerError:
    missing = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
    unknown = isinstance(error, socket.gaierror) and error.errno in missing
    if not unknown and isinstance(error, OSError):
        return DnsTemporary(f"the name {host!r} could not be resolved now")
    return DnsNotFound(f"the name {host!r} does not exist")
