"""Whether a plan's files can be written, found out before any peer is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from batchfind.errors import JobError, Mark, Problem
from batchfind.outputs.obstacles import check_writable
from batchfind.plan.model import Plan


def check_targets(plan: Plan, run_dir: Path | None = None) -> None:
    """Makes sure that every output, and the run itself, has a place to go.

    Args:
        plan: what will run; its outputs are absolute paths.
        run_dir: the run directory, when it is given exactly.

    Raises:
        JobError: naming every output and folder that cannot be written.
    """
    problems = [
        Problem(Mark(plan.job_path), place, sentence)
        for place, sentence in _obstacles(plan, run_dir)
    ]
    if problems:
        raise JobError(problems)


def _obstacles(plan: Plan, run_dir: Path | None) -> Iterator[tuple[str, str]]:
    runs = Path(plan.policy.directory)
    if sentence := check_writable(runs / "run"):
        yield "run.dir", sentence.replace(str(runs / "run"), str(runs), 1)
    keep = [runs] if run_dir is None else [runs, run_dir.absolute()]
    taken: dict[str, str] = {}
    for output in plan.outputs:
        path = Path(output.path)
        real = os.path.realpath(path)
        other = taken.setdefault(real, output.path)
        if other != output.path:
            yield "outputs", f"{path} and {other} are the same file; use two paths"
        if any(Path(real).is_relative_to(os.path.realpath(each)) for each in keep):
            yield "outputs", f"{path} lies among the run directories; move it elsewhere"
        elif sentence := check_writable(path):
            yield "outputs", sentence
