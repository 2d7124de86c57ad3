"""`--show`: every response as it arrives, in findscu's dump style."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from batchfind.capture.records import AttemptFacts
from batchfind.cli.board import Board
from batchfind.cli.live import above, screen
from batchfind.cli.showing import Responses
from batchfind.dicom.transfer_syntaxes import EXPLICIT_LE
from batchfind.dimse.messages import Matches
from batchfind.errors import StorageError
from batchfind.execution.progress import Received, ResponseObserver, RunStarted
from batchfind.job.model import CharsetPolicy
from tests.cli.conftest import Shell
from tests.execution.plans import peer, plan, request
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer

ROOT = Path(__file__).parents[2]
FACTS = AttemptFacts(
    transfer_syntax=EXPLICIT_LE,
    peer_implementation="",
    peer_max_pdu=0,
    address="127.0.0.1:104",
    association=1,
    started="2026-01-31T04:15:00.000000+00:00",
)


def identifier(name: bytes) -> bytes:
    return pdu.data_set([pdu.DataElement(0x0010_0010, b"PN", name)])


def received(*identifiers: bytes, first: int = 1) -> Received:
    ends, total = [], 0
    for each in identifiers:
        total += len(each)
        ends.append(total)
    matches = Matches(1, b"".join(identifiers), ends, [0xFF00] * len(ends))
    return Received(request("0.0", "pacs"), first, matches, FACTS)


def shown(*sets: Received, **facts: Any) -> str:
    stream = io.StringIO()
    observer = Responses(stream)
    whole = plan(Path("/nowhere"), [peer("pacs", 104, **facts)], [])
    observer(RunStarted(whole, "/nowhere", ("0.0",)))

    async def show() -> None:
        for each in sets:
            await observer.responses(each)

    asyncio.run(show())
    observer.check()
    return stream.getvalue()


class TestResponses:
    def test_have_a_heading_with_request_number_and_status(self) -> None:
        text = shown(
            received(identifier(b"Adams^A "), identifier(b"Baker^B ")),
            received(identifier(b"Carter^C"), first=3),
        )
        headings = [line for line in text.splitlines() if "response" in line]
        assert headings == [
            f"# studies @ pacs, request 0.0, response {number}, status FF00"
            for number in (1, 2, 3)
        ]

    def test_are_dumped_as_findscu_does(self) -> None:
        assert shown(received(identifier(b"Adams^A "))).splitlines()[2:] == [
            "# Dicom-Data-Set",
            "# Used TransferSyntax: Little Endian Explicit",
            f"(0010,0010) PN {'[Adams^A ]':<40} #   8, 1 PatientName",
        ]

    def test_cannot_move_the_cursor_or_forge_a_line(self) -> None:
        text = shown(received(identifier(b"\x1b[2J\r\nforged\x9b\x07")))
        assert "\x1b" not in text
        assert "\x9b" not in text
        assert len(text.splitlines()) == 5

    def test_are_read_in_the_character_set_the_job_assumes(self) -> None:
        policy = CharsetPolicy(assume="ISO_IR 100")
        assert "Müller" in shown(received(identifier(b"M\xfcller")), charset=policy)

    def test_that_cannot_be_decoded_are_told(self) -> None:
        text = shown(received(b"\x10\x00\x10", identifier(b"Adams^A ")))
        assert "# cannot be decoded: " in text
        assert "Adams^A" in text

    def test_make_a_run_wait_only_when_somebody_watches(self) -> None:
        assert isinstance(Responses(io.StringIO()), ResponseObserver)
        assert not isinstance(lambda _: None, ResponseObserver)


class TestWriting:
    def test_a_reader_that_has_gone_is_no_error(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as stream:
            observer = Responses(stream)
            for _ in range(2):
                asyncio.run(observer.responses(received(identifier(b"Adams^A "))))
            observer.check()

    def test_a_full_disk_is(self) -> None:
        full = Path("/dev/full")
        if not full.exists():
            pytest.skip("no /dev/full here")
        with full.open("w") as stream:
            observer = Responses(stream)
            asyncio.run(observer.responses(received(identifier(b"Adams^A "))))
            with pytest.raises(StorageError, match="No space left"):
                observer.check()

    def test_above_a_live_screen_every_line_stays(self) -> None:
        output = io.StringIO()
        console = Console(file=output, force_terminal=True, width=60, height=20)
        observer = Responses(cast("Any", output))
        observer.write_by(above(console))
        board = Board(job="nightly")
        with screen(board, console):
            asyncio.run(observer.responses(received(identifier(b"Adams^A "))))
        text = output.getvalue()
        assert "# studies @ pacs, request 0.0, response 1, status FF00" in text
        # Longer than the console is wide, and whole all the same.
        assert "#   8, 1 PatientName" in text


JOB = """\
version: 1
name: shown
peers:
  pacs: {{host: 127.0.0.1, port: {port}, called_ae: PEER}}
queries:
  studies:
    model: study
    level: STUDY
    allow_universal: true
    keys: {{PatientID: "", PatientName: "", StudyInstanceUID: ""}}
"""


@pytest.fixture
def job(tmp_path: Path, scripted_peer: StartPeer) -> Path:
    path = tmp_path / "job.yaml"
    port = scripted_peer(steps.matches(3), steps.final()).port
    path.write_text(JOB.format(port=port))
    return path


class TestRun:
    def test_shows_responses_on_stdout(self, shell: Shell, job: Path) -> None:
        done = shell("run", job, "--show", "--quiet")
        assert done.returncode == 0
        assert done.stdout.count("# Dicom-Data-Set") == 3
        assert "[Scripted^Nr2" in done.stdout
        assert done.stderr == ""

    def test_with_json_shows_them_on_stderr(self, shell: Shell, job: Path) -> None:
        done = shell("run", job, "--show", "--json")
        assert json.loads(done.stdout)["exit_code"] == 0
        assert done.stderr.count("# Dicom-Data-Set") == 3

    def test_without_it_shows_none(self, shell: Shell, job: Path) -> None:
        done = shell("run", job)
        assert "Dicom-Data-Set" not in done.stdout + done.stderr

    def test_ends_well_when_the_reader_leaves(
        self, process: Shell, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        path = tmp_path / "job.yaml"
        port = scripted_peer(steps.matches(2000), steps.final()).port
        path.write_text(JOB.format(port=port))
        line = f'{sys.executable} -m batchfind "$@" | head -n 2'
        program = ("bash", "-o", "pipefail", "-c", line, "bash")
        done = process("run", path, "--show", "--quiet", program=program)
        assert done.returncode == 0
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == 2

    def test_shows_what_a_resumed_run_asks_again(
        self, shell: Shell, tmp_path: Path, scripted_peer: StartPeer
    ) -> None:
        turns = [[steps.final(0xA900)], [steps.matches(1), steps.final()]]
        path = tmp_path / "job.yaml"
        port = scripted_peer(script=steps.in_turn(*turns)).port
        path.write_text(JOB.format(port=port))
        assert shell("run", path, "--quiet").returncode == 1
        done = shell("resume", "latest", "--show", "--quiet")
        assert done.returncode == 0
        assert done.stdout.count("# Dicom-Data-Set") == 1

    def test_works_together_with_the_live_screen(
        self, tmp_path: Path, job: Path
    ) -> None:
        ours, theirs = pty.openpty()
        chunks: list[bytes] = []

        def read() -> None:
            try:
                while chunk := os.read(ours, 1 << 16):
                    chunks.append(chunk)
            except OSError:  # how Linux tells that the terminal has closed
                return

        reader = threading.Thread(target=read)
        reader.start()
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        done = subprocess.run(
            [sys.executable, "-m", "batchfind", "run", str(job), "--show"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            cwd=tmp_path,
            check=False,
            timeout=60,
        )
        os.close(theirs)
        reader.join()
        os.close(ours)
        text = b"".join(chunks).decode()
        assert done.returncode == 0
        assert text.count("# Dicom-Data-Set") == 3
        assert "complete" in text
