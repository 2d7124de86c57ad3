"""Mistakes of ours that a run meets: kept for a report, so that the run can go on."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import FrameSummary, extract_tb
from typing import Any, Final

from batchfind.capture.records import Cause, Ending, Outcome
from batchfind.errors import StorageError

MISHAPS: Final = "internal-errors.txt"
"""File of a run directory with tracebacks; they hold no values."""

#: Different mistakes that are written down; what one causes again is only counted.
_MOST: Final = 50
#: How deep a chain of causes is followed.
_DEPTH: Final = 8


class Mishaps:
    """What went wrong in batchfind itself while a run went on."""

    def __init__(self, folder: Path | None = None) -> None:
        """Begins without any.

        Args:
            folder: where tracebacks are kept, mode 0600; None keeps none.
        """
        self._folder = folder
        self._met: Counter[str] = Counter()
        self._beside: dict[str, None] = {}

    @property
    def any(self) -> bool:
        """Whether there was one."""
        return bool(self._met)

    @property
    def problems(self) -> tuple[str, ...]:
        """Those that ended no request, a sentence each."""
        return tuple(self._beside)

    def ending(self, error: BaseException, whom: str, responses: int) -> Ending:
        """How a try ended that a mistake of ours cut off.

        Args:
            error: what was raised.
            whom: peer, address and AE titles.
            responses: that had come.
        """
        cause = Cause(
            code="internal",
            message=f"{whom}: {self._note(error, 'asking')}",
            hint="please report it with that file; batchfind resume asks again",
            phase="internal",
        )
        outcome = Outcome.PARTIAL if responses else Outcome.FAILED
        return Ending(outcome=outcome, cause=cause, responses=responses, kept=responses)

    def beside(self, error: BaseException, doing: str) -> None:
        """Notes a mistake that ends no request.

        Args:
            error: what was raised.
            doing: what was being done, such as `releasing an association`.
        """
        self._beside[f"{self._note(error, doing)}; please report it with that file"] = (
            None
        )

    def early_end(self, error: BaseException, doing: str) -> str:
        """Notes a mistake that a run does not survive, as its `error`.

        Args:
            error: what was raised.
            doing: what was being done, such as `finishing`.
        """
        return (
            f"{self._note(error, doing)}; please report it with that file; the capture "
            "keeps every answer that came, and batchfind resume goes on with it"
        )

    @contextmanager
    def beside_while(self, doing: str) -> Iterator[None]:
        """Notes a mistake made in the block, and goes on behind it."""
        try:
            yield
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours
            self.beside(error, doing)

    @contextmanager
    def watching(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Takes what a loop would only print: errors nobody waits for any more."""
        before = loop.get_exception_handler()

        def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            error = context.get("exception")
            if isinstance(error, Exception):
                self.beside(error, "work that nobody waited for")
            elif before is not None:
                before(loop, context)
            else:
                loop.default_exception_handler(context)

        loop.set_exception_handler(handle)
        try:
            yield
        finally:
            loop.set_exception_handler(before)

    def _note(self, error: BaseException, doing: str) -> str:
        """One sentence: what, and where its traceback is."""
        frames = extract_tb(error.__traceback__)
        what = f"{type(error).__name__} at {_place(frames)}" if frames else ""
        what = what or type(error).__name__
        sentence = f"internal error while {doing}: {what}"
        self._met[what] += 1
        if self._folder is None:
            return sentence
        path = self._folder / MISHAPS
        if self._met[what] == 1 and len(self._met) <= _MOST:
            _append(path, f"{sentence}\n{_traceback(error)}\n")
        return f"{sentence}; traceback in {path}"


def _place(frames: list[FrameSummary]) -> str:
    """The innermost frame of ours, else the innermost."""
    own = [one for one in frames if "batchfind" in Path(one.filename).parts]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _traceback(error: BaseException) -> str:
    """Types and places of an error and what led to it; never a message or a value."""
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None and len(parts) < _DEPTH:
        frames = (
            f'  File "{one.filename}", line {one.lineno}, in {one.name}\n    {one.line}'
            for one in extract_tb(link.__traceback__)
        )
        parts.append("\n".join((type(link).__name__, *frames)))
        link = link.__cause__ or link.__context__
    return "\nafter\n".join(parts) + "\n"


def _append(path: Path, text: str) -> None:
    """Adds text to a file of mode 0600; a disk that takes none keeps nobody."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return
