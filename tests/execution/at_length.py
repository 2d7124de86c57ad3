"""Prints what every way of capping costs; for people, since it takes a minute.

python -m tests.execution.at_length
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

import batchfind
from tests.execution.two_months import two_months, write_job
from tests.peers.capped import CappedArchive, Empty, Style
from tests.peers.scripted import ScriptedPeer

_COLUMNS = "{:>4} {:<7} {:<11} {:<9} {:>6} {:>8} {:>9} {:>7}\n"


def main() -> None:
    """Asks for five thousand studies in 24 ways."""
    studies = two_months(5000, busy=900)
    heading = "cap", "style", "empty times", "verdict", "rows", "requests", "responses"
    sys.stdout.write(_COLUMNS.format(*heading, "seconds"))
    for cap, style, empty in product((200, 37), Style, Empty):
        archive = CappedArchive(studies=studies, cap=cap, style=style, empty=empty)
        silent = style is Style.SILENT and cap < 50
        limits = {"response_cap": cap} if silent else {}
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory() as folder,
            ScriptedPeer(script=archive.answer) as peer,
        ):
            result = batchfind.run(write_job(Path(folder), peer.port, limits=limits))
            with Path(result.outputs[0].written).open(encoding="utf-8") as file:
                rows = {row["StudyInstanceUID"] for row in csv.DictReader(file)}
        (root,) = result.roots
        line = (
            *(cap, style.value, empty.value, root.verdict.value, len(rows)),
            *(archive.answers, archive.sent, f"{time.monotonic() - began:.1f}"),
        )
        sys.stdout.write(_COLUMNS.format(*line))


if __name__ == "__main__":
    main()
