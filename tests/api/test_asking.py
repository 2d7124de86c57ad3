"""`ask`: secrets that a program gives when the job says they are asked for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import batchfind
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer

JOB = """\
version: 1
name: asking
peers:
  pacs:
    host: 127.0.0.1
    port: {port}
    user_identity:
      {{type: username-password, username: anna, password: prompt, insecure_ok: true}}
queries:
  studies:
    model: study
    level: STUDY
    keys: {{PatientID: P1, StudyInstanceUID: ""}}
"""


class Somebody:
    def __init__(self) -> None:
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return "open"


@pytest.fixture
def peer(scripted_peer: StartPeer) -> ScriptedPeer:
    return scripted_peer(steps.matches(1), steps.final())


@pytest.fixture
def job(tmp_path: Path, peer: ScriptedPeer) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.format(port=peer.port))
    return path


def sent(peer: ScriptedPeer) -> list[bytes]:
    return [
        item for each in peer.seen.associations for item in pdu.user_items(each)[0x58]
    ]


def test_gives_the_secret_before_the_run(job: Path, peer: ScriptedPeer) -> None:
    somebody = Somebody()
    result = batchfind.run(job, ask=somebody)
    assert result.exit_code is batchfind.ExitCode.OK
    assert somebody.questions == ["password of user anna at pacs"]
    assert sent(peer) == [b"\2\0\0\4anna\0\4open"]


def test_does_so_within_an_event_loop(job: Path, peer: ScriptedPeer) -> None:
    somebody = Somebody()
    result = asyncio.run(batchfind.arun(job, ask=somebody))
    assert result.exit_code is batchfind.ExitCode.OK
    assert somebody.questions == ["password of user anna at pacs"]
    assert len(sent(peer)) == 1


def test_is_missed_where_it_is_needed(job: Path, peer: ScriptedPeer) -> None:
    with pytest.raises(batchfind.JobError, match="there is no terminal"):
        batchfind.run(job)
    assert peer.seen.connections == 0
