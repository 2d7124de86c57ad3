"""Kills a job again and again, and shows that nothing is lost and nothing is doubled.

    python -m tests.execution.killed --kills 100 --requests 2000 --seed 7

A slow SCP runs in a process of its own. The installed command line asks it, is killed
(SIGKILL) at a moment drawn evenly over what is left of its life, finishing, publishing
and a little beyond included, or now and then while it starts, and is resumed and killed
once more until it comes through; then another run begins, until there were enough
kills. `tests.execution.killed_run` says what must be true after each kill and at the
end of each run.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.execution.killed_run import TARGETS, Moment, Run, slow_scp, times_of
from tests.peers.slow_scp import responses_to

#: Share of the kills that meet a process before it asks anything.
_AT_START = 0.15


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the steps of a run take that nobody interrupts, in seconds."""

    starting: float
    asking: float
    finishing: float

    def moment(self, share: float, chance: random.Random) -> Moment:
        """When to kill a process that has this share of the requests to ask."""
        if chance.random() < _AT_START:
            return Moment(chance.uniform(0, self.starting), begun=False)
        life = self.asking * share + self.finishing
        return Moment(chance.uniform(0, 1.1 * life), begun=True)


@dataclass(slots=True)
class Figures:
    """What was done."""

    kills: int = 0
    runs: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    responses: int = 0
    asked: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line."""
        phases = ", ".join(f"{n} {name}" for name, n in sorted(self.phases.items()))
        return (
            f"{self.kills} kills ({phases}) over {self.runs} runs of"
            f" {self.responses} responses in {self.seconds:.0f} s: none lost, none"
            f" doubled, {len(TARGETS)} outputs byte-identical each time,"
            f" {self.asked} requests asked, none after its ending was kept"
        )


class Sweep:
    """Kills as many as wanted, over as many runs as they take."""

    def __init__(self, folder: Path, requests: int, seed: int) -> None:
        self._folder = folder
        self._patients = [f"A{number:05}" for number in range(requests)]
        self._chance = random.Random(seed)  # noqa: S311 - any moment will do
        self._log = folder / "asked.txt"
        self.figures = Figures(responses=sum(map(responses_to, self._patients)))

    def go(self, kills: int, delay: float) -> Figures:
        """Makes one run nobody interrupts, then those that are killed."""
        began = time.monotonic()
        with slow_scp(self._log, delay) as port:
            whole = Run(self._folder / "whole", port, self._patients)
            pace = self._uninterrupted(whole)
            while self.figures.kills < kills:
                name = f"run-{self.figures.runs + 1}"
                run = Run(self._folder / name, port, self._patients)
                self._kill(run, pace, kills)
                run.ends_like(whole, self._heard)
                self.figures.runs += 1
                shutil.rmtree(run.folder)
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _uninterrupted(self, whole: Run) -> Pace:
        begun = time.monotonic()
        assert whole.carry_on(None) is None
        seconds = time.monotonic() - begun
        times = times_of(whole.told)
        whole.ends_like(whole, self._heard)
        asking = times["FinishingStarted"] - times["RunStarted"]
        finishing = times["RunEnded"] - times["FinishingStarted"]
        return Pace(seconds - asking - finishing, asking, finishing)

    def _kill(self, run: Run, pace: Pace, most: int) -> None:
        """Kills a run until it comes through, or there were enough kills."""
        self._log.write_bytes(b"")
        while True:
            moment = None
            if self.figures.kills < most:
                moment = pace.moment(run.share_left, self._chance)
            killed = run.carry_on(moment)
            heard = len(self._heard)
            if killed is None:
                self.figures.asked += heard
                return
            told, phase = killed
            self.figures.kills += 1
            self.figures.phases[phase] += 1
            run.survives(told, heard)

    @property
    def _heard(self) -> list[str]:
        return self._log.read_text().split()


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills, and prints one line with figures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.execution.killed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--delay", type=float, default=0.002, help="of the SCP, in s")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    options = parser.parse_args(arguments)
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="batchfind-killed-") as folder:
        sweep = Sweep(Path(folder), options.requests, options.seed)
        figures = sweep.go(options.kills, options.delay)
    sys.stdout.write(f"{figures}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
