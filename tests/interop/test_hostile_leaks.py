"""Thousands of associations leave nothing; see tests/interop/leaking.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUESTS = 800
"""Enough for 1 000 associations after the first runs, since some are asked again."""
MOST = 8 << 10
"""KiB: 4 an association, most of it how the allocator rounds. 10 000 cost no more."""


def test_a_thousand_associations_with_flaky_peers_leave_nothing() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.interop.leaking"),
            *("--associations", str(REQUESTS)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["connections"] > 1_000
    assert found["tasks"] == 0
    for what in ("descriptors", "threads"):
        assert found["last"][what] == found["first"][what], found
    assert found["last"]["resident"] - found["first"]["resident"] < MOST, found
