"""The table of the closing screen: one line for each query and peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from batchfind.capture.records import Verdict
from batchfind.cli.board import Times
from batchfind.cli.findings import AWAITED, Tally
from batchfind.cli.text import clean, duration, shortened

_ROWS = 40
_VERDICT_COLUMNS = 3  # with more the table outgrows 80 columns
_GAP = 3  # between two columns
_NAMES = 16  # least room for query and peer together
_ORDER = (*(verdict.value for verdict in Verdict), AWAITED)
_QUIET = frozenset({Verdict.COMPLETE.value, Verdict.LIMITED.value, AWAITED})
_STYLES: Mapping[str, str] = {
    Verdict.COMPLETE: "green",
    Verdict.LIMITED: "green",
    Verdict.SUSPECT: "yellow",
    AWAITED: "",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column beside the names, with one cell for each row."""

    title: str
    cells: Sequence[Text]
    right: bool = True

    @property
    def width(self) -> int:
        lines = [len(line) for cell in self.cells for line in cell.plain.split("\n")]
        return max(len(self.title), *lines)


def table(
    rows: Sequence[Tally],
    times: Times | None,
    width: int,
    *,
    received: bool = False,
) -> Table:
    """Query, peer, verdicts, responses and time; names fit, so that no line breaks.

    Args:
        rows: one or more.
        times: how long each query and peer took; None shows the time of all their
            requests added up, under a title that says so.
        width: of the screen in characters.
        received: responses are counted as they came, rows that came twice among them.
    """
    shown = _worth_showing(rows)
    columns = [
        *_verdicts(shown),
        _Column(
            "received" if received else "responses",
            [Text(f"{row.responses:,}") for row in shown],
        ),
        _time(shown, times),
    ]
    room = width - sum(column.width + _GAP for column in columns) - _GAP
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    grid.add_column("query", no_wrap=True)
    grid.add_column("peer", no_wrap=True)
    for column in columns:
        grid.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=True
        )
    for at, names in enumerate(_names(shown, max(room, _NAMES))):
        grid.add_row(*map(Text, names), *(column.cells[at] for column in columns))
    if len(shown) < len(rows):
        grid.add_row(Text(f"and {len(rows) - len(shown):,} more"))
    return grid


def _worth_showing(rows: Sequence[Tally]) -> Sequence[Tally]:
    """All rows, or the incomplete ones first when there are too many."""
    if len(rows) <= _ROWS:
        return rows
    ranked = sorted(
        range(len(rows)), key=lambda at: (set(rows[at].verdicts) <= _QUIET, at)
    )
    return [rows[at] for at in sorted(ranked[:_ROWS])]


def _names(rows: Sequence[Tally], room: int) -> list[tuple[str, str]]:
    """Query and peer of each row; too long ones lose their middle, queries first."""
    names = [(clean(row.query), clean(row.peer)) for row in rows]
    queries = max(len("query"), *(len(query) for query, _ in names))
    peers = max(len("peer"), *(len(peer) for _, peer in names))
    peers = min(peers, max(room // 2, room - queries))
    return [
        (shortened(query, room - peers), shortened(peer, peers))
        for query, peer in names
    ]


def _verdicts(rows: Sequence[Tally]) -> list[_Column]:
    """A column for each verdict that occurs, or one for all when there are many."""
    found = [each for each in _ORDER if any(each in row.verdicts for row in rows)]
    if len(found) > _VERDICT_COLUMNS:
        return [_Column("requests", [_all(row) for row in rows], right=False)]
    return [
        _Column(each, [_number(row.verdicts[each], each) for row in rows])
        for each in found
    ]


def _all(row: Tally) -> Text:
    return Text("\n").join(
        _number(row.verdicts[each], each).append(f" {each}")
        for each in _ORDER
        if each in row.verdicts
    )


def _number(number: int, verdict: str) -> Text:
    style = _STYLES.get(verdict, "red") if number else "dim"
    return Text(f"{number:,}" if number else "-", style=style)


def _time(rows: Sequence[Tally], times: Times | None) -> _Column:
    if times is None:
        return _Column("request time", [Text(duration(row.seconds)) for row in rows])
    found = [times.get((row.query, row.peer)) for row in rows]
    return _Column(
        "time", [Text("-" if each is None else duration(each)) for each in found]
    )
