"""What a hostile peer costs: the peak of a whole run in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Container
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
    ID,
    NAME,
    STUDY,
    WHOLE,
    deflated,
    in_pieces,
    nested,
)
from tests.interop.hostile.messages import flooding
from tests.interop.hostile.neighbourhood import job_of
from tests.peers import steps
from tests.peers.scripted import Conversation, Step
from tests.peers.steps import flood, matches, raw, say

ROOT = Path(__file__).parents[2]
MOST = 64 << 10
"""KiB that a hostile peer may cost beyond what a good one does."""
RESPONSES = 5_000
TEXT, UNASKED = 0x00081190, 0x00321000
MEASURED = """
import sys
from pathlib import Path
from batchfind.__main__ import main
try:
    main()
finally:
    status = dict(
        line.split(":", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
    )
    print("peak", status["VmHWM"].split()[0], file=sys.stderr)
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


def repeated(name: str, identifier: bytes, count: int, stated: Stated) -> Behaviour:
    """The same response again and again."""

    async def step(talk: Conversation) -> None:
        response = in_pieces(talk.request, identifier)
        for _ in range(count):
            await talk.send(response)

    return Behaviour(name, stated, [step, steps.final()])


def defects(count: int) -> Stated:
    return suspect("malformed", f"{count} responses cannot be decoded (limit)", count)


def unasked(value: bytes) -> bytes:
    """A good Identifier with a text that nobody asked for."""
    return WHOLE + EXPLICIT.element(UNASKED, value, "UT")


def named(value: bytes) -> bytes:
    """An Identifier whose Patient ID, which was asked for, is this text."""
    name = EXPLICIT.element(NAME, b"Odd^One ")
    return name + EXPLICIT.element(ID, value, "UT") + STUDY


MANY = [
    repeated(
        "responses_15m",
        EXPLICIT.element(TEXT, b"a" * (15 << 20), "UT"),
        6,
        defects(6),
    ),
    repeated("responses_1m", unasked(b"a" * ((1 << 20) - 2)), 12, complete(12)),
    repeated("controls_1m", unasked(b"\1" * ((1 << 20) - 2)), 6, complete(6)),
    repeated("controls_3k", unasked(b"\1" * 3_000), 2_000, complete(2_000)),
    repeated("names_1m", named(b"a" * ((1 << 20) - 2)), 12, complete(12)),
    repeated(
        "ds_15000_elements",
        WHOLE
        + b"".join(
            EXPLICIT.element(UNASKED + number, b"x" * 100, "LO")
            for number in range(15_000)
        ),
        3,
        complete(3),
    ),
]
"""What enters tables, or is too large to, many times over."""

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
FORMATS = ("csv", "jsonl", "xml", "parquet")
"""What the many are written as, each after the other."""
FEWER = {"controls_1m": ("parquet",), "controls_3k": ("csv",)}
"""And those that come nearer to the bound as one."""


def measured(
    one: Behaviour, folder: Path, formats: Container[str] = ("csv",)
) -> tuple[int, dict[str, Any]]:
    """Peak memory of a run in KiB, and what it says of its request."""
    with one.start() as peer:
        job = folder / "job.yaml"
        limits = {"responses": RESPONSES}
        text = job_of([one], {one.name: peer.port}, per_request=limits)
        text["outputs"] = [
            each for each in text["outputs"] if each["format"] in formats
        ]
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


@pytest.fixture(scope="module")
def usual_of_all(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The same where every format is written."""
    return measured(GOOD, tmp_path_factory.mktemp("all"), FORMATS)[0]


@pytest.mark.parametrize("one", MANY, ids=lambda one: one.name)
def test_many_cost_no_more_than_one(
    one: Behaviour, usual_of_all: int, tmp_path: Path
) -> None:
    peak, told = measured(one, tmp_path, FEWER.get(one.name, FORMATS))
    assert told["verdict"] == one.stated.verdict.value
    assert told["responses"] == one.stated.responses
    assert one.stated.words in (told["cause"] or {"message": ""})["message"]
    assert peak - usual_of_all <= MOST
