"""Fixtures of the plan's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.planning import Planner


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    return Planner(tmp_path)
