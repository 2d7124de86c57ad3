"""The live screen: one line for each query and peer, redrawn in place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from textwrap import wrap
from typing import Any, TextIO, cast

from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.console import Group as Stack
from rich.live import Live
from rich.text import Text

from batchfind.cli.board import Board, Group
from batchfind.cli.console import silence
from batchfind.cli.text import clean, duration, shortened
from batchfind.execution.progress import Event, Observer

_REDRAWS_A_SECOND = 8
_OTHER_LINES = 6  # heading, rest, troubles and the cursor's line
_TROUBLES = 3  # that have lines of their own among these
_LINES_A_NOTE = 3
_HIGH = 20  # on a lower screen, notes have one line each
_BAR = 12
_LABEL = 16  # narrower than this, a column gives way
_WHOLE = 1000
_AT = " @ "


class _Lasting:
    """A stream whose reader may leave, as a window is closed; it never says so.

    The run goes on to its end, or to the SIGHUP that comes with it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)


@contextmanager
def screen(board: Board, console: Console | None = None) -> Iterator[Observer]:
    """Draw a board until the block ends, then leave no trace of it.

    The observer only stores; drawing is up to rich's own thread, so that a terminal
    that stands still (Ctrl-S) never holds up the run.
    """
    shown = console or standard_error()

    def draw() -> RenderableType:
        return picture(board, shown, time.monotonic())

    def observe(event: Event) -> None:
        board.observe(event, time.monotonic())

    with Live(
        get_renderable=draw,
        console=shown,
        refresh_per_second=_REDRAWS_A_SECOND,
        transient=True,
        vertical_overflow="crop",
    ):
        yield observe


def standard_error() -> Console:
    """The terminal behind stderr, for text that means nothing but itself."""
    stream = cast("TextIO", _Lasting(sys.stderr))
    return Console(file=stream, markup=False, highlight=False, emoji=False)


def above(console: Console) -> Callable[[str], None]:
    """Writes whole lines that stay, above a screen that is drawn on the console."""

    def write(text: str) -> None:
        console.out(text, end="", highlight=False)

    return write


def picture(board: Board, console: Console, now: float) -> RenderableType:
    """The board as it stands, never wider or higher than the console."""
    groups = tuple(board.groups.values())
    height = console.size.height
    most = _LINES_A_NOTE if height >= _HIGH else 1
    notes = _notes(board, console.size.width - 1, most)
    others = _OTHER_LINES + max(0, len(notes) - _TROUBLES)
    shown = _chosen(groups, max(1, height - others))
    parts = [_heading(board, groups), *_rows(shown, console, now)]
    if len(groups) > len(shown):
        parts.append(_line(f"and {len(groups) - len(shown):,} more", "dim"))
    return Stack(*parts, *notes)


def _notes(board: Board, width: int, most: int) -> list[Text]:
    """What is said about requests and peers, each on at most so many lines."""
    said = [(board.notice, "dim")] if board.notice else []
    said += [(trouble, "yellow") for trouble in board.troubles]
    return [
        _line(line, style)
        for text, style in said
        for line in _broken(text, max(1, width), most)
    ]


def _broken(text: str, width: int, most: int) -> list[str]:
    return wrap(
        text,
        width,
        subsequent_indent="  " if width > _LABEL else "",
        max_lines=most,
        placeholder=" ..." if width > _LABEL else "",
        break_on_hyphens=False,
    )


def _chosen(groups: Sequence[Group], room: int) -> tuple[Group, ...]:
    """Those in flight first, then those to come, then the ended; in plan order."""
    if len(groups) <= room:
        return tuple(groups)
    ranked = sorted(range(len(groups)), key=lambda at: (_rank(groups[at]), at))
    return tuple(groups[at] for at in sorted(ranked[:room]))


def _rank(group: Group) -> int:
    if group.done >= group.total:
        return 2
    return 0 if group.arriving else 1


def _heading(board: Board, groups: Sequence[Group]) -> Text:
    done = sum(group.done for group in groups)
    total = sum(group.total for group in groups)
    text = _line(board.job or "batchfind", "bold")
    text.append(f"  {board.phase}  {done:,}/{total:,}", style="not bold")
    return text


def _rows(groups: Sequence[Group], console: Console, now: float) -> list[Text]:
    """One line a group; on a narrow console the label keeps its room longest."""
    counts = [f"{group.done:,}/{group.total:,}" for group in groups]
    responses = [f"{group.responses:,} rsp" for group in groups]
    elapsed = [_elapsed(group, now) for group in groups]
    room = console.size.width - 1  # the last column would wrap on some terminals
    columns = [_right(counts, 5), _right(responses, 9), _right(elapsed, 6)]
    if any(group.pieces for group in groups):
        columns.append(_right([_pieces(group) for group in groups], 9))
    while len(columns) > 1 and room - _taken(columns) < _LABEL:
        columns.pop()
    barred = room - _taken(columns) - _BAR - 2 >= _LABEL
    label = max(1, room - _taken(columns) - (_BAR + 2 if barred else 0))
    longest = max((cell_len(_label(group, _WHOLE)) for group in groups), default=1)
    lines = []
    for at, group in enumerate(groups):
        style = _style(group)
        width = min(label, longest)
        line = _line(set_cell_size(_label(group, width), width), style)
        if barred:
            line.append(f"  {_bar(group, ascii_only=console.options.ascii_only)}")
        for column in columns:
            line.append(f"  {column[at]}")
        lines.append(line)
    return lines


def _right(cells: Sequence[str], least: int) -> list[str]:
    """A column flush right; its least width keeps it from jumping as numbers grow."""
    width = max(least, *map(len, cells), 0)
    return [cell.rjust(width) for cell in cells]


def _taken(columns: Sequence[Sequence[str]]) -> int:
    return sum(len(column[0]) + 2 for column in columns if column)


def _label(group: Group, width: int) -> str:
    """Query and peer; when room is short, each loses its middle, the query first."""
    room = width - len(_AT)
    peer = shortened(clean(group.peer), max(room // 2, room - len(group.query)))
    return f"{shortened(clean(group.query), max(1, room - len(peer)))}{_AT}{peer}"


def _pieces(group: Group) -> str:
    return f"+{group.pieces:,} pcs" if group.pieces else ""


def _elapsed(group: Group, now: float) -> str:
    return "" if group.began is None else duration(group.elapsed(now))


def _style(group: Group) -> str:
    if group.bad:
        return "red"
    return "green" if group.done >= group.total else ""


def _bar(group: Group, *, ascii_only: bool) -> str:
    full, empty = ("#", ".") if ascii_only else ("█", "░")
    done = _BAR * min(group.done, group.total) // max(1, group.total)
    return full * done + empty * (_BAR - done)


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="crop")
