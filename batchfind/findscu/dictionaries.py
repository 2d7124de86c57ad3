"""The dictionary a findscu command line uses: PS3.6, and the files of DCMDICTPATH."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from batchfind.dicom.dictionary import STANDARD, Dictionary, merged
from batchfind.dicom.dictionary_entries import Entry
from batchfind.errors import JobError
from batchfind.sources.dictionaries import read_dictionary

VARIABLE = "DCMDICTPATH"


def known_dictionary(
    environment: Mapping[str, str], warn: Callable[[str], None]
) -> Dictionary:
    """The dictionary for keywords, VRs and names.

    Args:
        environment: of the process.
        warn: is told of each file that cannot be used, which is then left out.
    """
    entries: list[Entry] = []
    for name in filter(None, environment.get(VARIABLE, "").split(os.pathsep)):
        try:
            entries += read_dictionary(Path(name)).entries
        except JobError as error:
            warn(f"{error}; this file of {VARIABLE} is left out")
    return merged(entries) if entries else STANDARD
