"""`python -m benchmarks.soak`: what it makes of what it sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak import Course, Look, look

ROOT = Path(__file__).resolve().parent.parent.parent


def course(*resident: float, descriptors: int = 20) -> Course:
    return Course(
        [Look(60.0 * at, mb, descriptors, 8) for at, mb in enumerate(resident)]
    )


class TestCourse:
    def test_leaves_out_the_beginning(self) -> None:
        looks = course(10, 90, 100, 100, 100, 100, 100, 100, 100, 100, 100)
        assert looks.settled[0].resident == 100
        assert looks.growth == pytest.approx(0)

    def test_sees_what_grows(self) -> None:
        growing = course(*range(100, 120))
        span = growing.settled[-1].resident - growing.settled[0].resident
        assert growing.growth == pytest.approx(span)

    def test_compares_halves(self) -> None:
        early, late = course(*[100] * 10), course(*[100] * 10, descriptors=30)
        looks = [*early.looks[:6], *late.looks[6:]]
        assert Course(looks).most_descriptors == (20, 30)

    def test_shows_twelve_rows_at_most(self) -> None:
        rows = course(*[100] * 100).table().splitlines()[2:]
        assert 10 <= len(rows) <= 12


class TestLook:
    def test_reads_a_process(self) -> None:
        now = look(os.getpid(), started=0)
        assert now is not None
        assert now.resident > 1
        assert now.descriptors > 2
        assert now.threads >= 1

    def test_finds_none_where_there_is_none(self) -> None:
        assert look(2**22 + 1, started=0) is None


def test_a_short_one_counts_every_response() -> None:
    options = ("--minutes", "0.02", "--requests", "600", "--peers", "4")
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "600 of 600 requests complete at 4 SCPs" in ended.stdout, json.dumps(
        [ended.stdout, ended.stderr]
    )
    assert " 12000 responses" in ended.stdout
    assert "no association was aborted" not in ended.stdout
