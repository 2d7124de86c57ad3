"""`ping` says what a peer agreed to, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.peers import pdu, steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
JOB = """\
version: 1
name: pinging
peers:
  pacs:
    host: 127.0.0.1
    port: {port}
    tls: {{ca: ca.pem}}
    user_identity: {{type: username, username: anna, response: true}}
    negotiation: {{fuzzy: prefer, timezone: {timezone}, async_operations: 8}}
queries:
  studies:
    model: study
    level: STUDY
    keys: {{PatientID: P1, StudyInstanceUID: ""}}
"""


@pytest.fixture
def port(tmp_path: Path, scripted_peer: StartPeer, pki: Pki) -> int:
    (tmp_path / "ca.pem").write_bytes(pki.authority.pem)
    user = pdu.extended(STUDY_ROOT, b"\0\0\1") + pdu.window(3) + pdu.identity_response()
    return scripted_peer(
        on_connect=[steps.accept(user=user)], tls=server_context(pki.peer)
    ).port


class TestWhatWasAgreed:
    def test_is_shown(self, shell: Shell, tmp_path: Path, port: int) -> None:
        (tmp_path / "job.yaml").write_text(JOB.format(port=port, timezone="prefer"))
        done = shell("ping", "job.yaml")
        assert done.returncode == 0
        lines = [line.strip() for line in done.stdout.splitlines()]
        assert any(line.startswith("TLS: TLSv1.3 TLS_") for line in lines)
        assert any(line.startswith("certificate: CN=pacs, ") for line in lines)
        assert lines[-4:] == [
            "options accepted: fuzzy",
            "options refused: timezone",
            "in flight at once: 3 C-FINDs",
            "user identity: confirmed",
        ]

    def test_is_told_in_json(self, shell: Shell, tmp_path: Path, port: int) -> None:
        (tmp_path / "job.yaml").write_text(JOB.format(port=port, timezone="prefer"))
        (told,) = json.loads(shell("ping", "job.yaml", "--json").stdout)["peers"]
        assert told["tls"].startswith("TLSv1.3 TLS_")
        assert told["certificate"].startswith("CN=pacs, ")
        assert (told["accepted"], told["refused"]) == (["fuzzy"], ["timezone"])
        assert (told["operations"], told["identity_confirmed"]) == (3, True)
        assert told["cause"] is None

    def test_that_is_too_little_is_a_cause_with_a_hint(
        self, shell: Shell, tmp_path: Path, port: int
    ) -> None:
        (tmp_path / "job.yaml").write_text(JOB.format(port=port, timezone="require"))
        done = shell("ping", "job.yaml", "--json")
        (told,) = json.loads(done.stdout)["peers"]
        assert done.returncode == 1
        assert told["cause"]["code"] == "not-negotiated"
        assert "negotiation.timezone" in told["cause"]["message"]
        assert told["cause"]["hint"]
        assert (told["accepted"], told["refused"]) == (["fuzzy"], ["timezone"])
