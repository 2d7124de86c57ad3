"""`python -m benchmarks.lag`: how late the event loop is while much is going on.

`batchfind.arun` takes in one long answer and writes it as Parquet. Beside it a task
asks to be woken every millisecond and notes how late that happens: what the writer
and the renderer, which are threads of the same process, cost the loop that answers
the peers. Phases are told apart, for each has other threads at work.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from batchfind import api
from batchfind.execution.progress import Event, FinishingStarted, RunStarted
from benchmarks.cases import STUDY, WORKLIST
from benchmarks.contenders import Question, batchfind
from benchmarks.measure import replay

_PERIOD = 0.001


class Lateness:
    """What the loop's lateness was, in seconds, by phase."""

    def __init__(self) -> None:
        self.phases: dict[str, list[float]] = {}
        self._phase = "start"

    def __call__(self, event: Event) -> None:
        """An observer of the run: begins phases."""
        if isinstance(event, RunStarted):
            self._phase = "network and writer"
        elif isinstance(event, FinishingStarted):
            self._phase = "renderer and outputs"

    async def watch(self) -> None:
        """Notes how late each waking is, until it is cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + _PERIOD
            await asyncio.sleep(_PERIOD)
            self.phases.setdefault(self._phase, []).append(max(clock() - due, 0.0))

    def lines(self) -> list[str]:
        """A line for each phase."""
        return [
            f"{phase:22} {len(found):6} samples  p50 {_at(found, 0.5):6.2f} ms"
            f"  p99 {_at(found, 0.99):6.2f} ms  most {_at(found, 1):6.2f} ms"
            for phase, found in self.phases.items()
        ]


def _at(found: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    ordered = sorted(found)
    return 1e3 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def _measure(job: Path) -> Lateness:
    lateness = Lateness()
    watcher = asyncio.create_task(lateness.watch())
    try:
        await api.arun(job, observers=[lateness])
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
    return lateness


def main() -> None:
    """Serves, runs in this process, prints a line a phase."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag")
    parser.add_argument("--responses", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("study", "worklist"), default="study")
    parser.add_argument("--format", default="parquet")
    given = parser.parse_args()
    uid = WORKLIST if given.kind == "worklist" else STUDY
    options = ("--kind", given.kind, "--responses", str(given.responses))
    with (
        replay(*options, "--sop-class", uid) as ports,
        tempfile.TemporaryDirectory() as folder,
    ):
        output = {"format": given.format, "path": f"{folder}/out"}
        question = Question(given.kind, ports)
        batchfind(question, output)(Path(folder))
        lateness = asyncio.run(_measure(Path(folder) / "job.yaml"))
    sys.stdout.write("".join(f"{line}\n" for line in lateness.lines()))


if __name__ == "__main__":
    main()
