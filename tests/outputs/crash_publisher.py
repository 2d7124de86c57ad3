"""Publishes again and again, each time killed at a later step.

Run as `python crash_publisher.py FOLDER ...`, each named for a scenario. In FOLDER/0,
FOLDER/1, ... it makes the old state, then publishes the new one in a child process that
is killed (SIGKILL) before its n-th change of the file system. The last folder is the
one of the child that came through.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from batchfind.job.model import OutputFormat
from batchfind.job.output_model import Overwrite, Partition
from batchfind.outputs.staging import Staged
from tests.outputs import places

CHANGES = ("link", "unlink", "replace", "rename", "mkdir", "rmdir", "fsync")
OLD = [("CT", 3), ("MR", 2)]
NEW = [("CT", 1), ("US", 4)]
TARGET = "out"


def output_of(scenario: str, folder: Path) -> Any:
    kind, _, overwrite = scenario.partition("-")
    facts: dict[str, Any] = {"overwrite": Overwrite(overwrite or "replace")}
    if kind == "fresh":
        facts = {}
    if kind != "file":
        facts["partition_by"] = (Partition("Modality"),)
    return places.planned(folder / TARGET, OutputFormat.CSV, **facts)


def table(wanted: list[tuple[str, int]]) -> list[dict[str, Any]]:
    return [
        row
        for modality, count in wanted
        for row in places.rows(count, Modality=modality)
    ]


def staged(output: Any, wanted: list[tuple[str, int]], run: str) -> Staged:
    begun = places.begun(output, run)
    begun.write(places.table_piece(output, table(wanted)))
    begun.close()
    return begun


def no_fsync(_: int) -> None:
    """Waits for no disk: what was written outlives a process that is killed."""


def killed_at(step: int) -> None:
    """From now on the process dies before its `step`th change."""
    left = [step]

    def deadly(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **named)

        return call

    for name in CHANGES:
        setattr(os, name, deadly(getattr(os, name)))


def publish_killed(folder: Path, scenario: str, step: int) -> bool:
    """Whether the publisher came through."""
    folder.mkdir()
    output = output_of(scenario, folder)
    if not scenario.startswith("fresh"):
        staged(output, OLD, "run-1").publish(places.publication("run-1"))
    child = os.fork()
    if not child:
        begun = staged(output, NEW, "run-2")
        killed_at(step)
        begun.publish(places.publication("run-2"))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFEXITED(status)


def main(folders: Iterable[Path]) -> None:
    os.fsync = no_fsync  # type: ignore[assignment]
    for folder in folders:
        folder.mkdir(parents=True)
        step = 0
        while not publish_killed(folder / str(step), folder.name, step):
            step += 1


if __name__ == "__main__":
    main(map(Path, sys.argv[1:]))
