"""Name resolution that cannot stall anything, and failures in our words."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

from batchfind.errors import DnsNotFound, DnsTemporary, PeerError

#: Names looked up at once. A look-up may hang for a minute and cannot be ended, so
#: few would let a dead name server of one peer hold up the names of all others.
_MOST: Final = 64
_FAMILIES: Final = {4: socket.AF_INET, 6: socket.AF_INET6}


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


_Told: TypeAlias = "list[Address] | Exception"


class Resolver:
    """Looks names up, each in a thread of its own that nobody waits for in the end.

    Whoever asks for a name that is being looked up shares the answer: requests that
    give up and ask again never make more threads than there are names.
    """

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, int], asyncio.Future[_Told]] = {}

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
        """Forgets look-ups that hang; the process can end before they do."""
        self._under_way.clear()

    async def resolve(
        self, host: str, port: int, ip_version: int | None = None
    ) -> tuple[Address, ...]:
        """Every TCP address of a host, in the system's order of preference.

        Args:
            host: name or address.
            port: 1 to 65535.
            ip_version: 4 or 6, or None for both.

        Returns:
            One address or more.

        Raises:
            DnsNotFound: the name does not exist, or has no address of that version.
            DnsTemporary: the resolver could not answer now.
        """
        told = await self._told(host, port)
        if isinstance(told, OSError | ValueError):
            raise _dns_error(host, told) from told
        if isinstance(told, Exception):  # pragma: no cover - a fault of ours
            raise told
        family = _FAMILIES.get(ip_version or 0)
        chosen = [each for each in told if family in (None, each.family)]
        if not chosen:
            version = "" if ip_version is None else f"v{ip_version}"
            raise DnsNotFound(f"{host!r} has no IP{version} address")
        return tuple(dict.fromkeys(chosen))

    async def _told(self, host: str, port: int) -> _Told:
        if _is_address(host):  # nobody has to be asked
            return _look_up(host, port)
        key = host, port
        while key not in self._under_way and len(self._under_way) >= _MOST:
            await asyncio.wait(
                self._under_way.values(), return_when=asyncio.FIRST_COMPLETED
            )
        if key not in self._under_way:
            self._under_way[key] = self._begin(host, port)
        return await asyncio.shield(self._under_way[key])

    def _begin(self, host: str, port: int) -> asyncio.Future[_Told]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Told] = loop.create_future()
        future.add_done_callback(lambda _: self._under_way.pop((host, port), None))

        def work() -> None:
            told = _look_up(host, port)
            with suppress(RuntimeError):  # the loop is closed: nobody wants to know
                loop.call_soon_threadsafe(future.set_result, told)

        # The end of the process waits for threads that are no daemons.
        threading.Thread(target=work, name="resolver", daemon=True).start()
        return future


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> _Told:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001 - told to those who wait
        return error
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
