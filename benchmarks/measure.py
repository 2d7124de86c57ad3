"""Whole processes, timed in alternating rounds."""

from __future__ import annotations

import enum
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.watching import Watcher


class Figure(enum.Enum):
    """What is measured of a process; the value heads its column."""

    WALL = "wall s"
    CPU = "CPU s"
    PEAK = "peak MB"
    THREADS = "threads"
    LAG_NETWORK = "p99 ms, network and writer"
    LAG_RENDERER = "p99 ms, renderer and outputs"


@dataclass(frozen=True, slots=True)
class Command:
    """A process to time.

    Attributes:
        argv: program and arguments.
        environment: variables added to ours.
        factor: its times are multiplied by this: a slow contender does a part of the
            work, and the report says so.
        once: the process writes here, as JSON, the seconds that are not multiplied:
            what it does once, whatever the work.
        told: the process writes here, as JSON, figures only it knows, by name.
        expected: exit code without which the time means nothing.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0
    once: Path | None = None
    told: Path | None = None
    expected: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One timed process, its factor applied to the times.

    Attributes:
        wall, cpu: in seconds.
        peak: of its resident memory, in MB.
        threads: at once, at most; 0 when it was over too soon to be looked at.
        told: figures it told of itself.
    """

    wall: float
    cpu: float
    peak: float
    threads: int = 0
    told: Mapping[Figure, float] = field(default_factory=dict)

    @property
    def figures(self) -> dict[Figure, float]:
        """All of them."""
        return {
            Figure.WALL: self.wall,
            Figure.CPU: self.cpu,
            Figure.PEAK: self.peak,
            Figure.THREADS: self.threads,
            **self.told,
        }


Medians = Mapping[Figure, float]

#: Seconds after which a process is given up.
_LIMIT = 600.0


class Missing(Exception):
    """A program that is measured is not on this machine."""


#: Gives a contender's command; the folder is empty and its own.
Prepare = Callable[[Path], Command]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the rounds gave.

    Attributes:
        medians: by contender.
        absent: a sentence for each contender that could not take part.
    """

    medians: Mapping[str, Medians]
    absent: Sequence[str] = ()


def require(*paths: str) -> None:
    """What is to be measured needs programs.

    Raises:
        Missing: one of them is not on this machine.
    """
    for path in paths:
        if not Path(path).exists():
            raise Missing(f"{path} is not on this machine")


def compile_package() -> None:
    """Compiles our modules, as pip does when it installs them.

    A work tree may be kept free of byte code; what is timed is an installed program.
    """
    root = Path(__file__).resolve().parent.parent
    argv = [sys.executable, "-m", "compileall", "-q", "batchfind", "benchmarks"]
    subprocess.run(argv, cwd=root, check=True)  # noqa: S603 (our own modules)


def compare(contenders: Mapping[str, Prepare], rounds: int) -> Comparison:
    """Each contender once a round, so that what the machine does hits all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    absent: dict[str, str] = {}
    for _ in range(rounds):
        for name, prepare in contenders.items():
            if name in absent:
                continue
            try:
                samples[name].append(_sample(prepare))
            except Missing as error:
                absent[name] = f"Without {name}: {error}."
    medians = {name: _medians(taken) for name, taken in samples.items() if taken}
    return Comparison(medians, tuple(absent.values()))


def _sample(prepare: Prepare) -> Sample:
    folder = Path(tempfile.mkdtemp(prefix="batchfind-bench-"))
    try:
        return timed(prepare(folder), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _medians(samples: Sequence[Sample]) -> Medians:
    figures = [one.figures for one in samples]
    return {
        name: statistics.median(one[name] for one in figures) for name in figures[0]
    }


def timed(command: Command, folder: Path) -> Sample:
    """Runs one process from start to exit, for ten minutes at most.

    Raises:
        RuntimeError: it ended with another exit code than expected, or not at all.
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
        with Watcher(process.pid, _LIMIT) as watcher:
            usage = _usage(process)
        wall = time.perf_counter() - started
    if process.returncode != command.expected:
        how = f"ended with {process.returncode}"
        if watcher.stopped:
            how = f"was given up after {_LIMIT:g} s"
        said = log.read_text(errors="replace").strip()[-2000:]
        raise RuntimeError(f"{' '.join(command.argv[:4])} {how}\n{said}")
    once = json.loads(command.once.read_text()) if command.once else 0.0
    told = json.loads(command.told.read_text()) if command.told else {}
    return Sample(
        once + command.factor * (wall - once),
        once + command.factor * (usage.ru_utime + usage.ru_stime - once),
        _peak(usage, watcher) * 1024 / 1e6,
        watcher.threads,
        {Figure[name]: value for name, value in told.items()},
    )


def _usage(process: subprocess.Popen[bytes]) -> resource.struct_rusage:
    """Waits for a process, or ends it when the waiting is broken off."""
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _peak(usage: resource.struct_rusage, watcher: Watcher) -> int:
    """In KiB; a child's counter starts with the peak of the process it forks from."""
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage.ru_maxrss if usage.ru_maxrss > ours else watcher.peak
