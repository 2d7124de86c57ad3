"""A program whose children are killed: they write captures and say what is durable.

Each line of its input is a folder, a seed and seconds; a fork writes a capture there
and is killed after those seconds. Output: `<request> <attempt>` for each ending that
was reported durable, then `end`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

# Imported before the fork, so that each one starts at once.
import pyarrow as pa

from batchfind.capture.journal import Journal
from tests.capture.material import FACTS, identifiers, matches, plan, success

REQUESTS = 120


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


async def ask(journal: Journal, name: str, seed: int) -> None:
    attempt = journal.begin(name, FACTS)
    sets = 1 + seed % 4
    for part in range(sets):
        await journal.put(attempt, matches(*identifiers(seed * 10 + part)))
        await asyncio.sleep(random.Random(seed + part).random() / 200)  # noqa: S311
    await journal.end(attempt, success(20 * sets))
    say(f"{name} {attempt}")


async def write(folder: Path, seed: int) -> None:
    names = [str(number) for number in range(REQUESTS)]
    journal = await Journal.create(folder / "run.db", {}, plan(*names))
    for begin in range(0, REQUESTS, 4):
        group = range(begin, begin + 4)
        await asyncio.gather(*(ask(journal, names[n], seed + n) for n in group))
    await journal.close()
    say("closed")


def main() -> None:
    pa.Codec("zstd")
    for line in sys.stdin:
        folder, seed, seconds = line.rsplit(maxsplit=2)
        child = os.fork()
        if not child:
            asyncio.run(write(Path(folder), int(seed)))
            os._exit(0)
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        say("end")


if __name__ == "__main__":
    main()
