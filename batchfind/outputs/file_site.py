"""An output that is one file, on the disk before it is published."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO, Final, cast

from batchfind.outputs.disk import move
from batchfind.outputs.hashed import HashedFile
from batchfind.outputs.intents import Intent
from batchfind.outputs.ownership import Covers
from batchfind.outputs.permissions import Permissions
from batchfind.outputs.sidecars import Sidecar
from batchfind.outputs.sites import Content, Describe, commit, create
from batchfind.outputs.staging_area import StagingArea

_THE_FILE: Final = "file"
_PRIVATE_MODE: Final = 0o600


class FileSite:
    """A single file in its staging area."""

    def __init__(self, area: StagingArea, permissions: Permissions) -> None:
        """Makes the empty file.

        Args:
            area: open.
            permissions: of the file and its sidecar.
        """
        self._area = area
        self._permissions = permissions
        self._path = area.files / _THE_FILE
        self._file = HashedFile(create(self._path, permissions))

    @property
    def written(self) -> int:
        """Bytes it has taken so far."""
        return self._file.size

    def file(self) -> BinaryIO:
        """The file."""
        return cast("BinaryIO", self._file)

    def child(self, name: str, rows: int = 1) -> BinaryIO:
        """There are none."""
        raise ValueError(
            f"{self._area.target} is one file: no place for {name} ({rows})"
        )

    def put(self, name: str, data: bytes) -> None:
        """There are none."""
        raise ValueError(
            f"{self._area.target} is one file: no place for {name} ({len(data)})"
        )

    def close(self, rows: int) -> Content:
        """Have it on the disk."""
        self._file.sync()
        self._file.close()
        return Content(rows=rows, bytes=self._file.size, sha256=self._file.sha256)

    def publish(
        self,
        old: Sidecar | None,
        describe: Describe,
        covers: Covers,
        *,
        exclusive: bool,
    ) -> None:
        """Rename it to its path, then its sidecar."""
        del old, covers  # they matter to directories
        target = self._area.target
        if target.is_dir():
            raise IsADirectoryError(
                errno.EISDIR, os.strerror(errno.EISDIR), str(target)
            )
        if target.exists() and not target.is_file():
            raise OSError(errno.ENODEV, "it is a device, pipe or socket", str(target))
        content = Content(rows=0, bytes=self._file.size, sha256=self._file.sha256)
        names = (_THE_FILE,)
        intent = Intent(
            target=target,
            staging=self._area.place,
            directory=False,
            add=names if exclusive else (),
            replace=() if exclusive else names,
        )
        commit(self._area, intent, describe(content), self._permissions)

    def withhold(self, target: Path) -> None:
        """Move it there, readable for its owner alone."""
        move(self._path, target)
        target.chmod(_PRIVATE_MODE)

    def abandon(self) -> None:
        """Close it."""
        self._file.abandon()
