"""Says how a run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchfind.cli import console
from batchfind.cli.brief import quiet_lines
from batchfind.execution.results import RunResult

if TYPE_CHECKING:
    from batchfind.cli.board import Times


def report(
    result: RunResult,
    *,
    as_json: bool,
    quiet: bool,
    times: Times | None = None,
    trees: bool = False,
) -> None:
    """Render a result: JSON or the closing screen on stdout, --quiet on stderr.

    Args:
        result: what to tell.
        as_json: print one object instead of the closing screen.
        quiet: print nothing of a complete result, else a few lines.
        times: seconds each query and peer took, if this process saw it.
        trees: the closing screen shows into what each request was cut.
    """
    if as_json:
        console.result_json(result.to_json())
    elif not quiet:
        from batchfind.cli.closing import closing  # noqa: PLC0415 - rich

        console.result(closing(result, times, trees=trees))
    if quiet:
        for line in quiet_lines(result):
            console.note(line)
