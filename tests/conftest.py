"""Fixtures every room's tests may use."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

pytest_plugins = ["tests.peers.plugin"]

# Hundreds of processes are started, and none should compile the package once more.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.fixture(scope="session", autouse=True)
def ctrl_c() -> Iterator[None]:
    """Processes inherit what a terminal's do, also where a shell's & ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def hang_up() -> Iterator[None]:
    """Processes inherit what a terminal's do, also under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: half of the time a worker waits for processes and peers."""
    return 2 * (os.cpu_count() or 1)
