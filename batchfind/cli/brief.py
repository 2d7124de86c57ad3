"""How a run ended, in a few lines for `--quiet`, a log or a mail."""

from __future__ import annotations

from collections.abc import Sequence

from batchfind.cli.advice import ask_or_write
from batchfind.cli.families import unmet_lines
from batchfind.cli.findings import Trouble, headline, troubles
from batchfind.cli.text import clean, count
from batchfind.execution.results import ExitCode, OutputReport, RunResult

_IDS = 5
_QUIET_LINES = 20
_QUIET_TROUBLES = 5
_QUIET_OUTPUTS = 4
_QUIET_UNMET = 2


def quiet_lines(result: RunResult) -> tuple[str, ...]:
    """At most 20 lines for a log or a mail; none when the run is complete."""
    if result.exit_code is ExitCode.OK:
        return ()
    lines = [f"{result.job}: {headline(result)}"]
    if result.error:
        lines.append(clean(result.error))
    unmet, found = unmet_lines(result), troubles(result)
    lines.extend(unmet[:_QUIET_UNMET])
    if len(unmet) > _QUIET_UNMET:
        others = count(len(unmet) - _QUIET_UNMET, "other expectation")
        lines.append(f"and {others} not met")
    told = _QUIET_TROUBLES - (_QUIET_UNMET if unmet else 0)
    for trouble in found[:told]:
        lines.extend(trouble_lines(trouble))
    if len(found) > told:
        lines.append(f"and {count(len(found) - told, 'other cause')}")
    withheld = [output for output in result.outputs if not output.published]
    lines.extend(output_line(output) for output in withheld[:_QUIET_OUTPUTS])
    if more := withheld[_QUIET_OUTPUTS:]:
        fate = "not published" if any(one.failed for one in more) else "withheld"
        lines.append(f"and {count(len(more), 'other output')} {fate}")
    lines.append(f"run directory: {result.run_dir}")
    way = ask_or_write(result)
    if way:
        lines.append(f"{way.label}: {way.command}")
    return tuple(lines[:_QUIET_LINES])


def trouble_lines(trouble: Trouble) -> list[str]:
    """A cause with the requests it befell, and its hint."""
    what = f"{clean(trouble.cause.code)}: {clean(trouble.cause.message)}"
    lines = [f"{what} {told_requests(trouble.requests)}"]
    if trouble.cause.hint:
        lines.append(f"  hint: {clean(trouble.cause.hint)}")
    return lines


def told_requests(requests: Sequence[str]) -> str:
    """How many requests something befell, and the first of them."""
    ids = ", ".join(requests[:_IDS]) + (", ..." if len(requests) > _IDS else "")
    return f"[{count(len(requests), 'request')}: {ids}]"


def output_line(output: OutputReport) -> str:
    """An output that does not stand at its path, and why."""
    path = clean(output.path, limit=4096)
    if output.failed:
        return f"not written {path}: {clean(output.reason).removeprefix(f'{path}: ')}"
    kept = f"; kept at {clean(output.written, limit=4096)}" if output.written else ""
    return f"withheld {path}: {clean(output.reason)}{kept}"
