"""Looking names up: every outcome in our words, and none that stalls anything."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from batchfind.errors import (
    ConnectTimeout,
    DnsNotFound,
    DnsTemporary,
    PeerError,
    Refused,
    Retry,
)
from batchfind.net.connect import open_channel
from batchfind.net.resolver import Address, Resolver
from batchfind.net.settings import Endpoint, Timeouts
from tests.peers.names import Naming, resolving

_T = TypeVar("_T")
ROOT = Path(__file__).parents[2]
GOOD = Naming(addresses=["127.0.0.1"])
HANGS = Naming(seconds=None)
PATIENT = Timeouts(connect=60.0)
IMPATIENT = Timeouts(connect=0.2)


def with_resolver(use: Callable[[Resolver], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        with Resolver() as resolver:
            return await use(resolver)

    return asyncio.run(run(), debug=True)


def fault(naming: Naming, ip_version: int | None = None) -> PeerError:
    async def use(resolver: Resolver) -> None:
        await resolver.resolve("pacs.example", 104, ip_version)

    with resolving({"pacs.example": naming}), pytest.raises(PeerError) as raised:
        with_resolver(use)
    return raised.value


def reached(
    naming: Naming, port: int, timeouts: Timeouts = PATIENT
) -> tuple[str, PeerError | None]:
    """The address that answered, or why none did."""

    async def use(resolver: Resolver) -> tuple[str, PeerError | None]:
        endpoint = Endpoint("pacs.example", port, "PEER", "BATCHFIND")
        try:
            channel, address = await open_channel(endpoint, resolver, timeouts)
        except PeerError as error:
            return "", error
        await channel.close()
        return str(address), None

    with resolving({"pacs.example": naming}):
        return with_resolver(use)


@contextmanager
def deaf(host: str, port: int) -> Iterator[None]:
    """An address that answers no SYN, since its backlog is full."""
    with socket.socket() as listener:
        listener.bind((host, port))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((host, port))
        try:
            yield
        finally:
            for one in waiting:
                one.close()


class TestAName:
    def test_gives_every_address_once_in_its_order(self) -> None:
        naming = Naming(addresses=["127.0.0.2", "::1", "127.0.0.1", "127.0.0.2"])

        async def use(resolver: Resolver) -> tuple[Address, ...]:
            return await resolver.resolve("pacs.example", 104)

        with resolving({"pacs.example": naming}):
            found = with_resolver(use)
        assert [str(one) for one in found] == [
            "127.0.0.2:104",
            "[::1]:104",
            "127.0.0.1:104",
        ]

    @pytest.mark.parametrize("error", [socket.EAI_NONAME, socket.EAI_NODATA])
    def test_that_does_not_exist_is_never_asked_for_again(self, error: int) -> None:
        told = fault(Naming(error=error))
        assert isinstance(told, DnsNotFound)
        assert told.retry is Retry.NEVER
        assert str(told) == "the name 'pacs.example' does not exist"

    def test_that_cannot_be_resolved_now_may_be_later(self) -> None:
        told = fault(Naming(error=socket.EAI_AGAIN))
        assert isinstance(told, DnsTemporary)
        assert told.retry is Retry.BACKOFF
        assert str(told) == "the name 'pacs.example' could not be resolved now"

    @pytest.mark.parametrize(
        ("addresses", "version", "told"),
        [([], None, "IP"), (["127.0.0.1"], 6, "IPv6"), ([], 4, "IPv4")],
    )
    def test_without_an_address_is_not_found(
        self, addresses: list[str], version: int | None, told: str
    ) -> None:
        error = fault(Naming(addresses=addresses), version)
        assert isinstance(error, DnsNotFound)
        assert str(error) == f"'pacs.example' has no {told} address"

    @pytest.mark.parametrize("name", ["a\0b", "x" * 70, "ü" * 300, "a..b"])
    def test_that_is_none_does_not_exist(self, name: str) -> None:
        with pytest.raises(DnsNotFound, match="does not exist"):
            with_resolver(lambda resolver: resolver.resolve(name, 104))


class TestALookUpThatHangs:
    def test_is_a_connect_timeout(self) -> None:
        _, error = reached(HANGS, 104, IMPATIENT)
        assert isinstance(error, ConnectTimeout)

    def test_stalls_no_other_name_and_no_address(self) -> None:
        names = {f"dead-{number}.example": HANGS for number in range(60)}

        async def use(resolver: Resolver) -> list[str]:
            hanging = [
                asyncio.create_task(resolver.resolve(name, 104)) for name in names
            ]
            await asyncio.sleep(0)
            found = [
                await resolver.resolve(host, 104)
                for host in ("pacs.example", "127.0.0.7", "::1")
            ]
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            return [str(one) for (one,) in found]

        with resolving({**names, "pacs.example": GOOD}) as asked:
            found = with_resolver(use)
            assert asked.total() == 61
        assert found == ["127.0.0.1:104", "127.0.0.7:104", "[::1]:104"]

    def test_is_shared_by_all_who_ask_for_the_name(self) -> None:
        async def use(resolver: Resolver) -> None:
            for _ in range(20):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(resolver.resolve("pacs.example", 104), 0.01)

        with resolving({"pacs.example": HANGS}) as asked:
            with_resolver(use)
            assert asked == {"pacs.example": 1}

    def test_is_no_more_than_so_many_at_once(self) -> None:
        names = {f"dead-{number}.example": HANGS for number in range(99)}

        async def use(resolver: Resolver) -> None:
            hanging = [
                asyncio.create_task(resolver.resolve(name, 104)) for name in names
            ]
            for _ in range(500):
                await asyncio.sleep(0.02)
                if asked.total() >= 64:
                    break
            await asyncio.sleep(0.1)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)

        with resolving(names) as asked:
            with_resolver(use)
            assert asked.total() == 64

    def test_does_not_keep_the_process_from_ending(self) -> None:
        program = """
import asyncio
from batchfind.net.resolver import Resolver
from tests.peers.names import Naming, resolving

async def main():
    with Resolver() as resolver:
        await asyncio.wait_for(resolver.resolve("pacs.example", 104), 0.05)

manager = resolving({"pacs.example": Naming(seconds=None)})
manager.__enter__()
try:
    asyncio.run(main())
except TimeoutError:
    print("gave up")
"""
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=30,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "gave up\n", "")


class TestSeveralAddresses:
    """RFC 8305: the one that answers is used, and told."""

    @pytest.mark.parametrize("dead", ["127.0.0.2", "::1"])
    def test_of_which_the_first_refuses(self, dead: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            naming = Naming(addresses=[dead, "127.0.0.1"])
            assert reached(naming, port) == (f"127.0.0.1:{port}", None)

    def test_of_which_the_first_never_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with deaf("127.0.0.2", port):
                naming = Naming(addresses=["127.0.0.2", "127.0.0.1"])
                assert reached(naming, port) == (f"127.0.0.1:{port}", None)

    def test_of_which_none_answers(self) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            naming = Naming(addresses=["127.0.0.2", "127.0.0.1"])
            address, error = reached(naming, port)
        assert address == ""
        assert isinstance(error, Refused)
