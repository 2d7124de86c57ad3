"""The DICOM dictionaries of a job: its own, and those of DCMDICTPATH."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary, merged
from batchfind.errors import JobError, Mark
from batchfind.job.section import Section
from batchfind.sources.dictionaries import read_dictionary
from batchfind.sources.model import DictionaryFile

VARIABLE: Final = "DCMDICTPATH"
"""Environment variable of DCMTK that names dictionary files."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a job knows of attributes.

    Attributes:
        dictionary: keywords and VRs.
        files: it was made from, in the order read.
    """

    dictionary: Dictionary = STANDARD
    files: tuple[DictionaryFile, ...] = ()


def read_dictionaries(root: Section, environment: Mapping[str, str]) -> Known:
    """The dictionaries of DCMDICTPATH, then those of the job.

    A file of the job that cannot be read is a problem; one of DCMDICTPATH, which
    is there for other programs too, a warning.

    Args:
        root: the job.
        environment: of the process.
    """
    files = [*_of_environment(root, environment), *_of_job(root)]
    if not files:
        return Known()
    entries = [entry for file in files for entry in file.entries]
    return Known(merged(entries), tuple(files))


def _of_job(root: Section) -> Iterable[DictionaryFile]:
    place = root.place("dictionaries")
    for path in root.paths("dictionaries"):
        try:
            yield read_dictionary(path)
        except JobError as error:
            for problem in error.problems:
                root.report.error(problem.mark, place, problem.message)


def _of_environment(
    root: Section, environment: Mapping[str, str]
) -> Iterable[DictionaryFile]:
    named = environment.get(VARIABLE, "").split(os.pathsep)
    for path in dict.fromkeys(Path(name).absolute() for name in named if name):
        try:
            yield read_dictionary(path)
        except JobError as error:
            problem = error.problems[0]
            mark = Mark(problem.mark.file, problem.mark.line)
            message = f"{problem.message}; this file of {VARIABLE} is left out"
            root.report.warning(mark, VARIABLE, message)
