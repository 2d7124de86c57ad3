"""SCPs of the benchmarks end with their context, whatever happens in it."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager, suppress

import pytest

from benchmarks import servers
from benchmarks.measure import Missing


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def port_after_exception(serving: AbstractContextManager[list[int] | int]) -> int:
    with suppress(ZeroDivisionError), serving as found:
        port = found if isinstance(found, int) else found[0]
        assert not refuses(port)
        1 / 0  # noqa: B018 (the exception is the point)
    return port


class TestReplay:
    def test_it_listens_at_as_many_ports_as_peers(self) -> None:
        with servers.replay("--peers", "3") as ports:
            assert len(set(ports)) == 3
            assert not any(map(refuses, ports))
        assert all(map(refuses, ports))

    def test_it_ends_after_an_exception(self) -> None:
        assert refuses(port_after_exception(servers.replay()))


class TestArchives:
    @pytest.mark.parametrize("name", ["dcmqrscp", "orthanc"])
    def test_a_missing_program_is_named(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(servers, name.upper(), f"/nowhere/{name}")
        with (
            pytest.raises(Missing, match=f"/nowhere/{name} is not on this machine"),
            getattr(servers, name)([]),
        ):
            pass

    @pytest.mark.interop
    def test_dcmqrscp_ends_after_an_exception(self) -> None:
        try:
            port = port_after_exception(servers.dcmqrscp(["P1"]))
        except Missing as missing:
            pytest.skip(str(missing))
        assert refuses(port)
