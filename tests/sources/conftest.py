"""DCMTK's tools, to make base Identifiers in every format."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.peers.processes import require

Dcmtk: TypeAlias = Callable[..., bytes]


@pytest.fixture(scope="session")
def dcmtk() -> Dcmtk:
    """Runs a DCMTK tool and returns its standard output; skips without DCMTK."""

    def run(tool: str, *arguments: object) -> bytes:
        path = f"/usr/bin/{tool}"
        require(path)
        command = [path, *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True).stdout

    return run
