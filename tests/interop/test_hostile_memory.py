"""What a hostile peer costs: the peak of a whole run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import pytest

from batchfind.dicom.transfer_syntaxes import DEFLATED_LE
from tests.dimse.peer import pdata, pdv
from tests.interop.hostile.behaviour import (
    MATCHES,
    Behaviour,
    Stated,
    complete,
    partial,
    suspect,
)
from tests.interop.hostile.framing import command_only, one_match
from tests.interop.hostile.identifiers import (
    EXPLICIT,
    deflated,
    in_pieces,
    nested,
)
from tests.interop.hostile.messages import flooding
from tests.interop.hostile.neighbourhood import job_of
from tests.peers import steps
from tests.peers.scripted import Step
from tests.peers.steps import flood, matches, raw, say

ROOT = Path(__file__).parents[2]
MOST = 64 << 10
"""KiB that a hostile peer may cost beyond what a good one does."""
RESPONSES = 5_000
TEXT = 0x00081190
MEASURED = """
import sys
from pathlib import Path
from batchfind.cli.main import execute
code = execute(sys.argv[1:])
status = dict(
    line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
)
print("peak", status["VmHWM"].split()[0], file=sys.stderr)
sys.exit(code)
"""
"""The peak of the process itself; what wait4 tells includes the parent's."""


def sending(name: str, stated: Stated, *answer: Step) -> Behaviour:
    return Behaviour(name, stated, [matches(MATCHES), *answer])


def identified(name: str, kind: str, identifier: Callable[[], bytes]) -> Behaviour:
    """A good answer with one Identifier that is made when it is asked for."""
    step = say(lambda one: in_pieces(one, identifier()))
    words = f"1 response cannot be decoded ({kind})"
    stated = suspect("malformed", words, MATCHES + 1)
    return sending(name, stated, step, steps.final())


def bomb() -> Behaviour:
    stated = suspect("malformed", "1 response cannot be decoded (limit)", 1)
    step = say(lambda one: in_pieces(one, deflated(bytes(128 << 20))))
    peer = {"transfer_syntaxes": [DEFLATED_LE]}
    return Behaviour("ds_deflate_bomb", stated, [step, steps.final()], peer=peer)


def endless() -> Behaviour:
    stated = Stated(
        verdict=partial(0, "").verdict,
        cause="limit",
        words="a limit of run.per_request",
        responses=None,
    )
    peer = {"timeouts": {"cancel": "300ms"}}
    return Behaviour("infinite_pending", stated, [flooding(one_match)], peer=peer)


TABLE = [
    sending(
        "pdu_len_4g_stream",
        partial(MATCHES, "protocol-pdu", "announces 4294967295 bytes"),
        raw(pack(">BxL", 4, 0xFFFFFFFF)),
        flood(bytes(65_536)),
    ),
    sending(
        "cmd_never_last",
        partial(MATCHES, "limit", "a command set exceeds 65536 bytes"),
        flood(pdata(pdv(1, 1, bytes(4096)))),
    ),
    sending(
        "ds_never_last",
        partial(MATCHES, "limit", "a data set exceeds 16777216 bytes"),
        say(command_only),
        flood(pdata(pdv(1, 0, bytes(16_000)))),
    ),
    identified(
        "ds_huge_string",
        "limit",
        lambda: EXPLICIT.element(TEXT, b"a" * (8 << 20), "UT"),
    ),
    identified(
        "ds_vm_bomb", "limit", lambda: EXPLICIT.element(TEXT, b"\\" * (8 << 20), "UC")
    ),
    identified("ds_nested_100000", "depth", lambda: nested(100_000)),
    identified(
        "ds_many_elements",
        "limit",
        lambda: EXPLICIT.element(0x00091000, b"", "SH") * 1_000_000,
    ),
    bomb(),
    endless(),
]
GOOD = Behaviour("good", complete())


def measured(one: Behaviour, folder: Path) -> tuple[int, dict[str, Any]]:
    """Peak memory of a run in KiB, and what it says of its request."""
    with one.start() as peer:
        job = folder / "job.yaml"
        limits = {"responses": RESPONSES}
        text = job_of([one], {one.name: peer.port}, per_request=limits)
        text["outputs"] = [each for each in text["outputs"] if each["format"] == "csv"]
        job.write_text(json.dumps(text))
        command = [sys.executable, "-c", MEASURED, "run", str(job), "--json"]
        ran = subprocess.run(
            [*command, "--run-dir", str(folder / "run")],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert ran.returncode == one.stated.exit_code, ran.stderr
    assert "Traceback" not in ran.stderr
    (request,) = json.loads(ran.stdout)["requests"]
    return int(ran.stderr.rsplit("peak ", 1)[1]), request


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The peak of a run that asks a good peer."""
    return measured(GOOD, tmp_path_factory.mktemp("usual"))[0]


@pytest.mark.parametrize("one", TABLE, ids=lambda one: one.name)
def test_costs_no_more_than_its_bound(
    one: Behaviour, usual: int, tmp_path: Path
) -> None:
    peak, told = measured(one, tmp_path)
    assert told["verdict"] == one.stated.verdict.value
    assert told["cause"]["code"] == one.stated.cause
    assert one.stated.words in told["cause"]["message"]
    assert peak - usual <= MOST
