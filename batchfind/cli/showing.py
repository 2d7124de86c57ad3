"""Responses as they arrive, in findscu's dump style, for `--show`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, TextIO

from batchfind.cli import console
from batchfind.cli.text import clean
from batchfind.dicom.dump import DumpStyle, dump_lines
from batchfind.errors import IdentifierDefect, StorageError
from batchfind.execution.progress import Event, Received, RunStarted
from batchfind.plan.model import Plan

_PIECE: Final = 1 << 16


class Responses:
    """An observer that writes every response, with a heading that says whose it is.

    Writing happens in a thread, one set of responses at a time: a reader that stands
    still (`less`, Ctrl-S) makes only the requests wait that have something to show.
    """

    def __init__(self, stream: TextIO) -> None:
        """Writes to a stream, until its reader has gone.

        Args:
            stream: of text; kept even where `sys.stdout` is replaced later on.
        """
        self._stream = stream
        self._write: Callable[[str], object] = self._write_to_stream
        self._turn = asyncio.Lock()
        self._plan: Plan | None = None
        self._silent = False
        self._failure = ""

    @property
    def on_terminal(self) -> bool:
        """Whether a person sees what is written, beside everything else."""
        return self._stream.isatty()

    def write_by(self, write: Callable[[str], object]) -> None:
        """Leaves the writing to somebody else, such as a live screen."""
        self._write = write

    def check(self) -> None:
        """Tells what kept responses from being shown.

        Raises:
            StorageError: the stream could not be written.
        """
        if self._failure:
            raise StorageError(
                f"responses cannot be shown: {self._failure}; the capture holds them, "
                "and outputs are not touched by it"
            )

    def __call__(self, event: Event) -> None:
        """Learns which queries and peers there are; never raises."""
        if isinstance(event, RunStarted):
            self._plan = event.plan

    async def responses(self, received: Received) -> None:
        """Writes a set of responses; never raises."""
        async with self._turn:
            if not self._silent:
                await asyncio.to_thread(self._show, received)

    def _show(self, received: Received) -> None:
        lines: list[str] = []
        size = 0
        for line in _lines(received, self._style(received)):
            lines.append(line)
            size += len(line)
            if size > _PIECE:
                self._put(lines)
                lines, size = [], 0
        self._put(lines)

    def _put(self, lines: list[str]) -> None:
        if self._silent or not lines:
            return
        try:
            self._write("".join(f"{line}\n" for line in lines))
        except BrokenPipeError:
            self._stop()
        except OSError as error:
            self._failure = error.strerror or str(error)
            self._stop()

    def _stop(self) -> None:
        self._silent = True
        console.silence(self._stream)

    def _write_to_stream(self, text: str) -> object:
        self._stream.write(text)
        return self._stream.flush()

    def _style(self, received: Received) -> DumpStyle:
        plan, request = self._plan, received.request
        if plan is None:
            return DumpStyle()
        charset = plan.peers[request.peer].charset
        return DumpStyle(
            correction=plan.queries[request.query].data_correction,
            assume=charset.assume,
            override=charset.override,
        )


def _lines(received: Received, style: DumpStyle) -> Iterator[str]:
    request, matches = received.request, received.matches
    whose = f"{clean(request.query)} @ {clean(request.peer)}, request {request.id}"
    begin = 0
    for at, (end, status) in enumerate(
        zip(matches.ends, matches.statuses, strict=True)
    ):
        number = received.first + at
        yield ""
        yield f"# {whose}, response {number}, status {status:04X}"
        try:
            yield from dump_lines(
                matches.payload[begin:end], received.facts.transfer_syntax, style
            )
        except IdentifierDefect as defect:
            yield f"# cannot be decoded: {clean(str(defect))}"
        begin = end
