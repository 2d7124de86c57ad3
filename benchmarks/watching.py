"""A look at a process from outside, while it runs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.02
_FIELDS = re.compile(r"^(VmHWM|Threads):\s+(\d+)", re.MULTILINE)


class Watcher:
    """Reads `/proc/PID/status` fifty times a second, and ends what takes too long.

    Attributes:
        peak: of the resident memory in KiB, when it was last looked at.
        threads: at once, at most.
        stopped: whether the process was killed for its time was over.
    """

    def __init__(self, pid: int, limit: float) -> None:
        """Looks from `with` on.

        Args:
            pid: of a child that nobody has waited for.
            limit: seconds after which it is killed.
        """
        self.peak = self.threads = 0
        self.stopped = False
        self._pid = pid
        self._until = time.monotonic() + limit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        status = Path(f"/proc/{self._pid}/status")
        while not self._over.wait(_EVERY):
            with contextlib.suppress(OSError):  # it has just ended
                self._note(status.read_text())
            if time.monotonic() > self._until and not self.stopped:
                self.stopped = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)

    def _note(self, status: str) -> None:
        found = {name: int(value) for name, value in _FIELDS.findall(status)}
        self.peak = max(self.peak, found.get("VmHWM", 0))
        self.threads = max(self.threads, found.get("Threads", 0))
