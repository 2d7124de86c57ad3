"""An output that is a directory of files, on the disk before it is published."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, cast

from batchfind.digest import canonical_json
from batchfind.job.output_model import Overwrite
from batchfind.outputs.child_names import ChildNames
from batchfind.outputs.disk import folders_of, move, sync_directory, sync_files
from batchfind.outputs.hashed import HashedFile
from batchfind.outputs.intents import Intent
from batchfind.outputs.ownership import Covers, check_foreign, succeed
from batchfind.outputs.permissions import Permissions
from batchfind.outputs.sidecars import OwnedFile, Sidecar
from batchfind.outputs.sites import (
    Content,
    Describe,
    commit,
    create,
    write_whole,
)
from batchfind.outputs.staging_area import StagingArea
from batchfind.plan.filenames import safe_value

_PRIVATE_MODE: Final = 0o600
_PRIVATE_DIRECTORY_MODE: Final = 0o700
_HASHED_AT_ONCE: Final = 1000


class DirectorySite:
    """The files of a directory output in their staging area."""

    def __init__(
        self,
        area: StagingArea,
        permissions: Permissions,
        overwrite: Overwrite,
        run_id: str,
    ) -> None:
        """An empty directory.

        Args:
            area: open.
            permissions: of files, folders and sidecar.
            overwrite: says which files of earlier runs stay.
            run_id: part of every name for `overwrite: append`.
        """
        self._area = area
        self._permissions = permissions
        self._overwrite = overwrite
        append = overwrite is Overwrite.APPEND
        self._mark = safe_value(run_id) if append else ""
        self._run_id = run_id
        self._names = ChildNames()
        self._open: dict[str, HashedFile] = {}
        self._files: list[OwnedFile] = []
        self._content: Content | None = None
        self._root = str(area.files)
        self._folders = {""}
        permissions.give_directory(area.files)

    @property
    def written(self) -> int:
        """Bytes it has taken so far."""
        closed = sum(file.bytes for file in self._files)
        return closed + sum(file.size for file in self._open.values())

    def file(self) -> BinaryIO:
        """There is no one file."""
        raise ValueError(f"{self._area.target} is a directory: ask for a child")

    def child(self, name: str, rows: int = 1) -> BinaryIO:
        """A new file below the directory."""
        path = self._free_path(name)

        def closed(file: HashedFile) -> None:
            file.flush()
            self._open.pop(path, None)
            self._files.append(
                OwnedFile(
                    path=path,
                    rows=rows,
                    bytes=file.size,
                    sha256=file.sha256,
                    run=self._run_id,
                )
            )

        place = f"{self._root}/{path}"
        self._open[path] = HashedFile(create(place, self._permissions), closed)
        return cast("BinaryIO", self._open[path])

    def put(self, name: str, data: bytes) -> None:
        """A new file below the directory, whole at once."""
        path = self._free_path(name)
        write_whole(f"{self._root}/{path}", data, self._permissions)
        digest = hashlib.sha256(data).hexdigest()
        self._files.append(
            OwnedFile(
                path=path, rows=1, bytes=len(data), sha256=digest, run=self._run_id
            )
        )

    def scratch(self) -> BinaryIO:
        """A nameless file for what does not fit into memory."""
        path = self._area.place / "scratch"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(path, flags, _PRIVATE_MODE)
        path.unlink()
        return os.fdopen(handle, "w+b")

    def close(self, rows: int) -> Content:
        """Have every file on the disk."""
        for file in tuple(self._open.values()):
            file.close()
        self._files.sort(key=lambda file: file.path)
        sync_files(self._area.files, [file.path for file in self._files])
        for folder in folders_of(file.path for file in self._files) | {""}:
            sync_directory(self._area.files / folder)
        self._content = _content_of(self._files, rows)
        return self._content

    def publish(
        self,
        old: Sidecar | None,
        describe: Describe,
        covers: Covers,
        *,
        exclusive: bool,
    ) -> None:
        """Rename the files in, replace the sidecar, remove what it does not list."""
        del exclusive  # the directory itself was looked at by the caller
        target = self._area.target
        if os.path.lexists(target) and not target.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(target)
            )
        listed = () if old is None else old.files or ()
        owned = [file for file in listed if os.path.lexists(f"{target}/{file.path}")]
        after = succeed(self._overwrite, owned, self._files, self._run_id, covers)
        check_foreign(target, after.new, owned)
        before = {file.path for file in owned}
        new = [file.path for file in after.new]
        staying = {*new, *(file.path for file in after.kept)}
        intent = Intent(
            target=target,
            staging=self._area.place,
            directory=True,
            add=tuple(path for path in new if path not in before),
            replace=tuple(path for path in new if path in before),
            remove=tuple(sorted(before - staying)),
            folders=_missing_folders(target, new),
        )
        every = sorted((*after.kept, *after.new), key=lambda file: file.path)
        content = self._content
        if content is None or content.files != tuple(every):
            content = _content_of(every, 0)
        content = replace(content, rows=sum(file.rows for file in every))
        commit(self._area, intent, describe(content), self._permissions)

    def withhold(self, target: Path) -> None:
        """Move the whole directory there, open to its owner alone."""
        move(self._area.files, target)
        # The files, too: a copy of the run directory may be laid open.
        for folder, _, names in os.walk(target):
            Path(folder).chmod(_PRIVATE_DIRECTORY_MODE)
            for name in names:
                Path(folder, name).chmod(_PRIVATE_MODE)

    def abandon(self) -> None:
        """Close every file."""
        for file in self._open.values():
            file.abandon()
        self._open.clear()

    def _free_path(self, name: str) -> str:
        """A path that no file has yet, below folders that are there."""
        path = self._names.claim(name, self._mark)
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._make_folders(folder)
        return path

    def _make_folders(self, path: str) -> None:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            folder = "/".join(parts[:depth])
            if folder not in self._folders:
                place = self._area.files / folder
                place.mkdir()
                self._permissions.give_directory(place)
                self._folders.add(folder)


def _content_of(files: Sequence[OwnedFile], rows: int) -> Content:
    """What files of a directory are together."""
    return Content(
        rows=rows,
        bytes=sum(file.bytes for file in files),
        sha256=_digest_of(files),
        files=tuple(files),
    )


def _digest_of(files: Sequence[OwnedFile]) -> str:
    """SHA-256 of the canonical JSON of all paths and digests, some at a time."""
    digest = hashlib.sha256(b"[")
    for first in range(0, len(files), _HASHED_AT_ONCE):
        some = files[first : first + _HASHED_AT_ONCE]
        pairs = canonical_json([[file.path, file.sha256] for file in some])
        digest.update(b"," if first else b"")
        digest.update(pairs[1:-1])
    digest.update(b"]")
    return digest.hexdigest()


def _missing_folders(target: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Folders the files need that do not exist, the outermost first."""
    wanted = {""}
    for folder in folders_of(names):
        parts = folder.split("/")
        wanted.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return tuple(sorted(each for each in wanted if not (target / each).is_dir()))
