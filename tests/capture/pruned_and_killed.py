"""Prunes the runs of a folder but the newest, and dies at a given system call.

`python pruned_and_killed.py FOLDER N` is killed just before the Nth rename, unlink or
rmdir; it prints `done` when there were fewer.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchfind.capture.pruning import remove, survey
from batchfind.job.model import Keep


def counted(call: Callable[..., Any], last: int, calls: itertools.count[int]) -> Any:
    def dying(*arguments: Any, **options: Any) -> Any:
        if next(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments, **options)

    return dying


def main() -> None:
    folder, last = Path(sys.argv[1]), int(sys.argv[2])
    calls = itertools.count(1)
    for name in ("rename", "unlink", "rmdir"):
        setattr(os, name, counted(getattr(os, name), last, calls))
    going = survey(folder, Keep(runs=1), datetime.now(UTC)).going
    assert not remove(folder, going).failed
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
