"""`python -m benchmarks.lag`: how late the event loop is while much is going on.

`batchfind.arun` takes in one long answer and writes it as Parquet. Beside it a task
asks to be woken every millisecond and notes how late that happens: what the writer
and the renderer, which are threads of the same process, cost the loop that answers
the peers. Phases are told apart, for each has other threads at work.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from batchfind import api
from batchfind.execution.progress import Event, FinishingStarted, RunStarted
from benchmarks.contenders import STUDY, WORKLIST, Question, write_job
from benchmarks.measure import Figure
from benchmarks.servers import replay

_PERIOD = 0.001
_NETWORK, _RENDERER = "network and writer", "renderer and outputs"
_FIGURES = {Figure.LAG_NETWORK: _NETWORK, Figure.LAG_RENDERER: _RENDERER}


class Lateness:
    """What the loop's lateness was, in seconds, by phase."""

    def __init__(self) -> None:
        self.phases: dict[str, list[float]] = {}
        self._phase = "start"

    def __call__(self, event: Event) -> None:
        """An observer of the run: begins phases."""
        if isinstance(event, RunStarted):
            self._phase = _NETWORK
        elif isinstance(event, FinishingStarted):
            self._phase = _RENDERER

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

    def figures(self) -> dict[str, float]:
        """The 99th percentiles; not a number where a phase had no waking."""
        return {
            figure.name: _at(self.phases.get(phase, []), 0.99)
            for figure, phase in _FIGURES.items()
        }


def _at(found: list[float], share: float) -> float:
    """A percentile in milliseconds."""
    if not found:
        return float("nan")
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
    """Serves, unless a job is given, runs in this process, prints a line a phase."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lag")
    parser.add_argument("--responses", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("study", "worklist"), default="study")
    parser.add_argument("--format", default="parquet")
    parser.add_argument("--job", type=Path, help="run this job; its peers are up")
    parser.add_argument("--tell", type=Path, help="write the percentiles here as JSON")
    given = parser.parse_args()
    lateness = asyncio.run(_measure(given.job)) if given.job else _served(given)
    if given.tell is not None:
        given.tell.write_text(json.dumps(lateness.figures()))
    sys.stdout.write("".join(f"{line}\n" for line in lateness.lines()))


def _served(given: argparse.Namespace) -> Lateness:
    uid = WORKLIST if given.kind == "worklist" else STUDY
    options = ("--kind", given.kind, "--responses", str(given.responses))
    with (
        replay(*options, "--sop-class", uid) as ports,
        tempfile.TemporaryDirectory() as folder,
    ):
        output = {"format": given.format, "path": f"{folder}/out"}
        job = write_job(Path(folder), Question(given.kind, ports), output)
        return asyncio.run(_measure(job))


if __name__ == "__main__":
    main()
