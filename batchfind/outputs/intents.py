"""Publishing as one step that a crash can interrupt but not spoil.

An intent is written when everything to publish is on the disk. What follows can be
repeated: whoever finds an intent carries it out again. New names come first, since
they alone can meet a file of somebody else, and can be taken back; then files that
are replaced; then the sidecar, which is the commit; then files that are not listed
any more.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from batchfind.outputs.disk import (
    alone_in,
    folders_of,
    put_new,
    remove_empty,
    sync_directory,
    write_new,
)
from batchfind.outputs.sidecars import inside, sidecar_path
from batchfind.outputs.staging_area import FILES, INTENT, SIDECAR, left_behind

_VERSION: Final = 1
_NOT_EMPTY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to happen at one target.

    Attributes:
        target: a file, or a directory.
        staging: the staging directory the new files wait in.
        directory: whether the paths below are relative to the target; else the
            target is the one path.
        add: files that must not meet anything.
        replace: files that stand where this output put one before.
        remove: files this output put there that are not part of it any more.
        folders: folders that do not exist yet, the outermost first.
    """

    target: Path
    staging: Path
    directory: bool
    add: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()

    def write(self) -> None:
        """Have it on the disk, whole or not at all."""
        data = {name: list(getattr(self, name)) for name in _LISTS}
        document: dict[str, Any] = {
            "batchfind": _VERSION,
            "target": self.target.name,
            "directory": self.directory,
            **data,
        }
        draft = self.staging / f"{INTENT}.draft"
        write_new(draft, [json.dumps(document, ensure_ascii=False).encode()])
        draft.replace(self.staging / INTENT)
        sync_directory(self.staging)

    def carry_out(self) -> None:
        """Publish; doing it again after a crash finishes it.

        Raises:
            OSError: while names were added: everything is as it was before.
                Later: the intent remains, to be carried out again.
        """
        try:
            self._add()
        except OSError:
            self._take_back()
            raise
        self._replace()
        staged = self.staging / SIDECAR
        if staged.exists():
            staged.replace(sidecar_path(self.target))
            sync_directory(self.target.parent)
        self._remove()
        _clear(self.staging)

    def _source(self, name: str) -> Path:
        return self.staging / FILES / name

    def _place(self, name: str) -> Path:
        return self.target / name if self.directory else self.target

    def _add(self) -> None:
        if not self.directory:
            self._rename(self.replace)  # one step: it can still be taken back
        elif self._add_at_once():
            return
        for folder in self.folders:
            _make_like(self._source(folder), self._place(folder))
        for name in self.add:
            if os.path.lexists(self._source(name)):
                put_new(self._source(name), self._place(name))

    def _add_at_once(self) -> bool:
        """Rename the whole folder when nothing stands at the target yet."""
        if self.replace or "" not in self.folders:
            return False
        try:
            self._source("").rename(self.target)
        except FileNotFoundError:
            return True  # it was renamed before the crash
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            return False
        return True

    def _replace(self) -> None:
        self._rename(self.replace)
        for folder in self._touched():
            sync_directory(folder)

    def _rename(self, names: Iterable[str]) -> None:
        for name in names:
            if os.path.lexists(self._source(name)):
                self._source(name).replace(self._place(name))

    def _touched(self) -> set[Path]:
        if not self.directory:
            return set()
        folders = folders_of((*self.add, *self.replace)) | {""}
        return {self._place(folder) for folder in folders}

    def _remove(self) -> None:
        for name in self.remove:
            self._place(name).unlink(missing_ok=True)
        remove_empty(self._folders_of(self.remove))

    def _take_back(self) -> None:
        """Undo what `_add` did."""
        for name in self.add:
            source, place = self._source(name), self._place(name)
            gone = not os.path.lexists(source)
            if gone or (os.path.lexists(place) and _is_same(source, place)):
                with suppress(FileNotFoundError, NotADirectoryError):
                    place.unlink()
        remove_empty(self._place(folder) for folder in reversed(self.folders))
        _clear(self.staging)

    def _folders_of(self, names: Iterable[str]) -> list[Path]:
        """Folders above some files and below the target, the innermost first."""
        found = {
            "/".join(parts[:depth])
            for parts in (name.split("/") for name in names)
            for depth in range(1, len(parts))
        }
        return [self._place(folder) for folder in sorted(found, reverse=True)]


_LISTS: Final = ("add", "replace", "remove", "folders")


def settle(target: Path) -> None:
    """Finish or take back what crashed processes left at a target.

    Args:
        target: of an output; its parent need not exist.

    Raises:
        OSError: it cannot be finished now.
    """
    if target.parent.is_dir():
        with alone_in(target.parent):
            settle_alone(target)


def settle_alone(target: Path) -> None:
    """`settle` for a process that holds the target's parent already."""
    for place in left_behind(target):
        intent = _read(place, target)
        if intent is None:
            shutil.rmtree(place)
            continue
        try:
            intent.carry_out()
        except FileExistsError:
            continue  # somebody's file stands in the way, and all is as it was


def _read(place: Path, target: Path) -> Intent | None:
    """The intent in a staging directory, or None when there is none to trust."""
    try:
        data = json.loads((place / INTENT).read_bytes())
        if data["batchfind"] != _VERSION or data["target"] != target.name:
            return None
        lists = {name: tuple(data[name]) for name in _LISTS}
        for name in (path for paths in lists.values() for path in paths if path):
            inside(name)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Intent(
        target=target, staging=place, directory=bool(data["directory"]), **lists
    )


def _make_like(staged: Path, folder: Path) -> None:
    """Make a folder with mode and group of the staged one, unless it is there."""
    if folder.is_dir():
        return
    folder.mkdir()
    facts = staged.stat()
    if folder.stat().st_gid != facts.st_gid:
        os.chown(folder, -1, facts.st_gid)
    folder.chmod(stat.S_IMODE(facts.st_mode))


def _clear(staging: Path) -> None:
    """Remove a staging directory, its intent first, so that it is never repeated."""
    (staging / INTENT).unlink(missing_ok=True)
    shutil.rmtree(staging)


def _is_same(one: Path, other: Path) -> bool:
    return os.path.samestat(one.lstat(), other.lstat())
