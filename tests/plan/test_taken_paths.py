"""No output takes a path that is not free."""

from __future__ import annotations

import pytest

from batchfind.plan.taken_paths import SIDECAR, TakenPaths, folded


@pytest.fixture
def taken() -> TakenPaths:
    inputs = map(folded, ["/job/job.yaml", "/job/in/../rows.csv"])
    paths = TakenPaths(frozenset(inputs), "/job/runs")
    assert list(paths.take("/job/a/x.csv", "outputs[0]", is_directory=False)) == []
    return paths


def test_a_free_path_is_taken_without_a_word(taken: TakenPaths) -> None:
    assert list(taken.take("/job/a/y.csv", "outputs[1]", is_directory=False)) == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/job/a/x.csv", "is written by outputs[0] already"),
        ("/job/A/X.CSV", "is written by outputs[0] already"),
        (f"/job/a/x.csv{SIDECAR}", "is the sidecar of outputs[0] already"),
        ("/job/a", "outputs[0] writes below /job/a"),
        ("/job/a/x.csv/y.csv", "lies inside a file of outputs[0]"),
        ("/job/job.yaml", "is read by this job"),
        ("/job/ROWS.csv", "is read by this job"),
        ("/job/runs", "is among the run directories in /job/runs"),
        ("/job/runs/test/x.csv", "is among the run directories in /job/runs"),
    ],
)
def test_one_that_is_not_says_why(taken: TakenPaths, path: str, why: str) -> None:
    (fault,) = taken.take(path, "outputs[1]", is_directory=False)
    assert why in fault


def test_accents_may_be_composed_or_not() -> None:
    assert folded("/a/\u00fc.csv") == folded("/a/u\u0308.csv")
    assert folded("/a/./b/../x") == "/a/x"
