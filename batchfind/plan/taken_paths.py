"""The paths of a plan, so that no output writes over another or over an input."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

SIDECAR: Final = ".batchfind.json"
"""Ends the name of the file that stands beside an output and says what it is."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A path in use: by whom, and as what."""

    owner: str
    is_directory: bool = False
    is_sidecar: bool = False


@dataclass(slots=True)
class TakenPaths:
    """Paths given out so far.

    Attributes:
        inputs: folded paths of the files the plan was made from.
        runs: folder of run directories.
    """

    inputs: frozenset[str]
    runs: str
    _taken: dict[str, _Taken] = field(default_factory=dict)
    _parents: dict[str, _Taken] = field(default_factory=dict)

    def take(self, path: str, owner: str, *, is_directory: bool) -> Iterator[str]:
        """Gives a path to an output.

        Args:
            path: absolute and normal.
            owner: names the output.
            is_directory: a folder of files stands at the path.

        Yields:
            Why it cannot have the path, one sentence each.
        """
        wanted = {
            path: _Taken(owner, is_directory),
            path + SIDECAR: _Taken(owner, is_sidecar=True),
        }
        for one, use in wanted.items():
            fault = self._fault(one, use)
            if fault:
                yield fault
                return
        for one, use in wanted.items():
            self._taken[folded(one)] = use
        for parent in _parents(path):
            self._parents.setdefault(parent, wanted[path])

    def _fault(self, path: str, use: _Taken) -> str:
        if folded(path) in self.inputs:
            what = "its sidecar cannot replace it" if use.is_sidecar else _REPLACES
            return f"{path} is read by this job; {what}"
        other = self._taken.get(folded(path))
        if other is not None:
            what = "is the sidecar of" if other.is_sidecar else "is written by"
            mine = ", and would be a sidecar here" if use.is_sidecar else ""
            return f"{path} {what} {other.owner} already{mine}; {_OWN}"
        runs, wanted = PurePath(folded(self.runs)), PurePath(folded(path))
        if wanted.is_relative_to(runs) or runs.is_relative_to(wanted):
            return (
                f"{path} is among the run directories in {self.runs}; write it to"
                " another folder"
            )
        above = next((p for p in _parents(path) if p in self._taken), None)
        if above is not None:
            owner = self._taken[above]
            what = "the folder of" if owner.is_directory else "a file of"
            return f"{path} lies inside {what} {owner.owner}; {_OWN}"
        below = self._parents.get(folded(path))
        if below is not None:
            return f"{below.owner} writes below {path}; {_OWN}"
        return ""


_REPLACES: Final = "an output cannot replace it"
_OWN: Final = "give each its own path"


def folded(path: str) -> str:
    """What is equal for paths that some file system takes for one.

    Letter case means nothing to many, nor how an accented letter is composed.
    """
    return unicodedata.normalize("NFC", os.path.normpath(path)).casefold()


def _parents(path: str) -> Iterable[str]:
    return (folded(str(parent)) for parent in PurePath(path).parents)
