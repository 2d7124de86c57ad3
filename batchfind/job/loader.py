"""From the path of a job file to a validated Job, or to every problem at once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from batchfind.errors import Mark
from batchfind.job.dictionaries import read_dictionaries
from batchfind.job.documents import Document, Merged, merge_includes, read_document
from batchfind.job.embedded import templates_in
from batchfind.job.model import (
    Job,
    Keep,
    Output,
    OutsideHours,
    PerRequest,
    Query,
    RetryPolicy,
    RunPolicy,
    Scalar,
)
from batchfind.job.outputs import read_outputs
from batchfind.job.peers import check_timezone, read_peers
from batchfind.job.queries import PeerNames, read_queries
from batchfind.job.report import Report
from batchfind.job.section import Section
from batchfind.job.transport_model import Material

_LITERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_DATE_NAME: Final = re.compile(r"(?<![.\w])(today|yesterday|tomorrow|now)\b")


def load_job(
    path: Path,
    *,
    plain_secrets: bool = False,
    environment: Mapping[str, str] | None = None,
) -> Job:
    """A job file and everything it includes, validated.

    Files that hold rows or Identifiers are not read here, and templates are not
    rendered; `read_inputs` and the plan do that.

    Args:
        path: the job file.
        plain_secrets: secrets may stand in it; else each of them is a problem.
        environment: where DCMDICTPATH names dictionary files.

    Returns:
        The job, with warnings if there are any.

    Raises:
        JobError: with every problem, each at its own file, line and column.
    """
    report = Report()
    document = read_document(path, report, plain_secrets=plain_secrets)
    if document is None or document.root is None:
        raise report.failure()
    merged = merge_includes(
        document, document.root, report, plain_secrets=plain_secrets
    )
    job = _build(document, merged, environment or {}, report)
    if report.failed:
        raise report.failure()
    return job


def _build(
    document: Document,
    merged: Merged,
    environment: Mapping[str, str],
    report: Report,
) -> Job:
    root = Section(merged.root, "", report)
    peers = read_peers(root, complete=merged.complete)
    names = tuple(key.text for key, _ in root.section("peers").entries())
    options = frozenset(
        name for peer in peers.by_name.values() for name in peer.negotiation.options
    )
    known = read_dictionaries(root, environment)
    queries = read_queries(
        root, PeerNames(names, merged.complete, options), known.dictionary
    )
    query_names = [key.text for key, _ in root.section("queries").entries()]
    outputs = read_outputs(root, query_names)
    zone = check_timezone(root)
    if zone is None and not root.has("timezone"):
        _require_timezone(queries, outputs, report)
    return Job(
        version=1,
        name=root.text("name") or "",
        path=document.path,
        text=document.text,
        description=root.text("description") or "",
        timezone=zone,
        includes=merged.includes,
        vars=root.mapping("vars"),
        peers=peers.by_name,
        queries=queries,
        run=_run(root.section("run")),
        outputs=outputs,
        dictionaries=known.files,
        dictionary=known.dictionary,
        materials=tuple(_materials(peers.materials, queries)),
        warnings=() if report.failed else report.problems,
    )


def _materials(
    by_peer: Mapping[str, tuple[Material, ...]], queries: Mapping[str, Query]
) -> dict[Material, None]:
    """What the peers need that any query may ask, each file once a place."""
    named = {one.text for query in queries.values() for one in query.peers}
    if any("{" in name for name in named):
        named |= by_peer.keys()
    return dict.fromkeys(
        material
        for peer, materials in by_peer.items()
        if peer in named
        for material in materials
    )


def _run(run: Section) -> RunPolicy:
    fields: dict[str, Any] = run.integers("concurrency", "max_requests")
    fields |= run.durations("deadline")
    folder = run.paths("dir")
    _check_folder(run, folder)
    limits = run.section("per_request")
    caps: dict[str, Any] = limits.integers("responses")
    caps |= limits.sizes("bytes") | limits.durations("time")
    again = run.section("retry")
    pauses: dict[str, Any] = again.durations("backoff", "max_backoff")
    return RunPolicy(
        directory=folder[0] if folder else None,
        stop_on_failure=run.text("on_failure") == "stop",
        outside_hours=_outside_hours(run),
        overlap=run.text("overlap") == "allow",
        per_request=PerRequest(**caps),
        retry=RetryPolicy(**again.integers("attempts"), **pauses),
        keep=Keep(**run.section("keep").integers("runs", "days")),
        executor=run.text("executor") or "local",
        **fields,
    )


def _outside_hours(run: Section) -> OutsideHours:
    waits = run.text("outside_hours") == OutsideHours.WAIT.value
    return OutsideHours.WAIT if waits else OutsideHours.STOP


def _check_folder(run: Section, folder: tuple[Path, ...]) -> None:
    """Refuses a folder of run directories that can never become one."""
    for named in folder:
        for path in (named, *named.parents):
            if os.path.lexists(path):
                if not path.is_dir():
                    run.error("dir", f"{path} is a file; name a folder")
                break


def _require_timezone(
    queries: dict[str, Query], outputs: tuple[Output, ...], report: Report
) -> None:
    """Reports the first use of a date, which means nothing without a time zone."""
    used: list[tuple[Mark, str]] = [
        (query.window.mark, "a window")
        for query in queries.values()
        if query.window is not None
    ]
    for scalar in _scalars(queries, outputs):
        for begin, end in templates_in(scalar.text):
            code = _LITERAL.sub("", scalar.text[begin + 2 : end - 2])
            if name := _DATE_NAME.search(code):
                used.append((scalar.mark, f"'{name[1]}'"))
    if used:
        mark, what = min(used)
        message = (
            f"the field 'timezone' is missing, and {what} depends on it; write it at "
            "the top of the job, such as 'timezone: Europe/Berlin'"
        )
        report.error(mark, "timezone", message)


def _scalars(
    queries: dict[str, Query], outputs: tuple[Output, ...]
) -> Iterator[Scalar]:
    # Variables are left to the plan, which renders only those that are read.
    yield from (output.path for output in outputs)
    for query in queries.values():
        for entry in query.keys:
            yield from entry.values
        for values in query.matrix.values():
            yield from values
        for alternative in query.any_of:
            yield from alternative.values
        if query.rows is not None:
            for row in query.rows.inline:
                yield from row.values()
