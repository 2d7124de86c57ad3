"""A run under the eyes of a person: its progress, its signals, its end."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchfind.cli import console
from batchfind.cli.board import Board
from batchfind.cli.display import display
from batchfind.cli.keeping import tell_kept
from batchfind.cli.options import debugging
from batchfind.cli.outcome import report
from batchfind.execution.progress import Observer
from batchfind.execution.results import RunResult

if TYPE_CHECKING:
    from batchfind.cli.showing import Responses

Execution = Callable[[Sequence[Observer], asyncio.Event], Awaitable[RunResult]]

#: Objects more than were freed since the last collection, and how seldom older ones are
#: looked at: looking more often costs a twentieth of a run with many requests.
_COLLECT_AFTER = (50_000, 20, 50)


def execute_run(begin: Execution, *, as_json: bool, quiet: bool, show: bool) -> int:
    """Runs to the end, or to the signals that end it earlier.

    Args:
        begin: starts the run, which tells the observers, and stops at the event.
        as_json: print one object at the end.
        quiet: show nothing that goes well.
        show: print every response as it arrives.

    Returns:
        The exit code.

    Raises:
        KeyboardInterrupt: a second signal came.
    """
    from batchfind.cli.memory import return_large_blocks  # noqa: PLC0415 - lazy

    return_large_blocks()
    from batchfind.tables.lean_arrow import leave_pandas_out  # noqa: PLC0415 - lazy

    leave_pandas_out()
    gc.freeze()  # modules and plan stay to the end: no collection need look at them
    gc.set_threshold(*_COLLECT_AFTER)
    board = Board()
    shown = _responses(as_json=as_json) if show else None
    with display(board, quiet=quiet, debug=debugging(), responses=shown) as observers:
        try:
            result = asyncio.run(_interruptible(begin, observers))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
    report(result, as_json=as_json, quiet=quiet, times=board.times())
    if not quiet:
        console.note(f"run directory: {result.run_dir}")
    tell_kept(result, quiet=quiet)
    if shown is not None:
        shown.check()
    return result.exit_code


def _responses(*, as_json: bool) -> Responses:
    from batchfind.cli.showing import Responses  # noqa: PLC0415 - only with --show

    return Responses(sys.stderr if as_json else sys.stdout)


async def _interruptible(begin: Execution, observers: Sequence[Observer]) -> RunResult:
    interrupt = asyncio.Event()
    with _signals(interrupt):
        return await begin(observers, interrupt)


@contextmanager
def _signals(interrupt: asyncio.Event) -> Iterator[None]:
    """The first signal asks the run to stop, the second cancels it, a third kills."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # nohup, or `&` in a script
    ]
    before = {number: signal.getsignal(number) for number in numbers}
    forced = False

    def on_signal() -> None:
        nonlocal forced
        if not interrupt.is_set():
            interrupt.set()
            return
        forced = True
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        if task is not None:
            task.cancel()

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        if not forced:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
