"""What a job says about an association is what its peer sees."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import batchfind
from batchfind import RunResult, Verdict
from tests.peers import pdu
from tests.peers.scripted import ScriptedPeer
from tests.peers.steps import final, matches

OPERATIONS, EXTENDED, IDENTITY = 0x53, 0x56, 0x58
"""Sub-items of PS3.7 Annex D.3.3 and PS3.8 that only negotiation sends."""

Run = Callable[[str], RunResult]


@pytest.fixture
def peer(scripted_peer: Callable[..., ScriptedPeer]) -> ScriptedPeer:
    return scripted_peer(matches(1), final())


@pytest.fixture
def run(peer: ScriptedPeer, tmp_path: Path) -> Run:
    """Runs a job that asks the peer; `PEER` stands for its address."""

    def start(text: str) -> RunResult:
        address = f"host: 127.0.0.1, port: {peer.port}"
        path = tmp_path / "job.yaml"
        head = "version: 1\nname: wire\n"
        path.write_text(head + textwrap.dedent(text).replace("PEER", address), "utf-8")
        return batchfind.run(path)

    return start


KEYS = "level: STUDY, keys: {StudyInstanceUID: '', PatientName: 'A*'}"


def items(peer: ScriptedPeer) -> dict[int, list[bytes]]:
    (association,) = peer.seen.associations
    return pdu.user_items(association)


def test_a_query_goes_out_under_its_own_ae_titles(peer: ScriptedPeer, run: Run) -> None:
    result = run(
        """
        vars: {us: audit}
        peers: {pacs: {PEER, called_ae: DEFAULT, calling_ae: DEFAULT}}
        queries:
          studies:
            model: study
            level: STUDY
            matrix: {site: [NORTH, SOUTH]}
            calling_ae: "{{ vars.us | upper }}_{{ site[:1] }}"
            called_ae: "VNA_{{ site }}"
            keys: {StudyInstanceUID: "", PatientName: "A*"}
        """
    )
    assert result.exit_code == 0
    titles = {(one.calling_ae, one.called_ae) for one in peer.seen.associations}
    assert titles == {("AUDIT_N", "VNA_NORTH"), ("AUDIT_S", "VNA_SOUTH")}


def test_nothing_is_negotiated_unless_it_is_asked(peer: ScriptedPeer, run: Run) -> None:
    run(f"""
        peers: {{pacs: {{PEER, negotiation: {{fuzzy: off, async_operations: 1}}}}}}
        queries: {{q: {{model: study, {KEYS}}}}}
        """)
    assert items(peer).keys().isdisjoint({OPERATIONS, EXTENDED, IDENTITY})


def test_options_identity_and_window_are_proposed(peer: ScriptedPeer, run: Run) -> None:
    result = run(
        f"""
        peers:
          pacs:
            PEER
            negotiation: {{fuzzy: prefer, async_operations: 3}}
            user_identity: {{type: username, username: anna}}
        queries: {{q: {{model: study, {KEYS}}}}}
        """.replace("PEER\n", f"host: 127.0.0.1\n            port: {peer.port}\n")
    )
    assert [one.verdict for one in result.requests] == [Verdict.COMPLETE]
    found = items(peer)
    assert found[EXTENDED][0].endswith(b"\0\0\1")
    assert found[IDENTITY] == [b"\1\0\0\4anna\0\0"]
    assert found[OPERATIONS] == [b"\0\3\0\1"]


def test_an_option_that_keys_need_ends_the_request_when_it_is_refused(
    peer: ScriptedPeer, run: Run
) -> None:
    result = run(
        """
        peers: {pacs: {PEER, negotiation: {multiple_value: prefer}}}
        queries:
          q:
            model: study
            level: STUDY
            keys: {StudyInstanceUID: "", ModalitiesInStudy: [CT, MR]}
        """
    )
    (request,) = result.requests
    assert request.verdict is Verdict.FAILED
    assert request.cause is not None
    assert request.cause.code == "not-negotiated"
    assert peer.seen.requests == []
