"""Starting real SCPs on loopback and waiting until they answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0

# Without it every message of DCMTK waits for the other side's delayed ACK.
AT_ONCE = {**os.environ, "TCP_NODELAY": "1"}


def require(*tools: str) -> None:
    """Skips the test when a tool is missing; fails where interop is required.

    Args:
        tools: absolute paths of programs or files.
    """
    missing = [tool for tool in tools if not Path(tool).exists()]
    if not missing:
        return
    reason = f"not on this machine: {', '.join(missing)}"
    if os.environ.get("BATCHFIND_REQUIRE_INTEROP") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A TCP port on loopback nobody listened at a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listening(port: int) -> bool:
    """Whether somebody accepts connections at a port of loopback."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def serving(
    command: Sequence[str | Path],
    log: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] = AT_ONCE,
) -> Iterator[None]:
    """Runs a server for as long as the context lasts.

    Args:
        command: program and arguments.
        log: file its output goes to.
        ready: asked again and again until it says yes.
        env: environment of the process.

    Raises:
        RuntimeError: when it ends or is not ready within half a minute.
    """
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_until(ready, process, log)
            yield
        finally:
            # the group: these servers fork a child for every association
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_until(
    ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"server not ready: {log.read_text(errors='replace')}")
        time.sleep(0.02)
