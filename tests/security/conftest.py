"""A hostile peer, a job that asks it, and the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.peers import pdu
from tests.peers.scripted import Request

ROOT = Path(__file__).resolve().parents[2]
ASKED = "ASKED-PATIENT-4711"
"""The value of a key: nothing but the plan and the capture may hold it."""
NAME = "Mallory^\x1b[2J\x1b]0;owned\x07\x9b31m"
IDENTIFIER = "../../../../tmp/escaped"
FORMULA = "=cmd|' /C calc'!A0"

Ran: TypeAlias = "subprocess.CompletedProcess[bytes]"
Batchfind: TypeAlias = Callable[..., Ran]


def hostile(request: Request, index: int) -> bytes:
    """A match whose values attack screens, paths, spreadsheets and documents."""
    values = {
        0x00100010: (b"PN", NAME),
        0x00100020: (b"LO", IDENTIFIER),
        0x00104000: (b"LT", f"{FORMULA}\0\x01]]>--><x>{index}"),
    }
    elements = [
        pdu.DataElement(tag, vr, pdu.text(text)) for tag, (vr, text) in values.items()
    ]
    return pdu.data_set(elements, request.transfer_syntax)


def process(folder: Path, *arguments: str, umask: int = -1) -> Ran:
    """The command, run to its end in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "batchfind", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
        umask=umask,
    )


@pytest.fixture
def batchfind(tmp_path: Path) -> Batchfind:
    """Runs the command where the test's files are."""
    return partial(process, tmp_path)
