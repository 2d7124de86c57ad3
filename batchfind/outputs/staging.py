"""From rows to a file at its path, whole or not at all.

A file is staged beside its target, on the same file system, and renamed over it
when all of it is on the disk. Until then nothing at the path changes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from batchfind.errors import StorageError
from batchfind.outputs.formats import FORMATS, Format, TableWriter
from batchfind.outputs.hashed import HashedFile
from batchfind.outputs.obstacles import check_writable, storage_error
from batchfind.plan.model import PlannedOutput
from batchfind.tables.schema import TableSchema

__all__ = ["STAGING_PREFIX", "Staged", "Written", "check_writable", "stage"]

STAGING_PREFIX = ".batchfind-"
"""Begins every name that batchfind uses beside an output until it is whole."""

_PUBLIC_MODE = 0o666
_PRIVATE_MODE = 0o600
_PRIVATE_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole.

    Attributes:
        path: where it stands.
        rows: of the table.
        bytes: its size.
        sha256: of its bytes, 64 hexadecimal digits.
    """

    path: Path
    rows: int
    bytes: int
    sha256: str


class Staged:
    """One output in the making; made by `stage`.

    Write all batches, then call one of `publish`, `withhold` and `discard`; `close`
    before that has the file on the disk without deciding. `discard` may be called
    at any time and again.

    Attributes:
        path: the target.
    """

    def __init__(self, path: Path, temporary: Path) -> None:
        """Use `stage`."""
        self.path = path
        self._temporary = temporary
        self._made = _missing(path.parent)
        self._file: HashedFile | None = None
        self._writer: TableWriter | None = None
        self._written: Written | None = None
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            StorageError: they cannot be written; nothing is left of the file.
        """
        writer, _ = self._open_file()
        try:
            writer.write(batch)
        except OSError as error:
            raise self._failed(error) from error
        self._rows += batch.num_rows

    def close(self) -> Written:
        """Have the whole file on the disk, still under its temporary name.

        Returns:
            What `publish` will put at the path.

        Raises:
            StorageError: it cannot be written; nothing is left of the file.
        """
        if self._written is None:
            writer, file = self._open_file()
            try:
                writer.close()
                file.sync()
                file.close()
            except OSError as error:
                raise self._failed(error) from error
            self._written = Written(self.path, self._rows, file.size, file.sha256)
        return self._written

    def publish(self) -> Written:
        """Put the file at its path, in place of what stands there.

        Returns:
            What stands at the path now.

        Raises:
            StorageError: it cannot; what stood at the path still stands there.
        """
        written = self.close()
        try:
            self._temporary.replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise self._failed(error) from error
        self._made = []
        return written

    def withhold(self, directory: Path) -> Written:
        """Put the file into a directory of the run instead of at its path.

        Args:
            directory: made when it does not exist; only its owner can read it.

        Returns:
            The file there; a number is added to its name when the name is taken.

        Raises:
            StorageError: it cannot be moved there; nothing is left of the file.
        """
        written = self.close()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_DIRECTORY_MODE)
            target = _free_name(directory, self.path)
            _move(self._temporary, target)
            _sync_directory(directory)
        except OSError as error:
            raise self._failed(error, directory) from error
        self._forget_directories()
        return replace(written, path=target)

    def discard(self) -> None:
        """Remove the unpublished file and directories made for it."""
        file, self._file, self._writer = self._file, None, None
        if file is not None:
            with suppress(OSError):
                file.close()
        with suppress(OSError):
            self._temporary.unlink()
        self._forget_directories()

    def _begin(self, schema: pa.Schema, form: Format) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            # A killed execution of this very run left it; nobody else uses the name.
            self._temporary.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        handle = os.open(self._temporary, flags, _PUBLIC_MODE)
        self._file = HashedFile(os.fdopen(handle, "wb"))
        self._writer = form.writer(cast("BinaryIO", self._file), schema)

    def _open_file(self) -> tuple[TableWriter, HashedFile]:
        if self._writer is None or self._file is None or self._written is not None:
            raise ValueError(f"{self.path}: the output is closed")
        return self._writer, self._file

    def _failed(self, error: OSError, place: Path | None = None) -> StorageError:
        self.discard()
        return storage_error(place or self.path, error)

    def _forget_directories(self) -> None:
        """Take back directories made for this file that hold nothing else."""
        made, self._made = self._made, []
        for directory in made:
            with suppress(OSError):
                directory.rmdir()


def stage(planned: PlannedOutput, schema: TableSchema, run_id: str) -> Staged:
    """Begin an output beside its target.

    Args:
        planned: says path and format; missing parents of the path are made.
        schema: what `formats.schema_of` gives for it; a table without rows gives a
            file with this schema.
        run_id: part of the temporary name, so that runs do not meet.

    Returns:
        The output, ready for rows.

    Raises:
        StorageError: it cannot be begun; nothing is left of it.
    """
    path = Path(planned.path)
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    staged = Staged(path, path.parent / f"{STAGING_PREFIX}{run_id}-{digest}")
    try:
        staged._begin(schema.arrow, FORMATS[planned.format])  # noqa: SLF001 - the other half of its making
    except OSError as error:
        staged.discard()
        raise storage_error(path, error) from error
    return staged


def _sync_directory(directory: Path) -> None:
    """Make a rename in a directory survive a power failure."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _missing(directory: Path) -> list[Path]:
    """The directories that do not exist yet, innermost first."""
    found = []
    for parent in (directory, *directory.parents):
        if os.path.lexists(parent):
            break
        found.append(parent)
    return found


def _free_name(directory: Path, path: Path) -> Path:
    """A path in a directory, named like another, that nothing stands at."""
    candidate, ordinal = directory / path.name, 2
    while os.path.lexists(candidate):
        candidate = directory / f"{path.stem}-{ordinal}{path.suffix}"
        ordinal += 1
    return candidate


def _move(source: Path, target: Path) -> None:
    """Rename, or copy where the target is on another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copyfile(source, target)
        with target.open("rb+") as copy:
            os.fsync(copy.fileno())
        source.unlink()
    target.chmod(_PRIVATE_MODE)
