"""Tables of requests: one row for each question, with what became of it.

A request that several input rows asked for has one line for each of them, so that
the lines of an input and the lines of the table can be laid side by side. With
`where` the table holds what has to be asked again, or looked for elsewhere, under
the names the job's templates use: it can be mended and fed back as `rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import pyarrow as pa

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.job.output_model import OutputOptions, Where
from batchfind.plan.model import PlannedOutput, PlannedQuery, Request, SourceRow
from batchfind.plan.table_columns import ColumnKind, request_columns
from batchfind.tables.schema import Column, TableSchema

_TYPES: Final = {
    "bf_responses": pa.int64(),
    "bf_attempts": pa.int64(),
    "bf_seconds": pa.float64(),
}
"""Arrow types of the columns that are no text."""

_UNANSWERED: Final = frozenset({Verdict.FAILED, Verdict.PARTIAL, Verdict.SKIPPED})
_SEARCHED: Final = frozenset({Verdict.COMPLETE, Verdict.SUSPECT})


def requests_schema(
    query: PlannedQuery, options: OutputOptions | None = None
) -> TableSchema:
    """The schema of a query's table of requests.

    Args:
        query: whose matrix, row and window names become columns.
        options: `columns` picks, orders and renames; as planned.
    """
    known = {column.name: column for column in request_columns(query)}
    chosen = options.columns if options is not None else ()
    picked = [(known[one.source], one.name or one.source) for one in chosen]
    return TableSchema(
        query=query.name,
        columns=tuple(
            Column(
                name=name,
                kind=column.kind,
                type=_TYPES.get(column.source, pa.string())
                if column.kind is ColumnKind.PROVENANCE
                else pa.string(),
                source=column.source,
            )
            for column, name in picked or [(one, one.name) for one in known.values()]
        ),
    )


def requests_table(
    query: PlannedQuery,
    output: PlannedOutput,
    requests: Iterable[Request],
    verdicts: Mapping[str, RequestVerdict],
    returned: Mapping[str, Mapping[str, int]] | None = None,
) -> pa.Table:
    """The table of the requests behind an output.

    Args:
        query: the query whose requests they are.
        output: says which of them it wants (`options.where`), and which columns.
        requests: in plan order; those that are no pieces of others.
        verdicts: final ones by request id.
        returned: for requests with a batch, by request id, how many responses came
            for each value of the unique key.

    Returns:
        A pyarrow Table with `requests_schema`, in plan order; a request that several
        input rows asked for has a row for each of them, in their order.
    """
    schema = requests_schema(query, output.options)
    wanted = _WANTED[output.options.where]
    lines = [
        line
        for request in requests
        for line in _lines(
            request, verdicts[request.id], (returned or {}).get(request.id, {})
        )
        if wanted(line)
    ]
    arrays = [
        pa.array([_cell(line, column) for line in lines], column.type)
        for column in schema.columns
    ]
    return pa.Table.from_arrays(arrays, schema=schema.arrow)


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the table.

    Attributes:
        source: the input row, or None where the job has none.
        responses: of the request, or of the row's UID where many were asked at once.
        names: matrix, row and window names with their text.
    """

    request: Request
    verdict: RequestVerdict
    source: SourceRow | None
    responses: int
    names: Mapping[str, str]


def _lines(
    request: Request, verdict: RequestVerdict, returned: Mapping[str, int]
) -> Iterator[_Line]:
    if not request.source_rows:
        yield _Line(request, verdict, None, verdict.responses, request.bindings)
    asked = _batch_name(request)
    for source in request.source_rows:
        responses = verdict.responses
        if asked is not None:
            responses = returned.get(source.cells[asked], 0)
        names = {**request.bindings, **source.cells}
        yield _Line(request, verdict, source, responses, names)


def _batch_name(request: Request) -> str | None:
    """The column that a batch was made of; None for other requests."""
    if not request.batch:
        return None
    rows, uids = request.source_rows, set(request.batch)
    names = (name for row in rows[:1] for name in row.cells)
    return next((n for n in names if {row.cells[n] for row in rows} == uids), None)


_WANTED: Final[Mapping[Where, Callable[[_Line], bool]]] = {
    Where.ALL: lambda _: True,
    Where.FAILED: lambda line: line.verdict.verdict in _UNANSWERED,
    # What was cancelled before anything came was not searched to its end.
    Where.NOT_FOUND: lambda line: (
        line.verdict.verdict in _SEARCHED and not line.responses
    ),
}


def _cell(line: _Line, column: Column) -> Any:
    if column.kind is ColumnKind.CARRY:
        return line.names.get(column.source)
    return _CELLS[column.source](line)


def _source_row(source: SourceRow | None) -> str | None:
    if source is None:
        return None
    name = PurePath(source.source).name
    # Rows in the job itself are counted as messages count them.
    return f"rows[{source.line}]" if name == source.source else f"{name}:{source.line}"


def _cause(line: _Line) -> str | None:
    return line.verdict.cause.code if line.verdict.cause else None


def _message(line: _Line) -> str | None:
    return line.verdict.cause.message if line.verdict.cause else None


_CELLS: Final[Mapping[str, Callable[[_Line], Any]]] = {
    "bf_query": lambda line: line.request.query,
    "bf_peer": lambda line: line.request.peer,
    "bf_request": lambda line: line.request.id,
    "bf_source_row": lambda line: _source_row(line.source),
    "bf_verdict": lambda line: line.verdict.verdict.value,
    "bf_responses": lambda line: line.responses,
    "bf_attempts": lambda line: line.verdict.attempts,
    "bf_cause": _cause,
    "bf_message": _message,
    "bf_seconds": lambda line: round(line.verdict.seconds, 3),
}
