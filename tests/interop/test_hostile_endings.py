"""Answers without end: cancelled at a limit, drained for a while, and left then.

PS3.4 Section C.4.1.3.1: an SCP may send any number of pending responses before and
after it sees a C-CANCEL-RQ. What came is kept; the next query is not touched by it.
"""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import batchfind
from batchfind import ExitCode, RunResult, Verdict
from tests.dimse.peer import pdata, pdv
from tests.interop.hostile.behaviour import GOOD, MATCHES
from tests.interop.hostile.checks import ENOUGH
from tests.interop.hostile.framing import command_only, one_match
from tests.interop.hostile.identifiers import EXPLICIT, in_pieces
from tests.interop.hostile.neighbourhood import PATIENCE, QUERY, UID
from tests.peers.plugin import StartPeer
from tests.peers.scripted import LOOPBACK, Conversation, Request, ScriptedPeer, Step
from tests.peers.steps import abort, close, drip, final, flood, raw, reset, silence

SHORT = "200ms"
LIMITS: Mapping[str, Mapping[str, Any]] = {
    "responses": {"responses": 40},
    "bytes": {"bytes": "4KiB"},
    "time": {"time": "200ms"},
}
Talk = Conversation


def endless(*, after: int = 0, heeding: bool = True) -> Step:
    """Different matches without end; or until a C-CANCEL, and some more then.

    Args:
        after: how many more.
        heeding: the C-CANCEL is taken notice of.
    """

    async def step(talk: Talk) -> None:
        cancelled = talk.cancels[talk.request.message_id]
        left = after
        while not (talk.gone.is_set() or talk.writer.is_closing()):
            if heeding and cancelled.is_set():
                if not left:
                    return
                left -= 1
            await talk.send(one_match(talk.request, talk.sent))
            talk.sent += 1
            await talk.pause(0.001)

    return step


@dataclass(frozen=True, slots=True)
class Ending:
    """What a peer makes of a C-CANCEL.

    Attributes:
        steps: the whole answer.
        drained: it ends with a final response.
        warning: what is told of it.
    """

    steps: Sequence[Step]
    drained: bool = False
    warning: str = ""


def dribbled(request: Request) -> bytes:
    return one_match(request, 0)


async def _dribble(talk: Talk) -> None:
    """The beginning of one more response, byte by byte."""
    await drip(dribbled(talk.request), 0.05)(talk)


async def _empty_fragments(talk: Talk) -> None:
    """One more response whose Identifier never begins."""
    await talk.send(command_only(talk.request))
    await flood(pdata(pdv(1, 0, b"")), pause=0.05)(talk)


ENDINGS = {
    "fe00": Ending([endless(), final(0xFE00)], drained=True),
    "success": Ending([endless(), final()], drained=True),
    "failure": Ending([endless(), final(0xC001)], drained=True),
    "more-then-fe00": Ending([endless(after=25), final(0xFE00)], drained=True),
    "ignored": Ending([endless(heeding=False)], warning="after C-CANCEL"),
    "silence": Ending([endless(), silence()], warning="after C-CANCEL"),
    "dribble": Ending([endless(), _dribble], warning="after C-CANCEL"),
    "empty-fragments": Ending([endless(), _empty_fragments], warning="after C-CANCEL"),
    "empty-pdvs": Ending(
        [endless(), flood(pdata(pdv(1, 1, b"")), pause=0.05)], warning="after C-CANCEL"
    ),
    "close": Ending([endless(), close()], warning="closed"),
    "reset": Ending([endless(), reset()], warning="reset"),
    "abort": Ending([endless(), abort()], warning="aborted"),
    "garbage": Ending([endless(), raw(b"\xa5" * 99), silence()], warning="A5H"),
}


def asked(peer: ScriptedPeer, folder: Path, **run: Any) -> RunResult:
    """A query without an end, and then a good one, on associations one at a time."""
    job = {
        "version": 1,
        "name": "endless",
        "peers": {
            "pacs": {
                "host": LOOPBACK,
                "port": peer.port,
                "timeouts": PATIENCE | {"cancel": SHORT},
                "limits": {"associations": 1},
            }
        },
        "queries": {"endless": QUERY, "after": QUERY},
        "run": {"retry": {"attempts": 2, "backoff": "10ms"}, **run},
        "outputs": [
            {
                "format": "csv",
                "path": f"{name}.csv",
                "queries": [name],
                "publish": "always",
            }
            for name in ("endless", "after")
        ],
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(job))
    return asyncio.run(batchfind.arun(path, run_dir=folder / "run"))


def rows(result: RunResult, name: str) -> list[str]:
    (output,) = (one for one in result.outputs if one.path.endswith(f"{name}.csv"))
    with Path(output.written).open(encoding="utf-8", newline="") as file:
        return [row["StudyInstanceUID"] for row in csv.DictReader(file)]


def first_then_good(steps: Sequence[Step]) -> Callable[[Request], Sequence[Step]]:
    return lambda request: GOOD if request.number else steps


def check_all_is_kept(result: RunResult) -> int:
    """Of the endless query: each response has its row, in order; how many they are."""
    responses = result.requests[0].responses
    assert rows(result, "endless") == [UID.format(n) for n in range(responses)]
    return responses


CASES = [("responses", name) for name in ENDINGS] + [
    (limit, name)
    for limit in ("bytes", "time")
    for name in ("fe00", "success", "ignored", "silence", "close")
]


@pytest.mark.parametrize(("limit", "name"), CASES)
def test_an_endless_answer_ends_at_its_limit(
    limit: str, name: str, scripted_peer: StartPeer, tmp_path: Path
) -> None:
    ending = ENDINGS[name]
    peer = scripted_peer(script=first_then_good(ending.steps))
    result = asked(peer, tmp_path, per_request=LIMITS[limit])
    endless_one, after = result.requests
    assert endless_one.cause is not None
    assert (endless_one.verdict, endless_one.cause.code) == (Verdict.PARTIAL, "limit")
    assert endless_one.cause.phase == "cancel"
    assert endless_one.attempts == 1
    assert endless_one.seconds < ENOUGH
    assert result.exit_code is ExitCode.INCOMPLETE
    assert any(ending.warning in one for one in endless_one.warnings) or ending.drained
    kept = check_all_is_kept(result)
    assert kept > (40 if limit == "responses" else 0)
    # The next query: never on an association that was not drained.
    assert (after.verdict, after.responses) == (Verdict.COMPLETE, MATCHES)
    assert rows(result, "after") == [UID.format(n) for n in range(MATCHES)]
    assert peer.seen.cancels == [peer.seen.requests[0].message_id]
    assert len(peer.seen.associations) == (1 if ending.drained else 2)
    assert peer.seen.simultaneous == 1


def test_a_peer_that_takes_no_notice_may_not_fill_the_disk(
    scripted_peer: StartPeer, tmp_path: Path
) -> None:
    """What it sends after the C-CANCEL is limited, whatever time it has."""
    large = EXPLICIT.element(0x00081190, b"x" * (1 << 20), "UT")

    async def step(talk: Talk) -> None:
        while not (talk.gone.is_set() or talk.writer.is_closing()):
            await talk.send(in_pieces(talk.request, large))

    peer = scripted_peer(script=first_then_good([step]))
    result = asked(peer, tmp_path, per_request={"responses": 2})
    endless_one, after = result.requests
    assert endless_one.cause is not None
    assert endless_one.cause.code == "limit"
    assert endless_one.responses < 100
    assert len(peer.seen.associations) == 2
    assert after.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("name", ["fe00", "ignored", "silence"])
def test_the_deadline_of_the_run_ends_it_as_well(
    name: str, scripted_peer: StartPeer, tmp_path: Path
) -> None:
    peer = scripted_peer(*ENDINGS[name].steps)
    result = asked(peer, tmp_path, deadline="400ms")
    endless_one, after = result.requests
    assert endless_one.cause is not None
    assert (endless_one.verdict, endless_one.cause.code) == (
        Verdict.PARTIAL,
        "deadline",
    )
    assert check_all_is_kept(result) > 0
    assert peer.seen.cancels == [peer.seen.requests[0].message_id]
    assert after.cause is not None
    assert (after.verdict, after.cause.code) == (Verdict.SKIPPED, "deadline")
    assert result.exit_code is ExitCode.INCOMPLETE
    assert result.seconds < ENOUGH
