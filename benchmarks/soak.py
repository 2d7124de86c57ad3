"""`python -m benchmarks.soak`: one long run over many SCPs, watched from outside.

Nothing that a process holds may grow with time: memory, descriptors and threads are
read every few seconds. Some of the SCPs abort associations in the middle of answers.
Exit code 0 means that every request is complete with all its responses, and that
memory and descriptors are flat.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Question, batchfind, patients
from benchmarks.servers import replay

_RESPONSES = 20
_ASSOCIATIONS = 2
#: One SCP in so many aborts, and every so many answers.
_ABORTING, _ABORT_EVERY = 10, 50
_RESIDENT = re.compile(r"^(VmRSS|Threads):\s+(\d+)", re.MULTILINE)
#: Of the run is left out of the slope: the plan and the modules are loaded then.
_BEGINNING = 0.15
#: MB of growth from the end of that beginning to the last association.
_FLAT = 8.0
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Look:
    """What a process held at a moment; `seconds` since its start, `resident` in MB."""

    seconds: float
    resident: float
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Course:
    """How a process fared while it asked."""

    looks: Sequence[Look]

    @property
    def settled(self) -> Sequence[Look]:
        """Without the beginning."""
        end = self.looks[-1].seconds * _BEGINNING
        return [look for look in self.looks if look.seconds >= end]

    @property
    def growth(self) -> float:
        """MB that memory grows by, by a straight line through what is settled."""
        times = [look.seconds for look in self.settled]
        line = statistics.linear_regression(
            times, [look.resident for look in self.settled]
        )
        return line.slope * (times[-1] - times[0])

    @property
    def most_descriptors(self) -> tuple[int, int]:
        """In the first and in the last half of what is settled."""
        half = len(self.settled) // 2
        first, last = self.settled[:half], self.settled[half:]
        return max(one.descriptors for one in first), max(
            one.descriptors for one in last
        )

    def table(self) -> str:
        """Twelve looks at most, evenly spaced."""
        lines = ["| minute | memory MB | descriptors | threads |", "|---|---|---|---|"]
        step = -(-len(self.looks) // _ROWS)
        lines += [
            f"| {one.seconds / 60:.1f} | {one.resident:.1f} | {one.descriptors} "
            f"| {one.threads} |"
            for one in self.looks[::step]
        ]
        return "\n".join(lines)


def look(pid: int, started: float) -> Look | None:
    """What a process holds now; None when it is over."""
    place = Path(f"/proc/{pid}")
    try:
        found = dict(_RESIDENT.findall((place / "status").read_text()))
        descriptors = sum(1 for _ in (place / "fd").iterdir())
    except OSError:
        return None
    if "VmRSS" not in found:
        return None
    return Look(
        time.monotonic() - started,
        int(found["VmRSS"]) / 1024,
        descriptors,
        int(found["Threads"]),
    )


def main() -> None:
    """Runs it and says how it went."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--peers", type=int, default=50)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    each = max(1, given.requests // given.peers)
    # every place at every SCP answers one after another, and is done at the end
    latency = given.minutes * 60_000 * _ASSOCIATIONS / each
    aborting = max(1, given.peers // _ABORTING)
    served = ("--responses", str(_RESPONSES), "--latency", f"{latency:.3f}")
    bad = ("--peers", str(aborting), "--abort-every", str(_ABORT_EVERY))
    with (
        tempfile.TemporaryDirectory(prefix="batchfind-soak-") as folder,
        replay(*served, "--peers", str(given.peers - aborting)) as good_ports,
        replay(*served, *bad) as bad_ports,
    ):
        question = Question(
            "study",
            [*good_ports, *bad_ports],
            asked=patients(each),
            associations=_ASSOCIATIONS,
        )
        problems = _soak(question, Path(folder), min(2.0, 3 * given.minutes))
    for problem in problems:
        sys.stdout.write(f"NOT SO: {problem}\n")
    sys.exit(1 if problems else 0)


def _soak(question: Question, folder: Path, every: float) -> list[str]:
    """What is wrong with the run, looked at so often; its figures are printed."""
    output = {"format": "parquet", "path": "out.parquet"}
    command = batchfind(question, output)(folder)
    looks: list[Look] = []
    started = time.monotonic()
    with (folder / "told.json").open("w+") as told:
        with subprocess.Popen(  # noqa: S603 (our own module)
            [*command.argv, "--json"],
            env=dict(command.environment),
            cwd=folder,
            stdout=told,
        ) as process:
            try:
                looks = _watch(process, started, every)
            finally:
                process.terminate()
        told.seek(0)
        result = json.load(told)
    course = Course(looks)
    return _judge(course, result, question, time.monotonic() - started)


def _watch(
    process: subprocess.Popen[bytes], started: float, every: float
) -> list[Look]:
    """Looks until the last association has ended."""
    looks: list[Look] = []
    most = 0
    while process.poll() is None:
        now = look(process.pid, started)
        if now is not None:
            most = max(most, now.descriptors)
            # afterwards the outputs are written, which is not what is watched here
            if now.descriptors > most // 2:
                looks.append(now)
        time.sleep(every if looks else min(every, 0.1))
    return looks


def _judge(
    course: Course, result: dict[str, object], question: Question, seconds: float
) -> list[str]:
    requests = result["requests"]
    assert isinstance(requests, list)  # noqa: S101 - documented
    expected = question.queries * len(question.ports)
    complete = sum(one["verdict"] == "complete" for one in requests)
    responses = sum(one["responses"] for one in requests)
    attempts = sum(one["attempts"] for one in requests)
    before, after = course.most_descriptors
    sys.stdout.write(
        f"{course.table()}\n\n"
        f"{complete} of {expected} requests complete at {len(question.ports)} SCPs in "
        f"{seconds / 60:.1f} minutes, {attempts} attempts, {responses} responses; "
        f"memory grew by {course.growth:.1f} MB, descriptors at most {before} in the "
        f"first half and {after} in the second.\n"
    )
    found = {
        "a request is not complete": complete != expected,
        "responses are missing": responses != expected * _RESPONSES,
        "no association was aborted": attempts <= expected,
        f"memory grew by more than {_FLAT} MB": course.growth > _FLAT,
        "descriptors grew": after > before + 4,
    }
    return [problem for problem, it_is in found.items() if it_is]


if __name__ == "__main__":
    main()
