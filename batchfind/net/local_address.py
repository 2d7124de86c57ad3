"""The local address that connections are made from."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchfind.errors import InputError, Unreachable
from batchfind.net.resolver import Address


@dataclass(frozen=True, slots=True)
class LocalAddress:
    """An address of this machine.

    Attributes:
        text: as the job has it.
        family: AF_INET or AF_INET6.
        sockaddr: what `socket.bind` takes; the port is the system's choice.
    """

    text: str
    family: int
    sockaddr: tuple[Any, ...]

    def bind(self, sock: socket.socket) -> None:
        """Makes a socket connect from here.

        Raises:
            Unreachable: this machine does not have the address.
        """
        try:
            sock.bind(self.sockaddr)
        except OSError as error:
            fault = Unreachable(
                f"this machine cannot connect from {self.text}: {error.strerror}"
            )
            fault.hint = "check bind: it takes an address of this machine"
            raise fault from error


def local_address(text: str) -> LocalAddress:
    """Reads an IPv4 or IPv6 address, without asking a name server.

    Raises:
        InputError: it is no address.
    """
    try:
        found = socket.getaddrinfo(
            text, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except (OSError, UnicodeError):
        raise InputError(
            f"bind: {text!r} is no IP address; give one of this machine"
        ) from None
    family, _, _, _, sockaddr = found[0]
    return LocalAddress(text, int(family), sockaddr)


def reachable(
    addresses: Sequence[Address], local: LocalAddress | None
) -> Sequence[Address]:
    """The addresses that can be reached from the local one.

    Raises:
        Unreachable: there is none.
    """
    if local is None:
        return addresses
    found = [each for each in addresses if each.family == local.family]
    if addresses and not found:
        version = 4 if local.family == socket.AF_INET else 6
        raise Unreachable(
            f"the peer has no IPv{version} address to reach from {local.text}"
        )
    return found
