"""Timings as a table of Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.cases import OURS, Case
from benchmarks.contenders import FINDSCU
from benchmarks.measure import Timing


def machine() -> str:
    """One paragraph: what was measured on."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    said = subprocess.run(  # noqa: S603 (DCMTK's own program)
        [FINDSCU, "--version"], capture_output=True, text=True, check=False
    ).stdout
    dcmtk = said.split("$")[1].strip() if said.count("$") > 1 else "findscu not found"
    libraries = ", ".join(
        f"{name} {version(name)}" for name in ("pyarrow", "numpy", "pynetdicom")
    )
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{day}; {os.cpu_count()} cores, {model}; Python {platform.python_version()}, "
        f"{libraries}; {dcmtk}."
    )


def table(case: Case, timings: Mapping[str, Timing]) -> str:
    """A heading and one row a contender."""
    ours = timings[OURS]
    aims = {aim.against: aim.ratio for aim in case.aims}
    lines = [
        f"### {case.title}",
        "",
        "| program | wall s | CPU s | peak MiB | batchfind takes | aim |",
        "|---|---|---|---|---|---|",
    ]
    for name, timing in timings.items():
        ratio = ours.wall / timing.wall
        aim = aims.get(name)
        said = (
            "" if aim is None else f"<= {aim:g} x{'' if ratio <= aim else ', missed'}"
        )
        share = "" if name == OURS else f"{ratio:.3f} x"
        lines.append(
            f"| {name} | {timing.wall:.2f} | {timing.cpu:.2f} | {timing.peak:.0f} "
            f"| {share} | {said} |"
        )
    if case.note:
        lines += ["", case.note]
    return "\n".join(lines)
