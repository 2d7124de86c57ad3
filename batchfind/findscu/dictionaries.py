"""The dictionary a findscu command line uses: PS3.6, and the files of DCMDICTPATH."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    entries = [each for _, read in _read(environment, warn) for each in read]
    return merged(entries) if entries else STANDARD


def dictionaries_of(environment: Mapping[str, str]) -> list[Path]:
    """The files that `known_dictionary` uses."""
    return [path for path, _ in _read(environment, lambda _: None)]


def _read(
    environment: Mapping[str, str], warn: Callable[[str], None]
) -> Iterator[tuple[Path, Sequence[Entry]]]:
    for name in filter(None, environment.get(VARIABLE, "").split(os.pathsep)):
        try:
            entries = read_dictionary(Path(name)).entries
        except JobError as error:
            warn(f"{error}; this file of {VARIABLE} is left out")
        else:
            if entries:
                yield Path(name), entries
