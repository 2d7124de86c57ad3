"""From where to where a connection goes."""

from __future__ import annotations

import asyncio
import socket

import pytest

from batchfind.errors import BatchfindError, DnsNotFound, InputError, Unreachable
from batchfind.net.connect import open_channel
from batchfind.net.local_address import local_address, reachable
from batchfind.net.resolver import Address, Resolver
from batchfind.net.settings import Endpoint, Timeouts

V4 = Address(socket.AF_INET, ("192.0.2.1", 104))
V6 = Address(socket.AF_INET6, ("2001:db8::1", 104))


def opened(port: int, host: str = "127.0.0.1", **more: object) -> tuple[str, str]:
    """Local and remote address of a new connection."""

    async def run() -> tuple[str, str]:
        endpoint = Endpoint(host, port, "PEER", "BATCHFIND", **more)  # type: ignore[arg-type]
        with Resolver() as resolver:
            channel, address = await open_channel(endpoint, resolver, Timeouts())
        assert channel._socket is not None
        local = str(channel._socket.getsockname()[0])
        await channel.close()
        return local, str(address)

    return asyncio.run(run(), debug=True)


def fault(**more: object) -> BatchfindError:
    with pytest.raises(BatchfindError) as raised:
        opened(1, **more)  # type: ignore[arg-type]
    return raised.value


class TestBind:
    def test_is_the_address_the_connection_comes_from(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            assert opened(server.getsockname()[1], bind="127.0.0.2")[0] == "127.0.0.2"

    def test_of_another_machine_is_unreachable(self) -> None:
        error = fault(bind="192.0.2.77")
        assert isinstance(error, Unreachable)
        assert str(error).startswith("this machine cannot connect from 192.0.2.77: ")
        assert error.hint.startswith("check bind: ")

    def test_that_is_no_address_is_an_input_error(self) -> None:
        for text in ("eth0", "", "ü" * 70):
            error = fault(bind=text)
            assert isinstance(error, InputError)
            assert "is no IP address; give one of this machine" in str(error)

    def test_of_one_version_leaves_addresses_of_that_version(self) -> None:
        four, six = local_address("127.0.0.1"), local_address("::1")
        assert reachable((V6, V4), four) == [V4]
        assert reachable((V6, V4), six) == [V6]
        assert reachable((V6, V4), None) == (V6, V4)
        with pytest.raises(Unreachable, match="no IPv4 address to reach"):
            reachable((V6,), four)


class TestIpVersion:
    def test_chooses_among_the_addresses(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert opened(port, "localhost", ip_version=4)[1] == f"127.0.0.1:{port}"

    def test_without_an_address_is_not_found(self) -> None:
        error = fault(ip_version=6)
        assert isinstance(error, DnsNotFound)
        assert str(error) == "'127.0.0.1' has no IPv6 address"
