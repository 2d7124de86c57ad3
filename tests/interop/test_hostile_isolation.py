"""Hostile peers among fifty: what the others gave is byte for byte as without them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

import batchfind
from batchfind import Verdict
from tests.interop.hostile import (
    associations,
    checks,
    framing,
    identifiers,
    messages,
)
from tests.interop.hostile.behaviour import Behaviour
from tests.interop.hostile.neighbourhood import PATIENCE, QUERY
from tests.peers.scripted import LOOPBACK, ScriptedPeer
from tests.peers.steps import final, matches

GOOD = 47
AT_ONCE = 3
NAMES = (
    *("refused", "never_accept", "drip_accept", "http_peer", "pdu_len_4g_stream"),
    *("garbage_mid", "cmd_never_last", "trickle_noop", "infinite_pending"),
    *("ignore_cancel", "ds_huge_string", "ds_vm_bomb", "ds_deflate_bomb"),
    *("val_uid_traversal", "release_silent"),
)
"""Of each kind the one that costs most."""
TABLES = (
    *(associations.CONNECTING, associations.ANSWERING, framing.TABLE),
    *(messages.TABLE, identifiers.TABLE),
)
HOSTILE = [one for table in TABLES for one in table if one.name in NAMES]


@pytest.fixture(scope="module")
def ports() -> Iterator[Mapping[str, int]]:
    """Good peers, each with another number of matches."""
    with ExitStack() as running:
        yield {
            f"good-{number:02}": running.enter_context(
                ScriptedPeer(matches(number + 1), final())
            ).port
            for number in range(GOOD)
        }


def files(
    ports: Mapping[str, int], folder: Path, hostile: Sequence[Behaviour] = ()
) -> Mapping[str, bytes]:
    """Files of the good peers by name, of a run that asks some more or not."""
    at = {name: {"host": LOOPBACK, "port": port} for name, port in ports.items()}
    peers = {name: where | {"timeouts": PATIENCE} for name, where in at.items()}
    queries = {name: QUERY | {"peers": [name]} for name in ports}
    with ExitStack() as running:
        for one in hostile:
            port = running.enter_context(one.start()).port
            where = {"host": LOOPBACK, "port": port}
            changed = {"timeouts": PATIENCE | dict(one.peer.get("timeouts", {}))}
            peers = {one.name: where | dict(one.peer) | changed} | peers
            asked = QUERY | {"peers": [one.name]} | dict(one.query)
            queries = {one.name: asked} | queries
        job = {
            "version": 1,
            "name": "isolation",
            "peers": peers,
            "queries": queries,
            "run": {
                "concurrency": 64,
                "retry": {"attempts": 1},
                "per_request": {"responses": messages.RESPONSES},
            },
            "outputs": [
                {"format": "csv", "path": f"{name}.csv", "queries": [name]}
                for name in ports
            ],
        }
        path = folder / "job.yaml"
        path.write_text(json.dumps(job))
        result = asyncio.run(batchfind.arun(path, run_dir=folder / "run"))
    stated = {one.name: one.stated.verdict for one in hostile}
    for each in result.requests:
        assert each.verdict is stated.get(each.peer, Verdict.COMPLETE), each.cause
    assert stated.keys() < {each.peer for each in result.requests}
    assert result.seconds < checks.ENOUGH
    return {
        Path(one.path).name: Path(one.written).read_bytes() for one in result.outputs
    }


@pytest.fixture(scope="module")
def clean(
    ports: Mapping[str, int], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, bytes]:
    found = files(ports, tmp_path_factory.mktemp("clean"))
    assert [text.count(b"\n") for text in found.values()] == list(range(2, GOOD + 2))
    return found


def test_each_kind_is_here() -> None:
    assert len(HOSTILE) == len(NAMES)


@pytest.mark.parametrize("first", range(0, len(HOSTILE), AT_ONCE))
def test_the_others_lose_nothing(
    first: int,
    ports: Mapping[str, int],
    clean: Mapping[str, bytes],
    tmp_path: Path,
) -> None:
    assert files(ports, tmp_path, HOSTILE[first : first + AT_ONCE]) == clean
