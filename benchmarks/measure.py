"""Whole processes, timed in alternating rounds."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """A process to time.

    Attributes:
        argv: program and arguments.
        environment: variables added to ours.
        factor: its time is multiplied by this: a slow contender does a part of the
            work, and the report says so.
        expected: exit code without which the time means nothing.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed process: wall and CPU seconds, peak resident memory in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Timing:
    """All samples of one contender, its factor applied to the times."""

    samples: tuple[Sample, ...]
    factor: float

    @property
    def wall(self) -> float:
        """Median wall time in seconds."""
        return self.factor * statistics.median(one.wall for one in self.samples)

    @property
    def cpu(self) -> float:
        """Median CPU time in seconds."""
        return self.factor * statistics.median(one.cpu for one in self.samples)

    @property
    def peak(self) -> float:
        """Median peak memory in MiB."""
        return statistics.median(one.peak for one in self.samples)


#: Gives a contender's command; the folder is empty and its own.
Prepare = Callable[[Path], Command]


def compile_package() -> None:
    """Compiles our modules, as pip does when it installs them.

    A work tree may be kept free of byte code; what is timed is an installed program.
    """
    root = Path(__file__).resolve().parent.parent
    argv = [sys.executable, "-m", "compileall", "-q", "batchfind", "benchmarks"]
    subprocess.run(argv, cwd=root, check=True)  # noqa: S603 (our own modules)


def compare(contenders: Mapping[str, Prepare], rounds: int) -> dict[str, Timing]:
    """Each contender once a round, so that what the machine does hits all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    factors: dict[str, float] = {}
    for _ in range(rounds):
        for name, prepare in contenders.items():
            folder = Path(tempfile.mkdtemp(prefix="batchfind-bench-"))
            try:
                command = prepare(folder)
                samples[name].append(timed(command, folder))
                factors[name] = command.factor
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    return {name: Timing(tuple(samples[name]), factors[name]) for name in contenders}


def timed(command: Command, folder: Path) -> Sample:
    """Runs one process from start to exit.

    Raises:
        RuntimeError: it ended with another exit code than expected.
    """
    log = folder / "stderr.log"
    with log.open("wb") as stderr:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 (our own command lines)
            list(command.argv),
            cwd=folder,
            env={**os.environ, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code != command.expected:
        said = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{' '.join(command.argv)} ended with {code}:\n{said}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@contextmanager
def replay(*options: str) -> Iterator[list[int]]:
    """A replay SCP that is ready to answer, and its ports."""
    with subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "benchmarks.replay", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None or process.stdin is None:  # pragma: no cover
            raise RuntimeError("the replay SCP has no pipes")
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait(30)
