"""Fixtures of the reusable peers: real ones for the session, scripted ones per test."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest

from tests.peers import real
from tests.peers.pki import Pki
from tests.peers.scripted import ScriptedPeer
from tests.peers.tls_server import Conduct, TlsServer

StartPeer: TypeAlias = Callable[..., ScriptedPeer]
StartServer: TypeAlias = Callable[..., TlsServer]


@pytest.fixture
def scripted_peer() -> Iterator[StartPeer]:
    """Starts scripted peers that end with the test; arguments as `ScriptedPeer`."""
    with ExitStack() as running:

        def start(*steps: Any, **options: Any) -> ScriptedPeer:
            return running.enter_context(ScriptedPeer(*steps, **options))

        yield start


@pytest.fixture
def serve() -> Iterator[StartServer]:
    """Starts TLS servers that end with the test; arguments as `TlsServer`."""
    with ExitStack() as running:

        def start(
            context: ssl.SSLContext | None, conduct: Conduct | None = None
        ) -> TlsServer:
            return running.enter_context(TlsServer(context, conduct))

        yield start


@pytest.fixture(scope="session")
def pki() -> Pki:
    """Certificates of an imaginary hospital."""
    return Pki()


@pytest.fixture(scope="session")
def wlmscpfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.RealPeer]:
    with real.wlmscpfs(tmp_path_factory.mktemp("wlmscpfs")) as peer:
        yield peer


@pytest.fixture(scope="session")
def dcmqrscp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.RealPeer]:
    with real.dcmqrscp(tmp_path_factory.mktemp("dcmqrscp")) as peer:
        yield peer


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.RealPeer]:
    with real.orthanc(tmp_path_factory.mktemp("orthanc")) as peer:
        yield peer
