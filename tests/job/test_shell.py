"""No shell reads a job: what one would expand is refused in every path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from batchfind.job.shell import shell_fault

Problems = Callable[[str], list[str]]
Job_ = Callable[[str], str]


@pytest.mark.parametrize(
    "lines",
    [
        "model: study\nlevel: STUDY\nfiles: [%s]",
        "model: study\nlevel: STUDY\nkeys: {PatientID: '{{ a }}'}\nrows: {from: %s}",
    ],
)
@pytest.mark.parametrize("path", ["~/x.csv", "$HOME/x.csv", "/data/${day}/x.csv"])
def test_in_a_query(
    lines: str, path: str, problems: Problems, with_query: Job_
) -> None:
    (problem,) = problems(with_query(lines % f"'{path}'"))
    assert problem.endswith(" here; write an absolute path")
    assert "no shell expands" in problem


@pytest.mark.parametrize(
    "lines",
    [
        "run: {dir: ~/runs}",
        "outputs: [{format: csv, path: ~/x.csv}]",
        "include: [~/site.yaml]",
    ],
)
def test_in_the_rest_of_the_job(
    lines: str, problems: Problems, with_keys: Job_
) -> None:
    (problem,) = problems(with_keys("PatientID: x") + lines)
    assert "no shell expands ~ here; write an absolute path" in problem


@pytest.mark.parametrize(
    "path",
    ["a~b.csv", "~backup.csv", "c$/x.csv", "a$b.csv", "100%.csv", "{{ '$HOME' }}.csv"],
)
def test_what_no_shell_expands_is_a_name(path: str) -> None:
    assert shell_fault(path) == ""


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("~", "~"),
        ("~me/x", "~me"),
        ("a/$DAY.csv", "$DAY"),
        (r"%USERPROFILE%\x.csv", "%USERPROFILE%"),
    ],
)
def test_what_a_shell_expands_is_named(path: str, shown: str) -> None:
    assert f"expands {shown} here" in shell_fault(path)
