"""Seven studies or worklist steps of one day, with times in every form in use."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.peers.processes import require
from tests.peers.real import DUMP2DCM

DAY = "20260114"
TIMES = ("", "0000", "12", "1200", "115959.5", "12:30:00", "235959.7")
TIMED = TIMES[1:]
UID_ROOT = "1.2.826.0.1.3680043.10.1505.8"

_STUDY = """\
(0008,0016) UI =CTImageStorage
(0008,0018) UI [{root}.{number}.1.1]
(0008,0020) DA [{day}]
(0008,0030) TM [{time}]
(0008,0050) SH [A{number}]
(0008,0060) CS [CT]
(0010,0010) PN [Unit^Test]
(0010,0020) LO [P{number}]
(0020,000d) UI [{root}.{number}]
(0020,000e) UI [{root}.{number}.1]
(0020,0010) SH [{number}]
(0020,0011) IS [1]
(0020,0013) IS [1]
"""
_STEP = """\
(0008,0050) SH [A{number}]
(0010,0010) PN [Unit^Test]
(0010,0020) LO [P{number}]
(0020,000d) UI [{root}.{number}]
(0032,1060) LO [EXAM]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS [CT]
(0040,0001) AE [AA32]
(0040,0002) DA [{day}]
(0040,0003) TM [{time}]
(0040,0007) LO [EXAM]
(0040,0009) SH [S{number}]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH [R{number}]
"""


def uids(times: Sequence[str] = TIMES) -> set[str]:
    """Study Instance UIDs of what has these times."""
    return {f"{UID_ROOT}.{TIMES.index(time)}" for time in times}


def studies(folder: Path, times: Sequence[str] = TIMES) -> list[Path]:
    """Files of one image each."""
    require(DUMP2DCM)
    files = []
    for dump in _dumps(folder, _STUDY, times):
        files.append(dump.with_suffix(".dcm"))
        subprocess.run([DUMP2DCM, "-q", dump, files[-1]], check=True)
    return files


def worklist(folder: Path, times: Sequence[str] = TIMES) -> Path:
    """A folder of dumps of worklist files."""
    _dumps(folder, _STEP, times)
    return folder


def _dumps(folder: Path, text: str, times: Sequence[str]) -> list[Path]:
    folder.mkdir()
    written = []
    for time in times:
        number = TIMES.index(time)
        values = {"root": UID_ROOT, "day": DAY, "time": time, "number": number}
        written.append(folder / f"{number}.dump")
        written[-1].write_text(text.format(**values), "ascii")
    return written
