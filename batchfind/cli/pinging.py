"""`ping`: whether the peers of a job answer, and what they agree to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchfind.cli import console
from batchfind.cli.asking import planned
from batchfind.cli.options import JOB, examples, planning, reporting
from batchfind.cli.prompting import asker
from batchfind.cli.text import clean
from batchfind.dicom.models import model_of
from batchfind.dicom.transfer_syntaxes import TITLES
from batchfind.execution.results import ExitCode

if TYPE_CHECKING:
    from batchfind.execution.ping import PingReport


@click.command(
    epilog=examples(
        "batchfind ping nightly.yaml",
        "batchfind ping nightly.yaml --json",
    )
)
@click.argument("job", metavar="JOB", type=JOB)
@planning
@reporting(quiet="Show only peers that do not answer.")
def ping(job: Path, *, as_json: bool, quiet: bool, **options: Any) -> int:
    """Ask each peer of a job for an echo (C-ECHO), and show what was agreed.

    Exit code 0 when every peer answers, 5 when none accepts an association, else 1.
    """
    from batchfind.execution.credentials import Credentials  # noqa: PLC0415 - lazy
    from batchfind.execution.ping import ping_plan  # noqa: PLC0415 - opens sockets

    plan = planned(job, **options)
    reports = asyncio.run(ping_plan(plan, Credentials.load(plan, asker())))
    code = _ping_code(reports)
    if as_json:
        console.result_json(
            {
                "exit_code": int(code),
                "retryable": code is not ExitCode.OK,
                "peers": [_ping_json(report) for report in reports],
            }
        )
    else:
        for report in reports:
            if not (quiet and report.ok):
                console.prose("\n".join(_ping_lines(report)))
    return code


def _ping_code(reports: Sequence[PingReport]) -> ExitCode:
    if all(report.ok for report in reports):
        return ExitCode.OK
    if any(report.ok or report.contexts for report in reports):
        return ExitCode.INCOMPLETE
    return ExitCode.UNREACHABLE


def _ping_lines(report: PingReport) -> Iterator[str]:
    ends = f"{clean(report.calling_ae)} -> {clean(report.called_ae)}"
    where = f"{clean(report.peer)}: {ends} at {clean(report.address)}"
    state = "answers" if report.ok else "no answer"
    yield f"{where}: {state}, {1000 * report.seconds:,.0f} ms"
    if report.implementation:
        yield f"  implementation: {clean(report.implementation)}"
    for abstract, transfer in report.contexts:
        syntax = TITLES.get(transfer, transfer)
        yield f"  accepted: {clean(_title(abstract))}: {clean(syntax)}"
    yield from _terms(report)
    if report.cause is not None:
        yield f"  {clean(report.cause.code)}: {clean(report.cause.message)}"
        if report.cause.hint:
            yield f"  hint: {clean(report.cause.hint)}"


def _terms(report: PingReport) -> Iterator[str]:
    """What was agreed beyond presentation contexts."""
    if report.tls:
        yield f"  TLS: {clean(report.tls)}"
    if report.certificate:
        yield f"  certificate: {clean(report.certificate)}"
    if report.accepted:
        yield f"  options accepted: {', '.join(report.accepted)}"
    if report.refused:
        yield f"  options refused: {', '.join(report.refused)}"
    if report.operations != 1:
        most = report.operations or "any number of"
        yield f"  in flight at once: {most} C-FINDs"
    if report.confirmed:
        yield "  user identity: confirmed"


def _title(uid: str) -> str:
    try:
        return model_of(uid).title
    except ValueError:
        return uid


def _ping_json(report: PingReport) -> dict[str, Any]:
    cause = report.cause
    return {
        "peer": report.peer,
        "address": report.address,
        "called_ae": report.called_ae,
        "calling_ae": report.calling_ae,
        "ok": report.ok,
        "seconds": round(report.seconds, 3),
        "contexts": [
            {"abstract_syntax": abstract, "transfer_syntax": transfer}
            for abstract, transfer in report.contexts
        ],
        "implementation": report.implementation,
        "tls": report.tls,
        "certificate": report.certificate,
        "accepted": list(report.accepted),
        "refused": list(report.refused),
        "operations": report.operations,
        "identity_confirmed": report.confirmed,
        "cause": cause
        and {"code": cause.code, "message": cause.message, "hint": cause.hint},
    }
