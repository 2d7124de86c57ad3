"""Looks at the places of all outputs before any peer is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from batchfind.errors import JobError, Mark, Problem, StorageError
from batchfind.execution.publisher import Publisher
from batchfind.job.output_model import Overwrite
from batchfind.outputs.intents import settle
from batchfind.outputs.obstacles import check_writable, storage_error
from batchfind.outputs.permissions import group_fault
from batchfind.outputs.publication import check_newer, is_own, stands_at
from batchfind.outputs.sidecars import read_sidecar
from batchfind.plan.model import Plan, PlannedOutput


def check_targets(
    plan: Plan,
    publisher: Publisher | None = None,
    run_dir: Path | None = None,
    *,
    exporting: bool = False,
) -> None:
    """Makes sure that every output can be written; finishes what a crash left there.

    Args:
        plan: of the run.
        publisher: the run, when it exists already: what stands at a path may then
            be its own.
        run_dir: the run directory, when it is given exactly.
        exporting: the outputs go into the run directory itself.

    Raises:
        JobError: naming every output that cannot be written.
        StorageError: a newer run has published one of them, or what a crash left
            cannot be finished.
    """
    found = [
        ("outputs", sentence)
        for output in plan.outputs
        for sentence in _obstacles(output, publisher)
    ]
    if not exporting:
        found = [*_runs_obstacle(plan), *found, *_among_runs(plan, run_dir)]
    if found:
        raise JobError(
            Problem(Mark(plan.job_path), place, sentence) for place, sentence in found
        )
    for output in plan.outputs:
        path = Path(output.path)
        try:
            settle(path)
        except OSError as error:
            raise storage_error(path, error) from error
        if publisher is not None and publisher.guarded:
            check_newer(path, publisher.run_id, publisher.started)


def _runs_obstacle(plan: Plan) -> Iterator[tuple[str, str]]:
    """Why no run directory can be made."""
    runs = Path(plan.policy.directory)
    if sentence := check_writable(runs / "run"):
        yield "run.dir", sentence.replace(str(runs / "run"), str(runs), 1)


def _among_runs(plan: Plan, run_dir: Path | None) -> Iterator[tuple[str, str]]:
    """Outputs that meet each other, or a run, once links are followed."""
    keep = [plan.policy.directory]
    if run_dir is not None:
        keep.append(str(run_dir.absolute()))
    taken: dict[str, str] = {}
    for output in plan.outputs:
        real = os.path.realpath(output.path)
        other = taken.setdefault(real, output.path)
        if other != output.path:
            message = f"{output.path} and {other} are the same file; use two paths"
            yield "outputs", message
        if any(Path(real).is_relative_to(os.path.realpath(each)) for each in keep):
            message = f"{output.path} lies among the run directories; move it elsewhere"
            yield "outputs", message


def _obstacles(output: PlannedOutput, publisher: Publisher | None) -> Iterator[str]:
    path = Path(output.path)
    if sentence := check_writable(path, is_directory=output.is_directory):
        yield sentence
        return
    if fault := group_fault(output.options):
        yield f"{path}: {fault}; name another group"
    try:
        old = read_sidecar(path)
    except StorageError as error:
        yield str(error)
        return
    own = (
        old is not None
        and publisher is not None
        and is_own(old, publisher.run_id, publisher.started)
    )
    if output.overwrite is Overwrite.FAIL and not own and stands_at(output):
        yield (
            f"{path}: something stands there and the output says overwrite: fail; "
            f"move it away, or choose another path"
        )
