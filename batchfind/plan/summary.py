"""A plan for people: what each query asks, of whom, and what it becomes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from batchfind.dicom.models import model_of
from batchfind.dicom.paths import KeyPath
from batchfind.job.model import OutputFormat
from batchfind.job.output_model import TableKind, Where
from batchfind.plan.approach import way_to
from batchfind.plan.explanation import Line, explain
from batchfind.plan.keys import is_universal
from batchfind.plan.model import (
    Plan,
    PlannedOutput,
    PlannedQuery,
    Request,
)
from batchfind.plan.notes import notes_of, text_at
from batchfind.plan.pacing import bounds

WIDTH: Final = 80
_MOST_VALUES: Final = 6
_MOST_OUTPUTS: Final = 10
_EVERYTHING: Final = "(everything)"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySummary:
    """One query of a plan.

    Attributes:
        title: of the information model.
        requests: how many; those of one row for a query asked for each row.
        each: for what they are asked, where it is not once.
        matching: key to its different values, in plan order; among them the empty
            text for requests that ask for everything.
        returned: keys that only ask for the attribute.
        added: keys that batchfind added.
        windows: the pieces of the window, in plan order.
        charsets: terms of (0008,0005) some requests are sent in.
        negotiated: options of extended negotiation that some requests ask, and how
            much each matters.
        notes: what its answers cannot hold, or how peers read its keys.
        explained: what becomes of requests and rows while the job runs: a label,
            empty where it is that of the line before, and a sentence.
    """

    name: str
    title: str
    level: str | None
    peers: tuple[str, ...]
    requests: int
    each: str
    matching: Mapping[str, tuple[str, ...]]
    returned: tuple[str, ...]
    added: tuple[str, ...]
    windows: tuple[str, ...]
    charsets: tuple[str, ...]
    negotiated: tuple[str, ...]
    notes: tuple[str, ...]
    explained: tuple[Line, ...]
    outputs: tuple[PlannedOutput, ...]


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A plan in brief.

    Attributes:
        peers: how peers are reached, of those that are not reached plainly.
        bounds: what rates and hours of peers mean for it.
    """

    job: str
    clock: str
    digest: str
    requests: int
    peers: tuple[str, ...]
    bounds: tuple[str, ...]
    queries: tuple[QuerySummary, ...]


def summary_of(plan: Plan) -> PlanSummary:
    """A plan in brief, query by query."""
    queries = tuple(_query_summary(plan, query) for query in plan.queries.values())
    lines = ((name, way_to(peer)) for name, peer in plan.peers.items())
    return PlanSummary(
        plan.job,
        plan.clock,
        plan.digest,
        len(plan.requests),
        tuple(f"{name} {way}" for name, way in lines if way),
        tuple(bounds(plan)),
        queries,
    )


def summarise(plan: Plan) -> str:
    """A plan in brief as lines of at most 80 columns, where values allow."""
    summary = summary_of(plan)
    requests = _counted(summary.requests, "request")
    if any(query.each for query in summary.queries):
        requests += " and more for rows"
    lines = [f"{summary.job}: {requests} at {summary.clock}, plan {summary.digest[:8]}"]
    for number, way in enumerate(summary.peers):
        lines += _wrapped("" if number else "reaches", way)
    for number, bound in enumerate(summary.bounds):
        lines += _wrapped("" if number else "limits", bound)
    for query in summary.queries:
        lines += ["", *_query_lines(query)]
    return "\n".join(lines)


def _query_summary(plan: Plan, query: PlannedQuery) -> QuerySummary:
    requests = [one for one in plan.requests if one.query == query.name]
    bound: tuple[KeyPath, ...] = ()
    each = ""
    if query.growing is not None:
        requests = list(query.growing.patterns)
        bound = tuple(bind.child for bind in query.growing.binds)
        each = f" for each row of {query.growing.query}"
    matching: dict[str, tuple[str, ...]] = {}
    returned = []
    for path in query.columns:
        values = _values(requests, path)
        if values:
            matching[path.dotted] = values
        elif path not in bound:
            returned.append(path.dotted)
    windows = (one.bindings.get("window") for one in requests)
    return QuerySummary(
        name=query.name,
        title=model_of(query.sop_class).title,
        level=query.level,
        peers=_different(one.peer for one in requests),
        requests=len(requests),
        each=each,
        matching=matching,
        returned=tuple(returned),
        added=query.added,
        windows=_different(window for window in windows if window),
        charsets=_different("\\".join(one.charset) for one in requests if one.charset),
        negotiated=_different(
            f"{name} ({asked.value})"
            for one in requests
            for name, asked in one.negotiation.items()
        ),
        notes=tuple(notes_of(model_of(query.sop_class), matching, requests)),
        explained=tuple(explain(plan, query)),
        outputs=tuple(one for one in plan.outputs if one.query == query.name),
    )


def _values(requests: Iterable[Request], path: KeyPath) -> tuple[str, ...]:
    """The different values of a key; none when no request narrows the answer by it."""
    texts = (text_at(request.identifier, path) for request in requests)
    values = _different("" if is_universal(text) else text for text in texts)
    return values if any(values) else ()


def _different(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _query_lines(query: QuerySummary) -> Iterator[str]:
    level = f" {query.level}" if query.level else ""
    peers = f" at {', '.join(query.peers)}" if query.peers else ""
    requests = _counted(query.requests, "request")
    yield f"{query.name}: {query.title}{level}{peers}, {requests}{query.each}"
    for number, (key, values) in enumerate(query.matching.items()):
        yield from _wrapped("" if number else "matching", f"{key} = {_few(values)}")
    yield from _wrapped("return", ", ".join(query.returned))
    yield from _wrapped("added", ", ".join(query.added))
    yield from _wrapped("window", _ends(query.windows))
    yield from _wrapped("charset", ", ".join(query.charsets))
    yield from _wrapped("asks for", ", ".join(query.negotiated))
    for note in query.notes:
        yield from _wrapped("note", note)
    for label, text in query.explained:
        yield from _wrapped(label, text)
    yield from _output_lines(query.outputs, query.each)


def _output_lines(outputs: tuple[PlannedOutput, ...], each: str) -> Iterator[str]:
    for output in outputs[:_MOST_OUTPUTS]:
        behind = f"{_counted(len(output.requests), 'request')}{each}"
        path = f"{output.path}{'/' if output.is_directory else ''}"
        yield f"  {'writes':<9} {path} ({_kind(output)}, {behind})"
    if len(outputs) > _MOST_OUTPUTS:
        yield f"  {'':<9} and {len(outputs) - _MOST_OUTPUTS} more outputs"


def _kind(output: PlannedOutput) -> str:
    """What stands at an output's path, such as `parquet by StudyDate month`."""
    options = output.options
    kind = output.format.value
    if options.table is TableKind.REQUESTS:
        which = {Where.ALL: "all", Where.FAILED: "failed", Where.NOT_FOUND: "unfound"}
        return f"{kind} of {which[options.where]} requests"
    if options.partition_by:
        columns = (f"{one.source} {one.by or ''}" for one in options.partition_by)
        return f"{kind} by {', '.join(column.rstrip() for column in columns)}"
    if output.format is OutputFormat.XML:
        kind = f"{options.xml.dialect} {kind}"
    if output.format is OutputFormat.DICOM and options.dicom.layout == "zip":
        return f"{kind} in a zip"
    return f"{kind} files" if output.is_directory else kind


def _wrapped(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=f"  {label:<9} ",
        subsequent_indent=" " * 12,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _ends(windows: tuple[str, ...]) -> str:
    if len(windows) < 2:
        return "".join(windows)
    return f"{len(windows)} pieces, {windows[0]} to {windows[-1]}"


def _few(values: tuple[str, ...]) -> str:
    # What asks for everything stands first, where no list can hide it.
    ordered = sorted(values, key=bool)
    shown = ", ".join(
        _visible(value) or _EVERYTHING for value in ordered[:_MOST_VALUES]
    )
    rest = len(values) - _MOST_VALUES
    return f"{shown} … and {rest} more" if rest > 0 else shown


def _visible(text: str) -> str:
    """A value with each character that a terminal hides or obeys written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
