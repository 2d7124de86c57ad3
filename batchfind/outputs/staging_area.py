"""The hidden directory beside a target where its files wait until they are whole.

<parent>/.batchfind-<run id>-<digest of the target's name>/
    files/          what will be published: one file, or those of a directory
    sidecar.json    what will stand beside the target
    intent.json     only while publishing: what is being moved where
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from batchfind.errors import StorageError
from batchfind.outputs.disk import claim, missing, remove_empty

STAGING_PREFIX: Final = ".batchfind-"
"""Begins every name that batchfind uses beside an output until it is whole."""

FILES: Final = "files"
INTENT: Final = "intent.json"
SIDECAR: Final = "sidecar.json"

_LONGEST_RUN_ID: Final = 120


class StagingArea:
    """One target's staging directory, claimed by this process.

    Attributes:
        target: what will be published there.
        place: the staging directory.
    """

    def __init__(self, target: Path, run_id: str) -> None:
        """Nothing is made before `open`."""
        self.target = target
        self.place = target.parent / f"{STAGING_PREFIX}{_short(run_id)}-{_mark(target)}"
        self._made = missing(target.parent)
        self._claim: int | None = None

    @property
    def files(self) -> Path:
        """Folder of the files to publish."""
        return self.place / FILES

    def make_parents(self) -> None:
        """Make the directories the target will stand in."""
        self.target.parent.mkdir(parents=True, exist_ok=True)

    def open(self) -> None:
        """Make the directory.

        Raises:
            StorageError: another process stages the same output of the same run.
        """
        try:
            self.place.mkdir(mode=0o700)
        except FileExistsError as error:
            raise StorageError(
                f"{self.target}: another process is writing this output of the same "
                f"run; wait until it ends"
            ) from error
        try:
            self._claim = claim(self.place)
            self.files.mkdir()
        except OSError:
            with suppress(OSError):
                self.place.rmdir()
            raise

    def keep_parents(self) -> None:
        """From now on the directories made for the target are not taken back."""
        self._made = []

    def discard(self) -> None:
        """Remove it, and the directories made for its target; may be repeated.

        A directory in which another output is staged stays until it is repeated.
        """
        if self._claim is not None:
            shutil.rmtree(self.place, ignore_errors=True)
            if self.place.exists():
                self.release()
                _delete_with_few_handles(self.place)
        self.release()
        remove_empty(self._made)
        self._made = [each for each in self._made if each.is_dir()]

    def release(self) -> None:
        """Let go of the directory, which is gone or belongs to an intent now."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None


def left_behind(target: Path) -> Iterator[Path]:
    """Staging directories of a target that no living process uses.

    Args:
        target: its parent is held with `alone_in`, so that none is just being made.
    """
    ending = f"-{_mark(target)}"
    for entry in sorted(os.listdir(target.parent)):  # noqa: PTH208 - names are enough
        if entry.startswith(STAGING_PREFIX) and entry.endswith(ending):
            place = target.parent / entry
            with suppress(OSError):
                handle = claim(place)
                if handle is not None:
                    try:
                        yield place
                    finally:
                        os.close(handle)


def _delete_with_few_handles(place: Path) -> None:
    """Deletes a folder of ours where a process may open hardly a file any more.

    `shutil.rmtree` holds two handles a level; this holds one at a time.
    """
    for folder, folders, files in os.walk(place, topdown=False):
        for name in files:
            with suppress(OSError):
                Path(folder, name).unlink()
        for name in folders:
            with suppress(OSError):
                Path(folder, name).rmdir()
    with suppress(OSError):
        place.rmdir()


def _mark(target: Path) -> str:
    return hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]


def _short(run_id: str) -> str:
    raw = os.fsencode(run_id)
    if len(raw) <= _LONGEST_RUN_ID:
        return run_id
    return hashlib.sha256(raw).hexdigest()[:32]
