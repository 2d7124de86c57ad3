"""Missing tools skip, except where interop is required; servers end with the test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.peers.processes import free_port, listening, require, serving

ABSENT = "/usr/bin/no-such-scp"
SERVER = """
import socket
with socket.create_server(("127.0.0.1", {port})) as server:
    while True:
        server.accept()[0].close()
"""


class TestRequire:
    def test_what_is_there_passes(self) -> None:
        require(sys.executable)

    def test_what_is_missing_skips(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("BATCHFIND_REQUIRE_INTEROP", raising=False)
        with pytest.raises(pytest.skip.Exception, match=ABSENT):
            require(sys.executable, ABSENT)

    def test_what_is_missing_fails_where_required(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("BATCHFIND_REQUIRE_INTEROP", "1")
        with pytest.raises(pytest.fail.Exception, match=ABSENT):
            require(ABSENT)


class TestServing:
    def test_a_server_lives_as_long_as_its_context(self, tmp_path: Path) -> None:
        port = free_port()
        command = [sys.executable, "-c", SERVER.format(port=port)]
        with serving(command, tmp_path / "log", lambda: listening(port)):
            assert listening(port)
        assert not listening(port)

    def test_a_server_that_ends_is_an_error(self, tmp_path: Path) -> None:
        command = [sys.executable, "-c", "raise SystemExit('no configuration')"]
        with (
            pytest.raises(RuntimeError, match="no configuration"),
            serving(command, tmp_path / "log", lambda: False),
        ):
            pytest.fail("never reached")
