"""Really small file systems for a process, made of tmpfs in a namespace of its own.

Which way there is, is found out by trying, in this order:

1. a user and mount namespace, which needs no privilege where the kernel allows it;
2. a mount namespace alone, for root where user namespaces are forbidden;
3. neither: `Limited` bounds the size of every file that the process writes, which the
   operating system answers with EFBIG where a full disk answers ENOSPC.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Self, TypeAlias

ROOT = Path(__file__).resolve().parents[2]
PAGE = os.sysconf("SC_PAGE_SIZE")
"""What the smallest file takes on a tmpfs."""

_WAYS = (
    ("--user", "--map-root-user", "--mount"),
    ("--mount",),
)
_FILLER = ".filler"

Ran: TypeAlias = "subprocess.CompletedProcess[str]"


@cache
def namespaces() -> tuple[str, ...]:
    """Options of unshare(1) under which a tmpfs can be mounted here; none if none."""
    probe = "mount -t tmpfs -o size=64k tmpfs /tmp"
    for way in _WAYS:
        try:
            done = subprocess.run(
                ["unshare", *way, "sh", "-c", probe],
                capture_output=True,
                check=False,
                timeout=20,
            )
        except OSError:
            return ()
        if not done.returncode:
            return way
    return ()


def environment(**more: str) -> dict[str, str]:
    """Of a process that runs the batchfind of this tree."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


class Room:
    """A mount namespace that lives as long as the `with` statement.

    What is mounted in it nobody else sees, and it is gone with the room.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is mounted yet; processes run in `folder`."""
        self._folder = folder
        self._inside = [
            "unshare",
            *namespaces(),
            "--propagation",
            "private",
            "sh",
            "-c",
            "echo ready; exec cat",
        ]

    def __enter__(self) -> Self:
        """With a process that keeps the namespace."""
        self._keeper = subprocess.Popen(
            self._inside,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the keeper, and with it everything mounted."""
        self._keeper.communicate()

    def disk(self, path: Path, size: int = 16 << 20, *, files: int = 0) -> Disk:
        """Mounts a tmpfs.

        Args:
            path: made when missing.
            size: in bytes, rounded up to pages.
            files: how many files and folders it can hold; 0 for any number.
        """
        path.mkdir(parents=True, exist_ok=True)
        options = f"mode=755,size={size},nr_inodes={files}"
        self.do("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path))
        return Disk(self, path)

    def seen(self, path: Path) -> Path:
        """By what name this process reaches a path of the room."""
        return Path(f"/proc/{self._keeper.pid}/root{path}")

    def do(self, *command: str) -> None:
        """Runs a command in the room, which must succeed."""
        subprocess.run(self._entered(command), check=True, timeout=20)

    def batchfind(self, *arguments: str) -> Ran:
        """Runs the command in the room to its end."""
        return self.python("-m", "batchfind", *arguments)

    def python(self, *arguments: str, **more: str) -> Ran:
        """Runs Python in the room to its end; `more` are variables of its process."""
        return subprocess.run(
            self._entered([sys.executable, *arguments]),
            cwd=self._folder,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _entered(self, command: Sequence[str]) -> list[str]:
        options = [
            f"--target={self._keeper.pid}",
            "--mount",
            "--wdns=" + str(self._folder),
        ]
        if "--user" in namespaces():
            options += ["--user", "--preserve-credentials"]
        return ["nsenter", *options, "--", *command]


class Disk:
    """A tmpfs in a room.

    Attributes:
        path: as processes in the room name it.
        seen: as this process reaches it.
    """

    def __init__(self, room: Room, path: Path) -> None:
        """Made by `Room.disk`."""
        self._room = room
        self.path = path
        self.seen = room.seen(path)

    def fill(self, room: int = 0) -> None:
        """Takes all space but so many bytes, rounded down to pages."""
        filler = self.seen / _FILLER
        filler.unlink(missing_ok=True)
        free = os.statvfs(self.seen)
        take = (free.f_bavail - room // PAGE) * free.f_frsize
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, take)

    def free(self) -> None:
        """Gives the space back."""
        (self.seen / _FILLER).unlink()

    def grow(self, size: int) -> None:
        """Another size."""
        self._remount(f"size={size}")

    def protect(self) -> None:
        """Read-only from now on, for root too."""
        self._remount("ro")

    def release(self) -> None:
        """Writable again."""
        self._remount("rw")

    def _remount(self, options: str) -> None:
        self._room.do("mount", "-o", f"remount,{options}", str(self.path))


def limited(
    folder: Path, size: int, *arguments: str, stdout: IO[str] | int = subprocess.PIPE
) -> Ran:
    """Runs the command where no file can grow beyond a size, in any namespace.

    Python ignores SIGXFSZ, so that writing fails with EFBIG instead.

    Args:
        folder: where it runs.
        size: in bytes.
        arguments: of batchfind.
        stdout: where its results go, if not into the result.
    """
    code = (
        "import resource, runpy, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "sys.argv[0] = 'batchfind'\n"
        "runpy.run_module('batchfind', run_name='__main__')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )


def contents(folder: Path) -> Mapping[str, bytes]:
    """Every file below a folder, hidden ones too, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _FILLER
    }
