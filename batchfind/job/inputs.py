"""Reads every file a job names, before anything is planned or asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from batchfind.errors import JobError, Mark, Problem
from batchfind.job.materials import missing_materials
from batchfind.job.model import Job, Query, Rows
from batchfind.job.suggest import did_you_mean
from batchfind.sources.model import BaseIdentifier, Table
from batchfind.sources.rows import read_csv

UTF_8: Final = "utf-8"
"""Encoding of a CSV file when a job names none."""

_PARQUET: Final = b"PAR1"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything read from files.

    Attributes:
        tables: query name to the table its `rows.from` names.
        files: absolute path to the base Identifier it holds.
        raw_files: likewise for raw queries, as written.
    """

    tables: Mapping[str, Table] = field(default_factory=dict)
    files: Mapping[Path, BaseIdentifier] = field(default_factory=dict)
    raw_files: Mapping[Path, BaseIdentifier] = field(default_factory=dict)

    def bases_of(self, query: Query) -> tuple[BaseIdentifier, ...]:
        """The base Identifiers of a query, in the order written."""
        files = self.raw_files if query.raw else self.files
        return tuple(files[path] for path in query.files)


def read_inputs(job: Job) -> Inputs:
    """Everything the job's queries name in `rows` and `files`.

    Files of keys, certificates and secrets must be there; they are read when a
    connection needs them.

    Args:
        job: the job; its paths are absolute.

    Returns:
        One table a query with rows from a file, one Identifier a file.

    Raises:
        JobError: with every file that is missing, unreadable or malformed, and
            every column that a table lacks.
    """
    problems = missing_materials(job.materials)
    tables: dict[str, Table] = {}
    files: dict[bool, dict[Path, BaseIdentifier]] = {False: {}, True: {}}
    for name, query in job.queries.items():
        place = f"queries.{name}"
        if query.rows is not None and query.rows.source is not None:
            rows, source = query.rows, query.rows.source
            table = _try(partial(_read_rows, rows, source), place, problems)
            if table is not None:
                tables[name] = table
                problems += _missing_columns(query, rows, table, place)
        known = files[query.raw]
        for path in query.files:
            if path not in known:
                read = partial(_read_identifier, path, job, as_written=query.raw)
                base = _try(read, place, problems)
                if base is not None:
                    known[path] = base
    if problems:
        raise JobError(dict.fromkeys(problems))
    return Inputs(tables=tables, files=files[False], raw_files=files[True])


def _try(read: Callable[[], T], place: str, problems: list[Problem]) -> T | None:
    try:
        return read()
    except JobError as error:
        problems += [
            replace(one, path=f"{place}.{one.path}" if one.path else place)
            for one in error.problems
        ]
        return None


def _read_rows(rows: Rows, source: Path) -> Table:
    if _begins_with(source, _PARQUET):
        _refuse_csv_fields(rows, source)
        # pyarrow takes longer to import than most jobs to validate.
        from batchfind.sources.parquet import read_parquet  # noqa: PLC0415

        return read_parquet(source)
    return read_csv(source, delimiter=rows.delimiter, encoding=rows.encoding or UTF_8)


def _read_identifier(path: Path, job: Job, *, as_written: bool) -> BaseIdentifier:
    # Six forms of files to import, and most jobs name none.
    from batchfind.sources.identifiers import read_identifier  # noqa: PLC0415

    return read_identifier(path, job.dictionary, as_written=as_written)


def _refuse_csv_fields(rows: Rows, source: Path) -> None:
    """What says how to read CSV says nothing about a Parquet file."""
    given = {"delimiter": rows.delimiter, "encoding": rows.encoding}
    message = f"{source.name} is a Parquet file, which has none; remove this field"
    problems = [
        Problem(rows.mark, f"rows.{name}", message)
        for name, value in given.items()
        if value is not None
    ]
    if problems:
        raise JobError(problems)


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except (OSError, ValueError):
        return False  # the reader says why


def _missing_columns(
    query: Query, rows: Rows, table: Table, place: str
) -> list[Problem]:
    """Columns that the job names and the table does not have."""
    header = table.header
    wanted = [
        (rows.mark, f"{place}.rows.columns", column)
        for column in rows.columns.values()
        if column not in header
    ]
    known = {*query.matrix, *(rows.columns or header)}
    wanted += [
        (query.mark, f"{place}.carry", name)
        for name in query.carry
        if name not in known
    ]
    found = [_no_column(table, *one) for one in wanted]
    used = [(f"{place}.rows.columns", header) for header in rows.columns.values()]
    if not rows.columns:
        used += [(f"{place}.carry", name) for name in query.carry]
    found += [
        Problem(Mark(table.path), where, table.why_unusable(name))
        for where, name in used
        if name in table.unusable
    ]
    return found


def _no_column(table: Table, mark: Mark, place: str, name: str) -> Problem:
    meant = did_you_mean(name, table.header)
    message = f"{Path(table.path).name} has no column '{name[:64]}'{meant}"
    return Problem(mark, place, message)
