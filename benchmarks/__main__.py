"""`python -m benchmarks`: medians of alternating rounds, whole processes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.cases import CASES
from benchmarks.measure import compare, compile_package
from benchmarks.report import machine, table

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Runs the cases asked for and prints, or writes, what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--rounds", type=int, help="default: each case's own")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="replace the measured part of FILE"
    )
    given = parser.parse_args()
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"no case named {', '.join(sorted(unknown))}")
    compile_package()
    parts = [machine()]
    for name in given.cases or CASES:
        case = CASES[name]
        with case.serve() as contenders:
            timings = compare(contenders, given.rounds or case.rounds)
        parts.append(table(case, timings))
        sys.stdout.write(f"{parts[-1]}\n\n")
        sys.stdout.flush()
    if given.write is not None:
        _replace(given.write, "\n\n".join(parts))


def _replace(path: Path, measured: str) -> None:
    text = path.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(f"{before}{_BEGIN}\n{measured}\n{_END}{after}")


if __name__ == "__main__":
    main()
