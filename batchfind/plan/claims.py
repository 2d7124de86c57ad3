"""Who writes which file: no path is taken twice, and none that is not free."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath


def folded(path: str) -> str:
    """A path such that equal results are one file where letter case means nothing.

    Names of one letter sequence are one there, too, however accents are composed.
    """
    return unicodedata.normalize("NFC", os.path.normpath(path)).casefold()


@dataclass(slots=True)
class Claims:
    """The paths given out so far.

    Attributes:
        inputs: folded paths of files the plan was made from.
        runs: folder of run directories.
        taken: folded path to path and owner.
        folders: folded folder to a path below it.
    """

    inputs: frozenset[str]
    runs: str
    taken: dict[str, tuple[str, str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    @classmethod
    def beside(cls, inputs: Iterable[str], runs: str) -> Claims:
        """Claims that keep off some files and the folder of run directories."""
        return cls(frozenset(map(folded, inputs)), runs)

    def take(self, path: str, owner: str) -> Iterator[str]:
        """Takes a path for an owner; why it cannot have it, as sentences."""
        key = folded(path)
        first, other = self.taken.setdefault(key, (path, owner))
        if first != path:
            yield (
                f"{path} and {first} differ in letter case alone, which many file"
                " systems do not see; give each its own path"
            )
        elif other != owner:
            yield f"{path} is written by {other} already; give each its own path"
        yield from self._as_folder(path, key)
        if key in self.inputs:
            yield f"{path} is read by this job; an output cannot replace it"
        runs = PurePath(folded(self.runs))
        if PurePath(key).is_relative_to(runs) or runs.is_relative_to(key):
            yield (
                f"{path} is among the run directories in {self.runs}; write it to"
                " another folder"
            )

    def _as_folder(self, path: str, key: str) -> Iterator[str]:
        """What is a file for one output cannot be a folder for another."""
        if below := self.folders.get(key):
            yield f"{path} is a folder of {below}; give each its own path"
        for parent in map(str, PurePath(key).parents):
            self.folders.setdefault(parent, path)
            if parent in self.taken:
                above, _ = self.taken[parent]
                yield f"{path} is below {above}, which is a file; move one of them"
