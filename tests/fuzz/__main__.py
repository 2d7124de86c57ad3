"""`python -m tests.fuzz`: a longer search than the tests make.

Run it in the repository. What it finds is shortened and kept in
tests/fuzz/corpus/TARGET/, where the tests find it from then on.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from collections.abc import Sequence

from tests.fuzz.search import Finding, cases, shortened, tried
from tests.fuzz.targets import CORPUS, TARGETS, Target

_SLOW = 2.0
"""Processor seconds after which a case of at most 64 KiB is a finding, too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Searches; 0 when nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all targets")
    parser.add_argument("--target", action="append", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    options = parser.parse_args(arguments)
    chosen = [TARGETS[name] for name in options.target or TARGETS]
    found = 0
    for target in chosen:
        found += _search(target, options.seed, options.seconds / len(chosen))
    return 1 if found else 0


def _search(target: Target, seed: int, seconds: float) -> int:
    """Tries cases of one target; how many kinds of findings there were."""
    end, count, known = time.monotonic() + seconds, 0, set[str]()
    for case in cases(target, seed):
        if time.monotonic() > end:
            break
        count += 1
        begin = time.process_time()
        finding = tried(target, case)
        taken = time.process_time() - begin
        if finding is None and taken > _SLOW:
            finding = Finding(case, TimeoutError(f"it took {taken:.1f} s"))
        if finding is not None and (place := _place(finding)) not in known:
            known.add(place)
            _keep(target, finding)
    sys.stdout.write(f"{target.name}: {count} cases, {len(known)} found, seed {seed}\n")
    return len(known)


def _place(finding: Finding) -> str:
    """Kind and innermost place of an error: the same fault is told once."""
    frames = traceback.extract_tb(finding.error.__traceback__)
    at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(finding.error).__name__} {at}"


def _keep(target: Target, finding: Finding) -> None:
    if not isinstance(finding.error, TimeoutError):
        finding = shortened(target, finding)
    folder = CORPUS / target.name
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(finding.case).hexdigest()[:12]
    path = folder / f"{type(finding.error).__name__}-{digest}"
    path.write_bytes(finding.case)
    shown = "".join(traceback.format_exception(finding.error))
    sys.stdout.write(f"{path}\n{shown}\n")


if __name__ == "__main__":
    sys.exit(main())
