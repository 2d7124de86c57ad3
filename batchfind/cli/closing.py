"""The closing screen of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper

from rich.console import Console
from rich.text import Text

from batchfind.cli.advice import Advice, advice
from batchfind.cli.board import Times
from batchfind.cli.brief import output_line, told_requests, trouble_lines
from batchfind.cli.families import family_notes, tree_lines, unmet_lines
from batchfind.cli.findings import cautions, headline, is_unfinished, tallies, troubles
from batchfind.cli.keeping import pin_line
from batchfind.cli.table import table
from batchfind.cli.text import clean, count, folded, labelled, size
from batchfind.execution.results import OutputReport, RunResult

_NOUNS = {"jsonl": "line", "dicom": "file", "xml": "data set"}
_TROUBLES = 20
_OUTPUTS = 40


def closing(
    result: RunResult, times: Times | None = None, *, trees: bool = False
) -> str:
    """The closing screen, in colours if stdout is a terminal that wants them.

    Sentences are broken between words; a path or a command never is, so that it can
    be copied.

    Args:
        result: what to show.
        times: seconds each query and peer took, if this process saw it.
        trees: show into what each request was cut.
    """
    paper = BytesIO()
    console = _console(paper)
    if result.requests:
        grid = table(
            tallies(result), times, console.width, received=is_unfinished(result)
        )
        console.print(grid, soft_wrap=False)
    for line in _lines(result, console.width, trees=trees):
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


def _lines(result: RunResult, width: int, *, trees: bool) -> Iterator[Text]:
    yield Text()
    for line in tree_lines(result) if trees else ():
        yield Text(folded(line, width, "    "))
    for what, style in (*_causes(result), *_families(result), *_warnings(result)):
        yield Text(folded(what, width, "    "), style=style)
    outputs = result.outputs[:_OUTPUTS]
    published = [output for output in outputs if output.published]
    columns = _columns(published, width)
    for output in outputs:
        if output.published:
            yield Text(_written_line(output, columns))
        else:
            yield Text(folded(output_line(output), width), style="yellow")
    if len(result.outputs) > _OUTPUTS:
        yield Text(f"and {count(len(result.outputs) - _OUTPUTS, 'other output')}")
    if result.pin is not None:
        yield Text(folded(pin_line(result.pin), width))
    yield from _verdict(result, width)


def _causes(result: RunResult) -> Iterator[tuple[str, str]]:
    found = troubles(result)
    for trouble in found[:_TROUBLES]:
        what, *rest = trouble_lines(trouble)
        yield what, "yellow"
        yield from ((line, "") for line in rest)
    if len(found) > _TROUBLES:
        yield f"and {count(len(found) - _TROUBLES, 'other cause')}; see --json", ""


def _families(result: RunResult) -> Iterator[tuple[str, str]]:
    found = unmet_lines(result)
    yield from ((line, "red") for line in found[:_TROUBLES])
    if len(found) > _TROUBLES:
        more = count(len(found) - _TROUBLES, "other expectation")
        yield f"and {more} not met; see --json", ""
    yield from ((line, "") for line in family_notes(result))


def _warnings(result: RunResult) -> Iterator[tuple[str, str]]:
    found = cautions(result)
    for caution in found[:_TROUBLES]:
        where = f"{clean(caution.query)} @ {clean(caution.peer)}"
        ids = told_requests(caution.requests)
        yield f"warning: {where}: {clean(caution.text)} {ids}", ""
    if len(found) > _TROUBLES:
        yield f"and {count(len(found) - _TROUBLES, 'other warning')}; see --json", ""
    for output in [one for one in result.outputs if one.invalid][:_TROUBLES]:
        values = count(output.invalid, "value")
        path = clean(output.path, limit=4096)
        place = "bf_invalid there, or names of folders that were cut"
        yield f"warning: {values} without a place in {path}; see {place}", ""


def _verdict(result: RunResult, width: int) -> Iterator[Text]:
    sentence = headline(result)
    good = sentence.startswith("complete")
    style = "yellow" if result.under_way else "bold green" if good else "bold red"
    if result.error:
        bad = "yellow" if result.under_way else "red"
        yield Text(folded(clean(result.error), width), style=bad)
    yield Text(folded(sentence, width), style=style)
    ways = advice(result)
    longest = max((len(way.label) for way in ways), default=0)
    for way in ways:
        yield Text(_way(way, longest, width))


def _way(way: Advice, longest: int, width: int) -> str:
    line = labelled(f"{way.label}:".ljust(longest + 1), way.command, width)
    return line + (f"\n  ({way.remark})" if way.remark else "")


@dataclass(frozen=True, slots=True)
class _Columns:
    """How published outputs are set: widths of two columns, and the paths' place."""

    rows: int
    size: int
    before_path: str


def _columns(outputs: Sequence[OutputReport], width: int) -> _Columns:
    """Paths stand at the end of their lines, or all below them if one is too long."""
    rows = max((len(_held(output)) for output in outputs), default=0)
    sizes = max((len(size(output.bytes)) for output in outputs), default=0)
    path = max((len(clean(output.path, limit=4096)) for output in outputs), default=0)
    fits = len("wrote") + 2 + rows + 2 + sizes + 2 + path <= width
    return _Columns(rows, sizes, "  " if fits else "\n  ")


def _written_line(output: OutputReport, columns: _Columns) -> str:
    rows = _held(output).rjust(columns.rows)
    weight = size(output.bytes).rjust(columns.size)
    path = clean(output.path, limit=4096)
    return f"wrote  {rows}  {weight}{columns.before_path}{path}"


def _held(output: OutputReport) -> str:
    """What an output holds, in the word of its format: `36 rows`, `5 files`."""
    return count(output.rows, _NOUNS.get(output.format, "row"))


def _trimmed(screen: str) -> str:
    """Without the blanks that fill table lines, and without blank lines at its ends."""
    return "\n".join(line.rstrip() for line in screen.splitlines()).strip("\n")
