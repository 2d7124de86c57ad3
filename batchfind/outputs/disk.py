"""Steps on a file system that are whole or did not happen."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_EACH_FILE = 64
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def sync_directory(directory: Path) -> None:
    """Make names made or removed in a directory survive a power failure."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def folders_of(paths: Iterable[str]) -> set[str]:
    """The folders that relative paths stand in directly; empty for the outermost."""
    return {path.rpartition("/")[0] for path in paths}


def sync_files(directory: Path, paths: Sequence[str]) -> None:
    """Have files on the disk; many at once are left to one sync of everything.

    Args:
        directory: they stand below it.
        paths: relative to the directory.
    """
    if len(paths) > _EACH_FILE:
        os.sync()
        return
    for path in paths:
        handle = os.open(directory / path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def missing(directory: Path) -> list[Path]:
    """The directory and those of its parents that do not exist, innermost first."""
    found = []
    for parent in (directory, *directory.parents):
        if os.path.lexists(parent):
            break
        found.append(parent)
    return found


def remove_empty(directories: Iterable[Path]) -> None:
    """Remove directories that hold nothing; the others stay."""
    for directory in directories:
        with suppress(OSError):
            directory.rmdir()


def write_new(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file that must not exist yet and have it on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o666), "wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())


def put_new(source: Path, target: Path) -> None:
    """Move a file to a name that nothing stands at.

    Doing it again after a crash in the middle finishes it.

    Raises:
        FileExistsError: something else stands there; nothing changed.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        if not _same(source, target):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(
                errno.EEXIST, os.strerror(errno.EEXIST), str(target)
            ) from error
        os.rename(source, target)  # noqa: PTH104 - one family of calls, one way to fail them in tests
        return
    os.unlink(source)  # noqa: PTH108 - as above


def move(source: Path, target: Path) -> None:
    """Rename a file or directory, or copy it to another file system."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy_whole(source, target)
        shutil.rmtree(source) if source.is_dir() else source.unlink()


def _copy_whole(source: Path, target: Path) -> None:
    """Copy a file or a directory; on a full disk nothing of it is left."""
    try:
        if not source.is_dir():
            shutil.copyfile(source, target)
            return
        # Not copytree: it goes on after a failure, and tells all of them at once.
        for folder, _, names in os.walk(source):
            place = target / os.path.relpath(folder, source)
            place.mkdir()
            for name in names:
                shutil.copyfile(Path(folder, name), place / name)
    except OSError:
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        raise


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keeps other processes from publishing into a directory at the same time.

    Where the file system cannot lock, it does without.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def claim(directory: Path) -> int | None:
    """Mark a directory as in use by this process, until the handle is closed.

    Returns:
        An open handle, or None when another process uses it.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        pass  # it cannot lock, so nobody else could mark it either
    return handle


def _same(one: Path, other: Path) -> bool:
    with suppress(OSError):
        return os.path.samestat(one.lstat(), other.lstat())
    return False
