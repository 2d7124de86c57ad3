"""What was measured, as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.aims import Ratio, Verdict
from benchmarks.cases import Case
from benchmarks.contenders import FINDSCU
from benchmarks.measure import Comparison, Figure, Medians

_DIGITS = {Figure.WALL: 2, Figure.CPU: 2, Figure.PEAK: 0, Figure.THREADS: 0}


def machine(rounds: int | None) -> str:
    """One paragraph: what was measured on, and how often."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("pyarrow", "numpy", "pynetdicom")
    )
    day = datetime.now(UTC).date().isoformat()
    often = (
        "One round." if rounds == 1 else f"Medians of {rounds or '3 or more'} rounds."
    )
    return (
        f"{day}; {os.cpu_count()} cores, {model}; Python {platform.python_version()}, "
        f"{libraries}; {_dcmtk()}. {often}"
    )


def _dcmtk() -> str:
    try:
        said = subprocess.run(  # noqa: S603 (DCMTK's own program)
            [FINDSCU, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        said = ""
    return said.split("$")[1].strip() if said.count("$") > 1 else "findscu not found"


def section(case: Case, comparison: Comparison) -> str:
    """A heading, one row a contender, and what came of the aims."""
    medians = comparison.medians
    lines = [f"### {case.title}", "", *_table(case, medians)]
    others = [aim for aim in case.aims if not isinstance(aim, Ratio)]
    verdicts = [aim.judge(medians) for aim in others]
    if any(verdicts):
        lines += ["", *(_line(one) for one in verdicts if one is not None)]
    remarks = [*([case.note] if case.note else []), *comparison.absent]
    return "\n".join([*lines, "", " ".join(remarks)] if remarks else lines)


def not_measured(case: Case, why: str) -> str:
    """A heading and a sentence."""
    return f"### {case.title}\n\nNot measured: {why}."


def _table(case: Case, medians: Mapping[str, Medians]) -> Iterator[str]:
    ratios = {aim.against: aim for aim in case.aims if isinstance(aim, Ratio)}
    heads = ["program", *(figure.value for figure in case.figures)]
    heads += ["batchfind takes", "aim"] if ratios else []
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for name, found in medians.items():
        cells = [name, *(_cell(figure, found) for figure in case.figures)]
        if ratios:
            aim = ratios.get(name)
            verdict = None if aim is None else aim.judge(medians)
            cells += _compared(aim, verdict) if aim and verdict else ["", ""]
        yield f"| {' | '.join(cells)} |"


def _cell(figure: Figure, found: Medians) -> str:
    return f"{found[figure]:.{_DIGITS.get(figure, 2)}f}"


def _compared(aim: Ratio, verdict: Verdict) -> list[str]:
    missed = "" if verdict.reached else ", missed"
    return [verdict.found, f"<= {aim.most:g} x{missed}"]


def _line(verdict: Verdict) -> str:
    how = "reached" if verdict.reached else "missed"
    return f"- Aim: {verdict.aim}. Measured: {verdict.found}, {how}."
