"""The child process: what execution starts and ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

from pynetdicom import AE

from batchfind.demo.announcement import Announcement
from batchfind.demo.server import VERIFICATION

COMMAND = [sys.executable, "-m", "batchfind.demo", "--now", "2026-03-30T23:30:00+02:00"]


def start() -> tuple[subprocess.Popen[str], Announcement]:
    process = subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Announcement.from_json(process.stdout.readline())


class TestLife:
    def test_it_ends_with_the_pipe_of_its_parent(self) -> None:
        process, _ = start()
        with process:
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(timeout=20) == 0

    def test_it_ends_on_sigterm_though_somebody_is_associated(self) -> None:
        process, announcement = start()
        entity = AE()
        entity.add_requested_context(VERIFICATION)
        association = entity.associate("127.0.0.1", announcement.pacs.port)
        with process:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        association.join()
        assert association.is_aborted

    def test_a_port_in_use_is_an_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ended = subprocess.run(
                [*COMMAND, "--pacs-port", port],
                stdin=subprocess.PIPE,
                capture_output=True,
                check=False,
                timeout=60,
            )
        assert ended.returncode != 0
        assert not ended.stdout
