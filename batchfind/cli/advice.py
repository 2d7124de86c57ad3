"""What to do after a run: exact commands, each only where it helps."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from batchfind.capture.records import Verdict
from batchfind.cli.findings import unanswered
from batchfind.cli.text import count
from batchfind.execution.results import (
    ExitCode,
    OutputReport,
    RequestReport,
    RunResult,
)

_WANTING = frozenset({Verdict.PARTIAL, Verdict.FAILED})
_OPEN = _WANTING | {Verdict.SKIPPED}
_LASTING = frozenset({"abort-at-n", "limit"})
"""Causes that the stored plan meets again whenever it is asked."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A way on.

    Attributes:
        label: what it does, in two or three words.
        command: for a shell.
        remark: what to know before, or an empty string.
    """

    label: str
    command: str
    remark: str = ""


def advice(result: RunResult) -> tuple[Advice, ...]:
    """Every way on from a result: publish what came, write again, ask again."""
    if result.under_way:
        return ()
    found = (_publish(result), ask_or_write(result))
    return tuple(each for each in found if each is not None)


def ask_or_write(result: RunResult) -> Advice | None:
    """How to get what is missing, or None when nothing is or nothing can help."""
    if result.under_way:
        return None
    place = shlex.quote(str(result.run_dir))
    short = unanswered(result.roots) or bool(result.ungrown)
    if result.exit_code is ExitCode.STORAGE and result.requests and not short:
        if result.error:  # of the capture, which only resume can put in order
            return Advice("go on", f"batchfind resume {place}")
        return Advice("write again", f"batchfind export {place} --to-paths")
    broken = result.exit_code in (ExitCode.STORAGE, ExitCode.INTERRUPTED)
    if not broken and not result.ungrown and not (short and _can_change(result)):
        return None
    remark = ""
    wanting = any(request.verdict in _WANTING for request in result.roots)
    if wanting and result.exit_code is not ExitCode.INTERRUPTED:
        remark = "resume repeats the stored plan; at new hosts or ports: add --job FILE"
    return Advice("ask again", f"batchfind resume {place}", remark)


def _can_change(result: RunResult) -> bool:
    """Whether some request is asked again that may have another answer then."""
    asked = [one for one in result.requests if not one.pieces and one.verdict in _OPEN]
    return any(not _is_lasting(one) for one in asked)


def _is_lasting(request: RequestReport) -> bool:
    """Whether its peer, or a limit of the job, ends its answer there every time."""
    code = request.cause.code if request.cause else ""
    told = code.startswith(("status-a7", "status-fe00", "status-0213"))
    return code in _LASTING or (told and request.responses > 0)


def _publish(result: RunResult) -> Advice | None:
    """How to release outputs that hold rows but may not hold all."""
    withheld = [output for output in result.outputs if _withheld(output)]
    worth = [output for output in withheld if output.rows]
    if not worth:
        return None
    unmet = {one.query for one in result.expectations if not one.met}
    policy = "answered"
    if any(each.query in unmet or _is_short(result, each) for each in worth):
        policy = "always"
    place = shlex.quote(str(result.run_dir))
    remark = ""
    if policy == "always" and len(worth) < len(withheld):
        empty = count(len(withheld) - len(worth), "output")
        remark = f"this also replaces {empty} for which nothing came"
    command = f"batchfind export {place} --to-paths --publish {policy}"
    return Advice("publish what came", command, remark)


def _withheld(output: OutputReport) -> bool:
    return not output.published and not output.failed and bool(output.written)


def _is_short(result: RunResult, output: OutputReport) -> bool:
    """Whether its query, or one whose rows that needs, has no answer or half of one."""
    queries = {output.query}
    parents = {one.id: one for one in result.roots}
    for one in reversed(result.roots):
        parent = parents.get(one.parent or "")
        if one.query in queries and parent is not None:
            queries.add(parent.query)
    return bool(unanswered([one for one in result.roots if one.query in queries]))
