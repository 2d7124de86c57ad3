"""Reads DICOM dictionaries in DCMTK's format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from batchfind.dicom.dictionary_entries import Entry, read_entry
from batchfind.errors import JobError, Mark, Problem
from batchfind.sources.files import read_bytes, sha256
from batchfind.sources.model import DictionaryFile

LARGEST: Final = 4 << 20
"""Bytes of a file; DCMTK's own have a tenth of it."""

_MOST_PROBLEMS: Final = 5


def read_dictionary(path: Path) -> DictionaryFile:
    """The entries of a dictionary file.

    Args:
        path: a text file with an entry a line; empty lines and those that begin
            with `#` are left out.

    Returns:
        Its entries in file order.

    Raises:
        JobError: when it cannot be read, or with its first malformed lines.
    """
    raw = read_bytes(path, LARGEST)
    entries: list[Entry] = []
    problems: list[Problem] = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            entries.append(read_entry(line))
        except ValueError as error:
            problems.append(Problem(Mark(str(path), number), "", str(error)))
            if len(problems) == _MOST_PROBLEMS:
                break
    if problems:
        raise JobError(problems)
    return DictionaryFile(str(path), tuple(entries), sha256(raw))
