"""TLS: ports that do not speak it, certificates nobody should accept, broken ends."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.interop.hostile.associations import SHORT
from tests.interop.hostile.behaviour import (
    GOOD,
    Behaviour,
    Serve,
    Served,
    Stated,
    complete,
    partial,
    unanswered,
)
from tests.peers.pki import Identity, Pki, server_context
from tests.peers.scripted import ScriptedPeer, Step
from tests.peers.steps import matches, reset
from tests.peers.tls_server import Conduct, TlsServer, answer, read_and_drop


def over_tls(pki: Pki, folder: Path) -> list[Behaviour]:
    """The behaviours, at peers that are trusted by ca.pem in a folder."""
    folder.joinpath("ca.pem").write_bytes(pki.authority.pem)
    issue, own = pki.authority.issue, pki.peer
    return [
        # 23, 24
        _plain("tls_good_asked_without", own),
        _secure("plain_port", _handshake("DICOM without TLS"), _abort()),
        # 25
        _secure("tls_good", complete(), _peer(own)),
        *(
            _secure(f"tls_{name}", _verify(words), _peer(identity))
            for name, identity, words in [
                ("expired", issue("old", days=(-30, -1)), "expired"),
                ("not_yet", issue("new", days=(1, 30)), "is not valid"),
                ("wrong_host", issue("other", ["other.example"]), "127.0.0.1"),
                ("self_signed", pki.stranger.issue("pacs"), ""),
                ("cn_only", issue("127.0.0.1", ()), "127.0.0.1"),
            ]
        ),
        # 26
        _secure(
            "tls_client_required",
            unanswered("tls-verify", phase="connect"),
            _peer(own, demanding=pki),
        ),
        # 27
        _secure(
            "tls_handshake_silent",
            _handshake("within 0.3 s"),
            _server(_wait),
            connect=SHORT,
        ),
        _secure(
            "tls_handshake_garbage",
            _handshake("not answer in TLS"),
            _server(answer(b"\xa5" * 200)),
        ),
        _secure("tls_handshake_rst", _handshake(""), _server(read_and_drop)),
        # 28
        _secure(
            "tls_truncated",
            partial(3, "peer-reset"),
            _peer(own, steps=[matches(3), reset()]),
        ),
    ]


def _secure(name: str, stated: Stated, serve: Serve, **timeouts: str) -> Behaviour:
    peer = {"tls": {"ca": "ca.pem", "system_ca": False}, "timeouts": timeouts}
    return Behaviour(name, stated, serve=serve, peer=peer)


def _plain(name: str, identity: Identity) -> Behaviour:
    """A peer that speaks TLS, asked without: it closes, and a hint tells why."""
    return Behaviour(name, unanswered("peer-closed"), serve=_peer(identity))


def _handshake(words: str) -> Stated:
    return unanswered("tls-handshake", words, "connect")


def _verify(words: str) -> Stated:
    return unanswered("tls-verify", words, "connect")


def _peer(
    identity: Identity, *, steps: Sequence[Step] = GOOD, demanding: Pki | None = None
) -> Serve:
    trusted = None if demanding is None else demanding.authority
    context = server_context(identity, trusted=trusted)
    return lambda: ScriptedPeer(*steps, tls=context)


def _abort() -> Serve:
    return _server(answer(bytes.fromhex("0700 0000 0004 0000 0201")))


def _server(conduct: Conduct) -> Serve:
    @contextmanager
    def serve() -> Iterator[Served]:
        with TlsServer(None, conduct) as server:
            yield Served(server.port)

    return serve


def _wait(connection: socket.socket) -> None:
    """Reads and says nothing until the other side has gone."""
    while connection.recv(1 << 16):
        pass
