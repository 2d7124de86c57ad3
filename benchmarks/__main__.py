"""`python -m benchmarks`: whole processes side by side, medians of alternating rounds.

Without a case all of them are measured. Each prints a table as soon as it is done;
what it took goes to stderr. Let nothing else run on the machine.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.cases import CASES, Case
from benchmarks.measure import Missing, compare, compile_package
from benchmarks.report import machine, not_measured, section

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


def main() -> None:
    """Runs the cases asked for and prints, or writes, what they took."""
    parser = _parser()
    given = parser.parse_args()
    if given.list:
        sys.stdout.write("".join(map(_listed, CASES)))
        return
    unknown = sorted(set(given.cases) - set(CASES))
    if unknown:
        parser.error(f"no case is named {', '.join(unknown)}; --list names them")
    if given.write is not None and given.divide != 1:
        parser.error("--write takes no figures of divided sizes")
    if given.write is not None and not _is_written(given.write):
        parser.error(f"--write needs a file with a line {_BEGIN}: {given.write}")
    # as an exception it ends the SCPs and removes the folders
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    compile_package()
    parts, failures = [machine(given.rounds)], 0
    if given.divide != 1:
        parts = [f"Sizes divided by {given.divide}: the figures say nothing."]
    sys.stdout.write(f"{parts[0]}\n\n")
    for name in dict.fromkeys(given.cases or CASES):
        text, failed = _measured(name, given.rounds, given.divide)
        parts.append(text)
        failures += failed
    if given.write is not None:
        _replace(given.write, "\n\n".join(parts))
    sys.exit(1 if failures else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help="what --list names")
    parser.add_argument("--list", action="store_true", help="name the cases, and end")
    parser.add_argument(
        "--rounds", type=_positive, metavar="N", help="instead of each case's own"
    )
    parser.add_argument(
        "--divide",
        type=_positive,
        default=1,
        metavar="N",
        help="divide sizes by N, to see that the cases work; figures say nothing",
    )
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="put these tables in place of those in FILE, docs/performance.md",
    )
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 on")
    return int(text)


def _listed(name: str) -> str:
    case = CASES[name]
    aims = "".join(f"\n{'':20}aim: {aim.wording}" for aim in case.aims)
    return f"{name:20}{case.title}; {case.rounds} rounds{aims}\n"


def _measured(name: str, rounds: int | None, divide: int) -> tuple[str, bool]:
    """Measures one case; what it found, and whether it failed."""
    case = CASES[name]
    started = time.monotonic()
    text, failed = _attempted(case, rounds or case.rounds, divide)
    sys.stdout.write(f"{text}\n\n")
    sys.stdout.flush()
    sys.stderr.write(f"{name}: {time.monotonic() - started:.0f} s\n")
    return text, failed


def _attempted(case: Case, rounds: int, divide: int) -> tuple[str, bool]:
    try:
        with case.serve(divide) as contenders:
            return section(case, compare(contenders, rounds)), False
    except Missing as missing:
        return not_measured(case, str(missing)), False
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        # the other cases are measured all the same
        sys.stderr.write(f"{error}\n")
        return not_measured(case, str(error).partition("\n")[0]), True


def _is_written(path: Path) -> bool:
    return path.is_file() and _BEGIN in path.read_text()


def _replace(path: Path, measured: str) -> None:
    text = path.read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    path.write_text(f"{before}{_BEGIN}\n{measured}\n{_END}{after}")


if __name__ == "__main__":
    main()
