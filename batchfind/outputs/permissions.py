"""Who may read what is published."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from batchfind.job.output_model import OutputOptions

_READ = 0o444


@dataclass(frozen=True, slots=True)
class Permissions:
    """Mode and group of published files.

    Attributes:
        mode: permission bits, or None for 0666 minus the umask.
        gid: id of the group, or None for the process's own.
    """

    mode: int | None = None
    gid: int | None = None

    def give(self, target: Path | int) -> None:
        """Give them to a file; the group first, since a change of it clears bits."""
        if self.gid is not None:
            os.chown(target, -1, self.gid)
        if self.mode is not None:
            os.chmod(target, self.mode)  # noqa: PTH101 - a handle has no Path.chmod

    def give_directory(self, directory: Path) -> None:
        """Give them to a directory: who may read its files may also enter it."""
        if self.gid is not None:
            os.chown(directory, -1, self.gid)
        if self.mode is not None:
            directory.chmod(self.mode | (self.mode & _READ) >> 2 | 0o700)


def permissions_of(options: OutputOptions, path: Path) -> Permissions:
    """What an output asks for, else what the file it replaces has.

    An administrator who has once narrowed who may read patients' names does not
    find them readable for all the next morning.

    Raises:
        LookupError: this machine has no such group.
    """
    group = options.group
    gid = None if group is None else grp.getgrnam(group).gr_gid
    mode = options.mode
    if path.is_file():
        old = path.stat()
        mode = stat.S_IMODE(old.st_mode) if mode is None else mode
        if gid is None and old.st_gid != os.getegid() and _may_give(old.st_gid):
            gid = old.st_gid
    return Permissions(mode, gid)


def group_fault(options: OutputOptions) -> str:
    """Why files cannot be given to the group asked for; empty when they can."""
    if options.group is None:
        return ""
    try:
        gid = grp.getgrnam(options.group).gr_gid
    except LookupError:
        return f"there is no group {options.group} on this machine"
    if _may_give(gid):
        return ""
    return f"this user is no member of the group {options.group}"


def _may_give(gid: int) -> bool:
    return os.geteuid() == 0 or gid in {os.getegid(), *os.getgroups()}
