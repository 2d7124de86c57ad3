from __future__ import annotations

import pytest

from batchfind.demo.archive import Archive, load, shipped_files


@pytest.fixture(scope="session")
def archive() -> Archive:
    return load(shipped_files())
