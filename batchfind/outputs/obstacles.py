"""Why an output cannot be written, and what to do about it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from batchfind.errors import StorageError
from batchfind.outputs.sidecars import sidecar_path

_REMEDIES = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some of the quota there",
    errno.EFBIG: "raise the limit on the size of files",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "end other programs: this machine has too many files open",
    errno.ENOMEM: "give the process more memory",
    errno.EACCES: "give this user the right to write there, or choose another path",
    errno.EPERM: "give this user the right to write there, or choose another path",
    errno.EROFS: "choose a path on a file system that can be written",
    errno.EEXIST: "choose a path whose parents are directories",
    errno.ENOTDIR: "choose a path whose parents are directories",
    errno.EISDIR: "choose a path that is not a directory",
    errno.ENODEV: "choose the path of an ordinary file",
    errno.ENAMETOOLONG: "choose a shorter name (its sidecar adds 15 characters)",
    errno.EXDEV: "choose a path that is not a link to another file system",
}

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def check_writable(path: Path, *, is_directory: bool = False) -> str:
    """Why an output could not be written, found without touching anything.

    Args:
        path: absolute.
        is_directory: a folder of files is wanted there, not one file.

    Returns:
        One sentence, or an empty string when it could be written now. A disk may
        still fill up later.
    """
    try:
        return _obstacle(path, is_directory=is_directory)
    except OSError as error:
        return _sentence(path, error.strerror or str(error), error.errno)


def storage_error(path: Path, error: OSError, least: int = 0) -> StorageError:
    """The error that tells a user why an output was not written.

    Args:
        path: of the output, or the directory it should have gone to.
        error: what the operating system said.
        least: bytes that the output takes at any rate; 0 when none are known of.
    """
    sentence = _sentence(path, error.strerror or str(error), error.errno)
    if least and error.errno in _NO_SPACE:
        sentence += f", at least {least:,} bytes"
    return StorageError(
        f"{sentence}, then run batchfind export --to-paths: the capture holds every "
        f"answer"
    )


def _obstacle(path: Path, *, is_directory: bool) -> str:
    if path.is_dir() and not is_directory:
        return _sentence(path, "it is a directory", errno.EISDIR)
    if path.exists() and not path.is_file() and not path.is_dir():
        return _sentence(path, "it is a device, pipe or socket", errno.ENODEV)
    if is_directory and (unfit := _unfit_directory(path)):
        return unfit
    parent = next(each for each in path.parents if os.path.lexists(each))
    places = [parent, path] if path.is_dir() else [parent]
    if not parent.is_dir():
        return _sentence(path, f"{parent} is not a directory", errno.ENOTDIR)
    for place in places:
        if not os.access(place, os.W_OK | os.X_OK):
            read_only = os.statvfs(place).f_flag & os.ST_RDONLY
            code = errno.EROFS if read_only else errno.EACCES
            return _sentence(path, f"{place} cannot be written to", code)
    longest = os.pathconf(parent, "PC_NAME_MAX")
    parts = (*path.parent.parts, sidecar_path(path).name)
    if any(len(os.fsencode(part)) > longest for part in parts):
        return _sentence(path, "a part of it is too long", errno.ENAMETOOLONG)
    return ""


def _unfit_directory(path: Path) -> str:
    """Why what stands at a path cannot be the folder of an output."""
    if os.path.lexists(path) and not path.is_dir():
        return _sentence(path, "it is a file, not a directory", errno.ENOTDIR)
    if path.is_mount():
        why = "it is a mount point, and its sidecar must stand beside it"
        return f"{path}: the output cannot be written: {why}; choose a folder below it"
    return ""


def _sentence(path: Path, why: str, code: int | None) -> str:
    remedy = _REMEDIES.get(code or 0, "choose another path")
    return f"{path}: the output cannot be written: {why}; {remedy}"
