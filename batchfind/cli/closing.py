"""The closing screen of a run, and its short form for `--quiet`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from batchfind.capture.records import Verdict
from batchfind.cli.findings import (
    Tally,
    Trouble,
    headline,
    release_command,
    resume_command,
    tallies,
    troubles,
)
from batchfind.cli.text import clean, count, duration, size
from batchfind.execution.results import ExitCode, OutputReport, RunResult

_TABLE_ROWS = 40
_VERDICT_COLUMNS = 3  # with more the table outgrows 80 columns
_TROUBLES = 20
_OUTPUTS = 40
_IDS = 5
_QUIET_LINES = 20
_QUIET_TROUBLES = 5
_QUIET_OUTPUTS = 4
_NOUNS = {"jsonl": "line", "dicom": "file", "xml": "data set"}
_GOOD = frozenset({Verdict.COMPLETE, Verdict.LIMITED})
_STYLES = {
    Verdict.COMPLETE: "green",
    Verdict.LIMITED: "green",
    Verdict.SUSPECT: "yellow",
}


def closing(result: RunResult) -> str:
    """The closing screen, in colours if stdout is a terminal that wants them."""
    paper = BytesIO()
    console = _console(paper)
    if result.requests:
        console.print(_table(tallies(result.requests)), soft_wrap=False)
    for line in _lines(result):
        console.print(line)
    return _trimmed(paper.getvalue().decode(console.encoding))


def _console(paper: BytesIO) -> Console:
    """As wide, as colourful and as poor in characters as stdout is."""
    real = Console(file=sys.stdout)
    return Console(
        file=TextIOWrapper(
            paper, real.encoding, errors="backslashreplace", write_through=True
        ),
        width=real.width,
        force_terminal=real.is_terminal,
        no_color=real.no_color,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=True,
    )


def quiet_lines(result: RunResult) -> tuple[str, ...]:
    """At most 20 lines for a log or a mail; none when the run is complete."""
    if result.exit_code is ExitCode.OK:
        return ()
    lines = [f"{result.job}: {headline(result)}"]
    if result.error:
        lines.append(clean(result.error))
    found = troubles(result.requests)
    for trouble in found[:_QUIET_TROUBLES]:
        lines.extend(_trouble_lines(trouble))
    if len(found) > _QUIET_TROUBLES:
        lines.append(f"and {count(len(found) - _QUIET_TROUBLES, 'other cause')}")
    withheld = [output for output in result.outputs if not output.published]
    lines.extend(_output_line(output) for output in withheld[:_QUIET_OUTPUTS])
    if len(withheld) > _QUIET_OUTPUTS:
        more = len(withheld) - _QUIET_OUTPUTS
        lines.append(f"and {count(more, 'other output')} withheld")
    lines.append(f"run directory: {result.run_dir}")
    again = resume_command(result)
    if again:
        lines.append(f"ask again: {again}")
    return tuple(lines[:_QUIET_LINES])


def _table(rows: Sequence[Tally]) -> Table:
    found = {verdict for row in rows for verdict in row.verdicts}
    verdicts = [each for each in Verdict if each in found]
    spread = len(verdicts) <= _VERDICT_COLUMNS
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("query", overflow="fold")
    table.add_column("peer", overflow="fold")
    for verdict in verdicts if spread else ():
        table.add_column(verdict.value, justify="right", no_wrap=True)
    if not spread:
        table.add_column("requests")
    table.add_column("responses", justify="right", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    shown = _worth_showing(rows)
    for row in shown:
        numbers = [_number(row.verdicts[verdict], verdict) for verdict in verdicts]
        table.add_row(
            Text(clean(row.query)),
            Text(clean(row.peer)),
            *(numbers if spread else [_numbers(row)]),
            Text(f"{row.responses:,}"),
            Text(duration(row.seconds)),
        )
    if len(shown) < len(rows):
        table.add_row(Text(f"and {len(rows) - len(shown):,} more"))
    return table


def _worth_showing(rows: Sequence[Tally]) -> Sequence[Tally]:
    """All rows, or the incomplete ones first when there are too many."""
    if len(rows) <= _TABLE_ROWS:
        return rows
    ranked = sorted(range(len(rows)), key=lambda at: (_whole(rows[at]), at))
    return [rows[at] for at in sorted(ranked[:_TABLE_ROWS])]


def _whole(row: Tally) -> bool:
    return all(verdict in _GOOD for verdict in row.verdicts)


def _number(number: int, verdict: Verdict) -> Text:
    style = _STYLES.get(verdict, "red") if number else "dim"
    return Text(f"{number:,}" if number else "-", style=style)


def _numbers(row: Tally) -> Text:
    """All verdicts in one cell, for tables that would get too wide."""
    parts = (
        _number(number, verdict).append(f" {verdict}")
        for verdict, number in sorted(row.verdicts.items(), key=_in_order)
    )
    return Text("\n").join(parts)


def _in_order(item: tuple[Verdict, int]) -> int:
    return list(Verdict).index(item[0])


def _lines(result: RunResult) -> Iterator[Text]:
    yield Text()
    found = troubles(result.requests)
    for trouble in found[:_TROUBLES]:
        what, *rest = _trouble_lines(trouble)
        yield Text(what, style="yellow")
        yield from (Text(line) for line in rest)
    if len(found) > _TROUBLES:
        yield Text(f"and {count(len(found) - _TROUBLES, 'other cause')}; see --json")
    yield from _warnings(result)
    outputs = result.outputs[:_OUTPUTS]
    widths = _widths([output for output in outputs if output.published])
    for output in outputs:
        style = "" if output.published else "yellow"
        yield Text(_output_line(output, widths), style=style)
    if len(result.outputs) > _OUTPUTS:
        yield Text(f"and {count(len(result.outputs) - _OUTPUTS, 'other output')}")
    yield from _verdict(result)


def _warnings(result: RunResult) -> Iterator[Text]:
    found = {
        clean(warning): request
        for request in reversed(result.requests)
        for warning in request.warnings
    }
    for warning, request in list(found.items())[:_TROUBLES]:
        yield Text(f"warning: {clean(request.peer)} {request.id}: {warning}")
    if len(found) > _TROUBLES:
        yield Text(f"and {count(len(found) - _TROUBLES, 'other warning')}; see --json")
    for output in [one for one in result.outputs if one.invalid][:_TROUBLES]:
        values = count(output.invalid, "value")
        path = clean(output.path, limit=4096)
        yield Text(f"warning: {values} without a place in {path}; see bf_invalid there")


def _verdict(result: RunResult) -> Iterator[Text]:
    good = headline(result).startswith("complete")
    if result.error:
        yield Text(clean(result.error), style="red")
    yield Text(headline(result), style="bold green" if good else "bold red")
    if any(_releasable(output) for output in result.outputs):
        yield Text(f"publish what came: {release_command(result)}")
    again = resume_command(result)
    if again:
        yield Text(f"ask again:         {again}")


def _trouble_lines(trouble: Trouble) -> list[str]:
    ids = ", ".join(trouble.requests[:_IDS])
    more = ", ..." if len(trouble.requests) > _IDS else ""
    number = count(len(trouble.requests), "request")
    what = f"{clean(trouble.cause.code)}: {clean(trouble.cause.message)}"
    lines = [f"{what} [{number}: {ids}{more}]"]
    if trouble.cause.hint:
        lines.append(f"  hint: {clean(trouble.cause.hint)}")
    return lines


def _output_line(output: OutputReport, widths: tuple[int, int] = (0, 0)) -> str:
    """One output; its path stands last, so that only the path can wrap."""
    path = clean(output.path, limit=4096)
    if output.published:
        held = _held(output).rjust(widths[0])
        return f"wrote  {held}  {size(output.bytes).rjust(widths[1])}  {path}"
    if output.failed:
        return f"not written {path}: {clean(output.reason)}"
    kept = f"; kept at {clean(output.written, limit=4096)}" if output.written else ""
    return f"withheld {path}: {clean(output.reason)}{kept}"


def _widths(outputs: Sequence[OutputReport]) -> tuple[int, int]:
    held = max((len(_held(output)) for output in outputs), default=0)
    return held, max((len(size(output.bytes)) for output in outputs), default=0)


def _held(output: OutputReport) -> str:
    """What an output holds, in the word of its format: `36 rows`, `5 files`."""
    return count(output.rows, _NOUNS.get(output.format, "row"))


def _releasable(output: OutputReport) -> bool:
    return not output.published and bool(output.written)


def _trimmed(screen: str) -> str:
    """Without the blanks that fill table lines, and without blank lines at its ends."""
    return "\n".join(line.rstrip() for line in screen.splitlines()).strip("\n")
